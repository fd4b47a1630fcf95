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

TEST(PeekRequest, IsAsStrictAsTheLaxestReaderIsLax) {
  RequestFacts facts;
  for (const auto* body :
       {R"({"model":"a","MODEL":"b"})", R"({"model":"a","Model":"b"})",
        "{\"model\":\"a\",\"me\xc5\xbf\xc5\xbf"
        "ages\":[]}",
        R"({"Messages":[]})", R"({"model":"a","x":1,"x":2})", R"({"model":"a" /* */})",
        "{'model':'a'}", R"({"model":"a",})", "{\"model\":\"a\"}\n{}",
        "\xef\xbb\xbf{\"model\":\"a\"}", R"({"model":NaN})", "{\"model\":\"\xff\"}",
        R"({"\u004dodel":"b"})", R"({"\u006dodel":"a","model":"b"})", "{\"model\":\"a\nb\"}"}) {
    const auto peeked = peek_request(body, facts);
    ASSERT_FALSE(peeked) << body;
    EXPECT_EQ(peeked.error().code, Code::invalid_request) << body;
  }
  for (const auto* body : {R"({"generationConfig":{},"systemInstruction":{},"toolConfig":{}})",
                           R"({"model":"a","metadata":{"Model":"b","model":"c"}})"}) {
    EXPECT_TRUE(peek_request(body, facts)) << body;
  }
}

TEST(PeekRequest, OfAPathThatIsNotKnownAModelThatIsNoTextIsNone) {
  RequestFacts facts;
  const auto* body = R"({"model":{"id":"claude","effort":"low"},"stream":"yes"})";
  EXPECT_FALSE(peek_request(body, facts));
  ASSERT_TRUE(peek_request(body, facts, PeekMode::unknown));
  EXPECT_FALSE(facts.has_model);
}

TEST(PeekRequest, TakesWhatPoliciesAskFor) {
  RequestFacts facts;
  ASSERT_TRUE(peek_request(R"({"n":3,"best_of":7,"max_tokens":50,"store":true,"logprobs":true,)"
                           R"("stream_options":{"include_usage":true},"user":"u"})",
                           facts));
  EXPECT_EQ(facts.choices, 7u);
  EXPECT_EQ(facts.output_max, 50u);
  EXPECT_TRUE(facts.usage_asked && facts.stores && facts.logprobs);
  EXPECT_EQ(facts.user, "\"u\"");
  ASSERT_TRUE(peek_request(R"({"n":1000000000000,"max_tokens":99999999999})", facts));
  EXPECT_EQ(facts.choices, 0xffffu);
  EXPECT_EQ(facts.output_max, 0xffffffffu);
  ASSERT_TRUE(peek_request(R"({"stream_options":{"x":true},"include_usage":true})", facts));
  EXPECT_FALSE(facts.usage_asked);
  ASSERT_TRUE(peek_request(R"({"include":["message.output_text.logprobs"]})", facts));
  EXPECT_TRUE(facts.logprobs);
}

TEST(RequestPeek, WhateverAsksForTheTextOfTokensIsSeen) {
  RequestFacts facts;
  for (const char* name :
       {"logprobs", "top_logprobs", "prompt_logprobs", "responseLogprobs", "response_logprobs",
        "n_probs", "return_token_ids", "return_tokens_as_token_ids", "details", "top_n_tokens",
        "LogProbs", "log_probs", "l\\u006fgprobs", "new_kind_of_logprobs"}) {
    for (const char* value :
         {"true", "1", "5.0", "\"true\"", "\"false\"", "{}", "[]", "-1", "1e0"}) {
      const std::string member = "{\"" + std::string(name) + "\":" + value + "}";
      for (const std::string& body : {member, "{\"generationConfig\":" + member + "}",
                                      "{\"options\":" + member + ",\"x\":false}"}) {
        ASSERT_TRUE(peek_request(body, facts, PeekMode::unknown)) << body;
        EXPECT_TRUE(facts.logprobs) << body;
      }
    }
    for (const char* value : {"false", "null"}) {
      ASSERT_TRUE(peek_request("{\"" + std::string(name) + "\":" + value + ",\"x\":true}", facts));
      EXPECT_FALSE(facts.logprobs) << name;
    }
  }
  for (const char* body : {R"({"top_logprobs":0})", R"({"metadata":{"logprobs":"x"}})",
                           R"({"messages":[{"logprobs":1}]})", R"({"stream":true,"n":1})",
                           R"({"include":["reasoning.encrypted_content"]})"}) {
    ASSERT_TRUE(peek_request(body, facts)) << body;
    EXPECT_FALSE(facts.logprobs) << body;
  }
  for (const char* body : {R"({"include":["message.output_text.logprobs"]})", R"({"logprobs":0})",
                           R"({"include":"output_text.logprobs"})"}) {
    ASSERT_TRUE(peek_request(body, facts)) << body;
    EXPECT_TRUE(facts.logprobs) << body;
  }
}

