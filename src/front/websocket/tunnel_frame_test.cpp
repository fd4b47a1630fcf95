#include "front/websocket/tunnel_frame.hpp"

#include <gtest/gtest.h>

namespace hawser::front::websocket {
namespace {

TEST(TunnelFrame, ARequestIsReadWhole) {
  const auto read = read_request(
      R"({"t":"req","id":"r","p":"/v1/embeddings","b":{"a":1},"h":{"x-a":"1"},"ttl":50})", {});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->given.method, "POST");
  EXPECT_EQ(read->given.target, "/v1/embeddings");
  EXPECT_EQ(read->given.body, R"({"a":1})");
  EXPECT_EQ(read->given.fields,
            (exchange::FieldList{{"x-a", "1"}, {"Content-Type", "application/json"}}));
  EXPECT_EQ(read->ttl, 50ms);
  EXPECT_FALSE(read->parts);
}

TEST(TunnelFrame, WhatIsNoRequestIsRefused) {
  for (const char* bad : {R"({"p":"/v2/x"})", R"({"p":"/v1/x","m":"TRACE"})",
                          R"({"p":"/v1/x","b64":"*"})", R"({"p":"/v1/x","h":[]})",
                          R"({"p":"/v1/x","h":{"a":"\n"}})", R"({"p":"/v1/x","idem":"\r"})"}) {
    EXPECT_FALSE(read_request(bad, {})) << bad;
  }
  EXPECT_FALSE(read_request(R"({"p":"/v1/x","h":{"x-hawser-data-class":"b"}})",
                            {{"x-hawser-data-class", "a"}}));
}

TEST(TunnelFrame, AHelloTakesUpNoMoreThanMayRun) {
  const auto list = [](std::size_t count) {
    std::string out = R"({"resume":[)";
    for (std::size_t i = 0; i < count; ++i) {
      out += std::string(i > 0 ? "," : "") + R"({"id":"r)" + std::to_string(i) +
             R"(","gen":"g-00","after":[1,4]})";
    }
    return out + "]}";
  };
  const auto all = read_resumes(list(4), 4);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 4U);
  EXPECT_EQ(all->front().target, "/v1/generations/g-00/events?after=1.4");
  const auto more = read_resumes(list(5), 4);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, Code::too_large);
  EXPECT_TRUE(read_resumes(R"({"t":"hello"})", 4)->empty());
  EXPECT_TRUE(read_resumes(R"({"resume":[ ]})", 4)->empty());
  for (const char* bad : {R"({"resume":7})", R"({"resume":[7]})", R"({"resume":[{}]})",
                          R"({"resume":[{"id":""}]})"}) {
    EXPECT_FALSE(read_resumes(bad, 4)) << bad;
  }
  const auto nowhere = read_resumes(R"({"resume":[{"id":"a","gen":"../../x"}]})", 4);
  ASSERT_TRUE(nowhere);
  EXPECT_FALSE(nowhere->front().target) << "it names no generation";
}

}  // namespace
}  // namespace hawser::front::websocket
