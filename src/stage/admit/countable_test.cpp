#include "stage/admit/countable.hpp"

#include <gtest/gtest.h>

namespace hawser::stage::admit {
namespace {

bool countable(std::string target, std::string_view field = {}, dialect::CountName unread = {}) {
  wire::RequestHead head;
  head.target = target;
  if (!field.empty()) head.fields.push_back({field, "candidates"});
  exchange::Request request;
  request.head = &head;
  request.facts.unread_count = unread;
  return !why_uncountable(request);
}

TEST(Countable, TheUsageMayNotBeLeftOut) {
  const std::string path = "/v1beta/models/m:generateContent";
  EXPECT_TRUE(countable(path));
  EXPECT_TRUE(countable(path + "?alt=sse&key=k"));
  EXPECT_TRUE(countable(path + "?infields=1"));
  EXPECT_FALSE(countable(path + "?fields=candidates"));
  EXPECT_FALSE(countable(path + "?alt=sse&fields=candidates"));
  EXPECT_FALSE(countable(path + "?f%69elds=candidates"));
  EXPECT_FALSE(countable(path + "?$fields=candidates"));
  EXPECT_FALSE(countable(path + "?%24fields=candidates"));
  EXPECT_FALSE(countable(path + "?fields"));
  EXPECT_FALSE(countable(path + "?%zz=1"));
  EXPECT_FALSE(countable(path, "X-Goog-FieldMask"));
}

TEST(Countable, AnswersAreCountedByANumber) {
  EXPECT_FALSE(countable("/v1/chat/completions", {}, dialect::CountName::n));
}

}  // namespace
}  // namespace hawser::stage::admit