TEST(PeekRequest, StepsOverEscapedQuotes) {
  RequestFacts facts;
  ASSERT_TRUE(peek_request(R"({"a":"\\","b":"\\\"","c":"\\\\\"","model":"m"})", facts));
  EXPECT_EQ(facts.model, "m");
}

TEST(RequestPeek, AnswersOfEveryPromptOfAList) {
  const auto choices = [](std::string_view body) {
    RequestFacts facts;
    EXPECT_TRUE(peek_request(body, facts)) << body;
    return facts.choices;
  };
  EXPECT_EQ(choices(R"({"prompt":"a"})"), 1u);
  EXPECT_EQ(choices(R"({"prompt":["a","b","c"]})"), 3u);
  EXPECT_EQ(choices(R"({"n":2,"prompt":["a","b","c"],"stop":["x","y"]})"), 6u);
  EXPECT_EQ(choices(R"({"prompt":[[1,2],[3,4,5]],"best_of":3})"), 6u);
  EXPECT_EQ(choices(R"({"prompt":[1,2,3]})"), 1u);
  EXPECT_EQ(choices(R"({"prompt":[]})"), 1u);
  EXPECT_EQ(choices(R"({"prompt":{"id":"a","version":"b"}})"), 1u);
  EXPECT_EQ(choices(R"({"generationConfig":{"stopSequences":["a"],"candidateCount":4}})"), 4u);
  EXPECT_EQ(choices(R"({"generation_config":{"candidate\u0043ount":4}})"), 4u);
  EXPECT_EQ(choices(R"({"metadata":{"candidateCount":4},"a":{"n":9}})"), 1u);
  std::string many = R"({"n":1000,"prompt":["a")";
  for (int i = 0; i < 100; ++i) many += ",\"a\"";
  EXPECT_EQ(choices(many + "]}"), 0xffffu);
}

TEST(RequestPeek, CountsAreReadInEverySpelling) {
  for (const auto* n : {"64", "64.0", "6.4e1", R"("64")", R"(" 64 ")"}) {
    for (const std::string& body :
         {std::string(R"({"n":)") + n + "}", std::string(R"({"\u006e":)") + n + "}",
          std::string(R"({"best_of":)") + n + "}",
          std::string(R"({"generationConfig":{"candidateCount":)") + n + "}}",
          std::string(R"({"generation_config":{"candidate_count":)") + n + "}}"}) {
      RequestFacts facts;
      ASSERT_TRUE(peek_request(body, facts)) << body;
      EXPECT_EQ(facts.choices, 64u) << body;
      EXPECT_TRUE(facts.unread_count == CountName::none) << body;
    }
  }
  for (const auto* n : {R"("many")", "[64]", "{}"}) {
    RequestFacts facts;
    ASSERT_TRUE(peek_request(std::string(R"({"n":)") + n + "}", facts));
    EXPECT_EQ(facts.unread_count, CountName::n);
    ASSERT_TRUE(
        peek_request(std::string(R"({"generationConfig":{"candidateCount":)") + n + "}}", facts));
    EXPECT_EQ(facts.unread_count, CountName::candidates);
  }
  RequestFacts facts;
  ASSERT_TRUE(peek_request(R"({"n":null,"best_of":null})", facts));
  EXPECT_TRUE(facts.unread_count == CountName::none);
}

