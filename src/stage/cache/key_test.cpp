#include "stage/cache/key.hpp"

#include <gtest/gtest.h>

#include <cstdio>

#include "exchange/call.hpp"

namespace hawser::stage::cache {
namespace {

struct Request {
  std::string body{};
  std::string tenant = "t", team = "x", key = "k", user{};
  std::string path = "/v1/chat/completions";
  std::string provider = "openai", model = "gpt-4o";
  std::vector<std::pair<std::string, std::string>> fields{};
  provider::PassedFields passed{};
};

std::string key_text(const Request& request, Scope scope = Scope::tenant) {
  exchange::Call call({.method = "POST", .target = request.path, .fields = request.fields}, {});
  const auto format = dialect::format_of(call.exchange().request.endpoint);
  const auto canonical = canonical_request(request.body, format);
  if (!canonical) return {};
  const exchange::Principal principal{request.tenant, request.team, request.key, {}};
  call.exchange().principal = &principal;
  call.exchange().request.facts.user = request.user;
  exchange::Target target;
  target.provider_name = request.provider;
  target.model = request.model;
  const Key key = key_of(call.exchange(), {*canonical, request.passed}, scope, target, "secret");
  return {reinterpret_cast<const char*>(key.data()), key.size()};
}

const std::string base =

    R"({"model":"gpt-4o","messages":[{"role":"user","content":"Hi \u4f60 there"}],)"
    R"("temperature":0,"max_tokens":100,"tools":[{"type":"function",)"
    R"("function":{"name":"f","parameters":{"a":1,"b":[1,2.5,true,null]}}}]})";

Request with(std::string_view member) {
  return {.body = base.substr(0, base.size() - 1) + "," + std::string(member) + "}"};
}
std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

TEST(CacheKey, WhatChangesNothingInTheAnswerSharesAnEntry) {
  std::vector<Request> same;
  // What only the transport or the bill reads.
  for (const auto* name : {"user", "safety_identifier", "prompt_cache_key", "service_tier",
                           "prompt_cache_retention"}) {
    for (const auto* value : {"\"a\"", "\"b\"", "null", "\"\"", "\"\\u0061\""}) {
      same.push_back(with("\"" + std::string(name) + "\":" + value));
    }
  }
  for (const auto* member :
       {R"("stream":true)", R"("stream":false)", R"("stream_options":{"include_usage":true})",
        R"("stream_options":null)", R"("metadata":{"a":"b"})", R"("metadata":{})",
        R"("str\u0065am":true)"}) {
    same.push_back(with(member));
  }
  // The same value in another spelling.
  const std::pair<const char*, const char*> spellings[] = {
      {":0,", ":0.0,"},
      {":0,", ":-0,"},
      {":0,", ":0e5,"},
      {":100,", ":1e2,"},
      {":100,", ":100.0,"},
      {":100,", ":1.0E+2,"},
      {"2.5", "2.50"},
      {"2.5", "25e-1"},
      {"2.5", "0.25e1"},
      {"\"Hi", "\"\\u0048i"},
      {"\\u4f60", "\u4f60"},
      {"\\u4f60", "\\u4F60"},
      {"there", "th\\u0065re"},
      {"\"f\"", "\"\\u0066\""},
      {"\"role\"", "\"r\\u006fle\""},
      {"{\"a\":1,", "{ \"a\" : 1 ,"},
      {"[1,2.5", "[ 1 , 2.5"},
      {",\"max_tokens\"", ", \n\t\"max_tokens\""},
      {"{\"a\":1,\"b\":[1,2.5,true,null]}", "{\"b\":[1,2.5,true,null],\"a\":1}"},
      {"{\"role\":\"user\",\"content\":\"Hi \\u4f60 there\"}",
       "{\"content\":\"Hi \\u4f60 there\",\"role\":\"user\"}"},
      {"\"temperature\":0,\"max_tokens\":100", "\"max_tokens\":100,\"temperature\":0"}};
  for (const auto& [what, by] : spellings) same.push_back({.body = replaced(base, what, by)});
  same.push_back({.body = replaced(base, "\"model\":\"gpt-4o\",", "")});  // the target says it
  for (const auto* name :
       {"x-request-id", "user-agent", "x-stainless-retry-count", "traceparent"}) {
    Request request{.body = base};
    request.fields.emplace_back(name, "1");
    same.push_back(request);
  }
  same.push_back({.body = base, .key = "other"});
  same.push_back({.body = base, .team = "other"});
  const std::string expected = key_text({.body = base});
  ASSERT_FALSE(expected.empty());
  for (const auto& request : same) EXPECT_EQ(key_text(request), expected) << request.body;
  EXPECT_GE(same.size(), 60u);
  std::printf("figure: %zu requests like one: they share its key\n", same.size());
}

TEST(CacheKey, EverythingElseMakesAnotherOne) {
  std::vector<Request> other;
  // Any parameter, known to us or not.
  for (const auto* name : {"top_p",
                           "top_k",
                           "n",
                           "stop",
                           "seed",
                           "presence_penalty",
                           "frequency_penalty",
                           "logit_bias",
                           "logprobs",
                           "top_logprobs",
                           "response_format",
                           "tool_choice",
                           "parallel_tool_calls",
                           "reasoning_effort",
                           "verbosity",
                           "modalities",
                           "prediction",
                           "functions",
                           "function_call",
                           "system",
                           "thinking",
                           "enable_thinking",
                           "min_p",
                           "repetition_penalty",
                           "guided_json",
                           "a_parameter_of_next_year"}) {
    for (const auto* value : {"1", "null", "\"x\"", "{\"a\":1}"}) {
      other.push_back(with("\"" + std::string(name) + "\":" + value));
    }
  }
  const std::pair<const char*, const char*> changes[] = {
      {":0,", ":0.1,"},
      {":100,", ":101,"},
      {":100,", ":null,"},
      {":100,", ":\"100\","},
      {"2.5", "2.500001"},
      {"true", "false"},
      {"null", "0"},
      {"null", "\"null\""},
      {"\"Hi", "\"hi"},
      {"\"Hi", "\" Hi"},
      {"Hi ", "Hi  "},
      {"there", "there "},
      {"\\u4f60", "\\u4f61"},
      {"user", "system"},
      {"\"f\"", "\"g\""},
      {"[1,2.5", "[2.5,1"},
      {"\"a\":1", "\"a\":2"},
      {"\"a\":1", "\"A\":1"},
      {"\"a\":1,", "\"a\":1,\"user\":\"x\","},  // a name of the list, but not at the top
      {"\"function\",", "\"custom\","}};
  for (const auto& [what, by] : changes) other.push_back({.body = replaced(base, what, by)});
  other.push_back({.body = base, .tenant = "other"});
  other.push_back({.body = base, .path = "/v1/responses"});
  other.push_back({.body = base, .path = "/v1/chat/completions?api-version=2"});
  other.push_back({.body = base, .provider = "azure"});
  other.push_back({.body = base, .model = "gpt-4o-2024-11-20"});
  for (const auto* name : {"anthropic-version", "anthropic-beta", "openai-beta"}) {
    Request request{.body = base};
    request.fields.emplace_back(name, "1");
    other.push_back(request);
  }
  const std::string expected = key_text({.body = base});
  for (const auto& request : other) {
    const std::string key = key_text(request);
    EXPECT_FALSE(key.empty()) << request.body;
    EXPECT_NE(key, expected) << request.body;
  }
  EXPECT_GE(other.size(), 130u);
  std::printf("figure: %zu requests beside one: each has a key of its own\n", other.size());
}

TEST(CacheKey, ScopesShareAsTheySay) {
  const auto shared = [](Scope scope, const Request& a, const Request& b) {
    return key_text(a, scope) == key_text(b, scope);
  };
  const Request mine{.body = base, .user = "u"};
  const Request other_user{.body = base, .user = "v"};
  const Request other_key{.body = base, .key = "l", .user = "u"};
  const Request other_team{.body = base, .team = "y", .key = "l"};
  const Request other_tenant{.body = base, .tenant = "s"};
  EXPECT_FALSE(shared(Scope::user, mine, other_user));
  EXPECT_TRUE(shared(Scope::key, mine, other_user));
  EXPECT_FALSE(shared(Scope::key, mine, other_key));
  EXPECT_TRUE(shared(Scope::team, mine, other_key));
  EXPECT_FALSE(shared(Scope::team, mine, other_team));
  EXPECT_TRUE(shared(Scope::tenant, mine, other_team));
  EXPECT_FALSE(shared(Scope::tenant, mine, other_tenant));
  EXPECT_TRUE(shared(Scope::global, mine, other_tenant));
  std::printf("figure: 8 pairs of who asks: each shares as its scope says\n");
}

TEST(CacheKey, WhatHasNoCanonicalFormHasNone) {
  for (const auto bad : {R"({"a":1,"a":1})", R"({"seed":9007199254740993})", R"([])", "{"}) {
    EXPECT_FALSE(canonical_request(bad, dialect::AnswerFormat::chat)) << bad;
  }
}

}  // namespace
}  // namespace hawser::stage::cache
