#include "dialect/request_text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hawser::dialect {
namespace {

std::string texts(std::string_view body, RequestText* found = nullptr) {
  std::string out;
  const auto what = for_each_text(body, [&](std::string_view text) { out.append(text) += '|'; });
  if (found != nullptr) *found = what;
  return out;
}

TEST(RequestText, WhatTheModelReads) {
  RequestText found;
  EXPECT_EQ(texts(R"({"model":"m","temperature":0,"messages":[)"
                  R"({"role":"system","content":"Be \"br\u0069ef\""},)"
                  R"({"role":"user","content":[{"type":"text","text":"Hi"}]}],"user":"nobody"})",
                  &found),
            "system|Be \"brief\"|user|text|Hi|");
  EXPECT_EQ(found.messages, 2u);
  EXPECT_EQ(texts(R"({"input":"one","instructions":"two"})", &found), "one|two|");
  EXPECT_EQ(found.messages, 1u);
  EXPECT_EQ(texts(R"({"input":["a","b",3]})"), "a|b|");
  EXPECT_EQ(texts(R"({"m\u0065ssages":[{"cont\u0065nt":"Hi"}]})", &found), "Hi|");
  EXPECT_EQ(found.messages, 1u);
  EXPECT_EQ(texts(R"({"prompt":"p","tools":[{"function":{"name":"f","parameters":{"x":1}}}]})"),
            "p|f|");
}

TEST(RequestText, AttachmentsAreCountedAndNotRead) {
  const std::string image(5000, 'A');
  RequestText found;
  EXPECT_EQ(
      texts(R"({"messages":[{"content":[{"image_url":{"url":"data:image/png;base64,)" + image +
                R"("}},{"input_audio":{"data":")" + image + R"("}},{"text":"what?"}]}]})",
            &found),
      "what?|");
  EXPECT_EQ(found.attachments, 2u);
}

TEST(RequestText, OfNonsenseThereIsNone) {
  for (const auto body : {"", "[]", "nonsense", R"({"messages":7})", R"({"messages":[)"}) {
    EXPECT_EQ(texts(body), "") << body;
  }
}

TEST(RequestText, NamesAreReadAsTheyAreMeant) {
  std::string all;
  for_each_text(R"({"messag\u0065s":[{"role":"user","conten\u0074":"word"}],"m\u0065tadata":"no"})",
                [&](std::string_view text) { all.append(text).append(" "); });
  EXPECT_NE(all.find("word"), std::string::npos);
  EXPECT_EQ(all.find("no "), std::string::npos);
}

}  // namespace
}  // namespace hawser::dialect