TEST(RequestPeek, NoMemberOfWhatIsLookedIntoStandsTwice) {
  for (const auto* body :
       {R"({"stream_options":{"include_usage":true,"include_usage":false}})",
        R"({"stream_options":{"include_usage":true,"include_us\u0061ge":false}})",
        R"({"stream_options":{"include_usage":true,"Include_Usage":false}})",
        R"({"stream_options":{"Include_Usage":false}})",
        R"({"stream_options":{"includeUsage":false}})", R"({"stream_options":{"a":1,"a":2}})",
        R"({"generationConfig":{"candidateCount":1,"candidateCount":64}})",
        R"({"generationConfig":{"candidateCount":1,"candidate_count":64}})",
        R"({"generationConfig":{"CandidateCount":64}})",
        R"({"generationConfig":{},"generation_config":{"candidateCount":64}})"}) {
    RequestFacts facts;
    EXPECT_FALSE(peek_request(body, facts)) << body;
    EXPECT_FALSE(peek_request(body, facts, PeekMode::unknown)) << body;
  }
  for (const auto* body :
       {R"({"stream_options":{"include_usage":true,"include_obfuscation":false}})",
        R"({"stream_options":null})", R"({"metadata":{"a":1,"a":2}})",
        R"({"generationConfig":{"candidateCount":2,"topK":1,"top_p":1}})"}) {
    RequestFacts facts;
    EXPECT_TRUE(peek_request(body, facts)) << body;
  }
}

TEST(RequestPeek, TheLongestAnswerByTheNameOfItsApi) {
  const auto most = [](AnswerFormat format) {
    RequestFacts facts;
    EXPECT_TRUE(peek_request(R"({"max_tokens":5,"max_completion_tokens":"7","max_output_tokens":3,)"
                             R"("generationConfig":{"maxOutputTokens":2}})",
                             facts, PeekMode::known, format));
    return facts.output_max;
  };
  EXPECT_EQ(most(AnswerFormat::chat), 7u);
  EXPECT_EQ(most(AnswerFormat::completions), 7u);
  EXPECT_EQ(most(AnswerFormat::messages), 7u);
  EXPECT_EQ(most(AnswerFormat::responses), 3u);
  EXPECT_EQ(most(AnswerFormat::gemini), 2u);
}

TEST(RequestPeek, FurtherModelsAndServers) {
  const auto others = [](std::string_view body) {
    RequestFacts facts;
    EXPECT_TRUE(peek_request(body, facts)) << body;
    return facts.other_models;
  };
  for (const char* body :
       {R"({"model":"a","models":["b"]})", R"({"model":"a","fallbacks":["b"]})",
        R"({"model":"a","fallb\u0061cks":["b"]})", R"({"api_base":"https://x"})",
        R"({"base_url":"https://x"})", R"({"apiBase":"https://x"})", R"({"model_list":[]})",
        R"({"extra_body":{"models":["b"]}})", R"({"extra_body":{"api_base":"x"}})",
        R"({"preset":"b"})", R"({"tools":[{"type":"image_generation","model":"b"}]})",
        R"({"tools":[{"type":"x"},{"mod\u0065l":"b"}]})", R"({"transcription":{"model":"b"}})"}) {
    EXPECT_TRUE(others(body)) << body;
  }
  for (const char* body :
       {R"({"model":"a","messages":[{"role":"user","content":"models"}]})",
        R"({"model":"a","metadata":{"model":"b"}})", R"({"input":[{"model":"b"}]})",
        R"({"tools":[{"function":{"parameters":{"properties":{"model":{"type":"string"}}}}}]})"}) {
    EXPECT_FALSE(others(body)) << body;
  }
}

TEST(RequestPeek, WhatRunsInTheBackground) {
  const auto runs = [](std::string_view body) {
    RequestFacts facts;
    EXPECT_TRUE(peek_request(body, facts)) << body;
    return facts.background;
  };
  EXPECT_TRUE(runs(R"({"background":true})"));
  EXPECT_TRUE(runs(R"({"b\u0061ckground":true})"));
  EXPECT_TRUE(runs(R"({"background":1})"));
  EXPECT_TRUE(runs(R"({"background":"true"})"));
  EXPECT_TRUE(runs(R"({"background":"1"})"));
  EXPECT_FALSE(runs(R"({"background":false})"));
  EXPECT_FALSE(runs(R"({"background":null})"));
  EXPECT_FALSE(runs(R"({"metadata":{"background":true}})"));
}

}  // namespace
}  // namespace hawser::dialect
