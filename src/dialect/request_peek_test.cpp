#include "dialect/request_peek.hpp"

#include <gtest/gtest.h>

namespace hawser::dialect {
namespace {

TEST(PeekRequest, FindsTheModelAndWhereItStands) {
  const std::string body =
      R"({"messages":[{"model":"no","x":"}\"{"}], "model" : "gpt-4o" ,"stream":true})";
  RequestFacts facts;
  ASSERT_TRUE(peek_request(body, facts));
  EXPECT_TRUE(facts.has_model);
  EXPECT_EQ(facts.model, "gpt-4o");
  EXPECT_EQ(body.substr(facts.model_at, facts.model_size), "\"gpt-4o\"");
  EXPECT_TRUE(facts.stream);
}

TEST(PeekRequest, ReadsNamesByTheirMeaning) {
  RequestFacts facts;
  ASSERT_TRUE(peek_request(R"({"mod\u0065l":"a\u0062\"c"})", facts));
  EXPECT_EQ(facts.model, "ab\"c");
}

TEST(PeekRequest, RefusesWhatIsUnclear) {
  RequestFacts facts;
  for (const auto* body : {"", "[]", "{", "{\"model\"}", "{\"model\":}", "{\"a\":1}x",
                           "{\"a\":\"b}", "null", R"({"model":"a","model":"b"})",
                           R"({"model":"a","mod\u0065l":"b"})", R"({"stream":true,"stream":false})",
                           R"({"model":5})", R"({"stream":"yes"})", R"({"model":"\ud8"})"}) {
    SCOPED_TRACE(body);
    const auto peeked = peek_request(body, facts);
    ASSERT_FALSE(peeked);
    EXPECT_EQ(peeked.error().code, Code::invalid_request);
  }
}

TEST(PeekRequest, NeedsNeitherMember) {
  RequestFacts facts;
  for (const auto* body :
       {"{}", " {\"a\":[1,2,{\"b\":null}]} ", R"({"model":null,"stream":null})"}) {
    ASSERT_TRUE(peek_request(body, facts)) << body;
    EXPECT_FALSE(facts.has_model);
    EXPECT_FALSE(facts.stream);
  }
}

TEST(PeekRequest, StepsOverEscapedQuotes) {
  RequestFacts facts;
  ASSERT_TRUE(peek_request(R"({"a":"\\","b":"\\\"","c":"\\\\\"","model":"m"})", facts));
  EXPECT_EQ(facts.model, "m");
}

}  // namespace
}  // namespace hawser::dialect
