#include "provider/headers.hpp"

#include <gtest/gtest.h>

#include "provider/provider.hpp"

namespace hawser::provider {
namespace {

std::string head_for(const ProviderConfig& config, const std::vector<wire::Field>& fields,
                     std::string_view query = {}) {
  const Provider provider("p", config, "node-1");
  wire::RequestHead head;
  head.method = "POST";
  head.query = query;
  head.fields = fields;
  std::string out;
  provider.write_head({head, "/chat/completions", "id-1", wire::Framing::length, 2}, out);
  return out;
}

ProviderConfig plain() {
  ProviderConfig config;
  config.base_url = "http://127.0.0.1:1/v1";
  config.api_key = Secret("sk-of-the-operator");
  return config;
}

TEST(Headers, WhatApisDefineGoesOn) {
  for (const auto* name :
       {"accept", "Content-Type", "User-Agent", "OpenAI-Beta", "anthropic-version",
        "anthropic-beta", "X-Stainless-Lang", "x-goog-api-client", "traceparent", "If-None-Match",
        "range", "idempotency-key"}) {
    EXPECT_EQ(passing(name), Passing::always) << name;
  }
}

TEST(Headers, WhatIsNotKnownIsForTheOperatorToList) {
  for (const auto* name : {"x-mine", "OpenAI-Organization", "openai-project", "x-goog-user-project",
                           "x-team", "x-goog-authenticated-user-email", "baggage"}) {
    EXPECT_EQ(passing(name), Passing::listed) << name;
  }
}

TEST(Headers, WhatIsOfThisHopOrOfTheClientNeverGoesOn) {
  for (const auto* name : {"Cookie",
                           "authorization",
                           "x-api-key",
                           "X-Goog-Api-Key",
                           "xi-api-key",
                           "X-Auth-Token",
                           "x-amz-security-token",
                           "forwarded",
                           "X-Forwarded-For",
                           "x-forwarded-user",
                           "X-Real-IP",
                           "cf-connecting-ip",
                           "Origin",
                           "Referer",
                           "X-HTTP-Method-Override",
                           "x-original-url",
                           "X-Rewrite-URL",
                           "x-hawser-data-class",
                           "x-hawser-hop",
                           "sec-fetch-site",
                           "te",
                           "upgrade",
                           "Transfer-Encoding",
                           "content-length",
                           "host",
                           "accept-encoding"}) {
    EXPECT_EQ(passing(name), Passing::never) << name;
    EXPECT_FALSE(listing_problem(name).empty()) << name;
  }
  EXPECT_TRUE(listing_problem("x-team-*").empty());
  EXPECT_FALSE(listing_problem("x team").empty());
  EXPECT_FALSE(listing_problem("*").empty());
}

TEST(Headers, AListedFamilyLeavesOutWhatNeverGoesOn) {
  auto config = plain();
  config.pass_headers = {"x-*", "openai-project"};
  const auto head = head_for(config, {{"x-team", "a"},
                                      {"X-Forwarded-For", "10.0.0.1"},
                                      {"x-http-method", "DELETE"},
                                      {"OpenAI-Project", "p"},
                                      {"OpenAI-Organization", "o"}});
  EXPECT_NE(head.find("x-team: a\r\n"), std::string::npos);
  EXPECT_NE(head.find("OpenAI-Project: p\r\n"), std::string::npos);
  for (const auto* gone : {"10.0.0.1", "DELETE", "OpenAI-Organization"}) {
    EXPECT_EQ(head.find(gone), std::string::npos) << gone;
  }
}

TEST(Headers, EveryConnectionFieldEndsWhatItNames) {
  const auto head = head_for(plain(), {{"Connection", "keep-alive"},
                                       {"openai-beta", "one"},
                                       {"Connection", "x-stainless-os , OpenAI-Beta"},
                                       {"x-stainless-os", "two"},
                                       {"x-stainless-lang", "three"}});
  EXPECT_EQ(head.find("one"), std::string::npos);
  EXPECT_EQ(head.find("two"), std::string::npos);
  EXPECT_NE(head.find("three"), std::string::npos);
}

TEST(Headers, NoKeyOfTheQueryGoesOn) {
  const auto line = [](std::string_view query) {
    const auto head = head_for(plain(), {}, query);
    return head.substr(0, head.find("\r\n"));
  };
  EXPECT_EQ(line("key=sk-1"), "POST /v1/chat/completions HTTP/1.1");
  EXPECT_EQ(line("alt=sse&key=sk-1"), "POST /v1/chat/completions?alt=sse HTTP/1.1");
  EXPECT_EQ(line("k%65y=sk-1&API_KEY=2&a=b&access_token=3&&c"),
            "POST /v1/chat/completions?a=b&&c HTTP/1.1");
  EXPECT_EQ(line("page_token=x&keys=y"), "POST /v1/chat/completions?page_token=x&keys=y HTTP/1.1");
}

TEST(Headers, NoPathLeavesTheBaseUrl) {
  for (const auto* good : {"", "/chat/completions", "/models/a.b", "/files/file-1/content",
                           "/models/..a/b...", "/a%20b"}) {
    EXPECT_TRUE(stays_below_base(good)) << good;
  }
  for (const auto* bad :
       {"/..", "/../admin", "/./a", "/a/..", "/%2e%2e/admin", "/.%2E/admin", "/a%2fb", "/a%5cb",
        "/a\\b", "/..;/admin", "/..;x=1/admin", "/%252e%252e/x", "/a%2", "/a%zz", "admin", "/a b",
        "/a%00b", "/%2f..%2fadmin"}) {
    EXPECT_FALSE(stays_below_base(bad)) << bad;
  }
  EXPECT_TRUE(check_sendable("GET", "/models"));
  EXPECT_FALSE(check_sendable("TRACE", "/models"));
  EXPECT_FALSE(check_sendable("GET", "/../x"));
}

TEST(Headers, AnAnswerKeepsWhatIsOfTheProvidersHost) {
  wire::ResponseHead head;
  head.fields = {{"Content-Type", "application/json"},
                 {"Set-Cookie", "a=b"},
                 {"Access-Control-Allow-Origin", "*"},
                 {"Server", "uvicorn"},
                 {"Alt-Svc", "h3"},
                 {"x-hawser-cache", "hit"},
                 {"x-ratelimit-limit-requests", "5"},
                 {"Connection", "x-one"},
                 {"connection", "x-two"},
                 {"x-one", "1"},
                 {"x-two", "2"},
                 {"x-request-id", "theirs"}};
  std::string out;
  copy_answer_fields(head, true, false, out);
  EXPECT_EQ(out,
            "Content-Type: application/json\r\nx-ratelimit-limit-requests: 5\r\n"
            "x-hawser-upstream-request-id: theirs\r\n");
  out.clear();
  copy_answer_fields(head, false, true, out);
  EXPECT_NE(out.find("x-hawser-inner-cache: hit\r\n"), std::string::npos);
  EXPECT_EQ(out.find("ratelimit"), std::string::npos);
}

TEST(Provider, NamesOfOneTenantAreNoNamesOfAnother) {
  auto config = plain();
  config.gateway = true;
  const Provider provider("p", config, "node-1");
  const auto name = provider.idempotency_name("a", "k", "1");
  EXPECT_EQ(name.size(), 64u);
  EXPECT_EQ(name, provider.idempotency_name("a", "k", "1"));
  EXPECT_NE(name, provider.idempotency_name("b", "k", "1"));
  EXPECT_NE(name, provider.idempotency_name("a", "l", "1"));
  EXPECT_NE(provider.idempotency_name("a", "bc", "1"), provider.idempotency_name("ab", "c", "1"));
  EXPECT_EQ(provider.idempotency_name("", "", ""), "");
  EXPECT_EQ(provider.idempotency_name("", "", "1").size(), 64u);
  // Without keys there is one client only; a provider that is no gateway gets its name as it is.
  EXPECT_EQ(Provider("p", plain()).idempotency_name("", "", "1"), "");
  EXPECT_EQ(Provider("p", plain()).idempotency_name("a", "", "1").size(), 64u);
}

TEST(Provider, BlotsItsCredentialOut) {
  const Provider provider("p", plain());
  std::string text = "key sk-of-the-operator, again sk-of-the-operator; sk-of-the";
  provider.hide_credential({}, text);
  EXPECT_EQ(text,
            "key " + std::string(18, '*') + ", again " + std::string(18, '*') + "; sk-of-the");
  std::string fetched = "you sent token-123456";
  provider.hide_credential("authorization: Bearer token-123456\r\n", fetched);
  EXPECT_EQ(fetched, "you sent " + std::string(12, '*'));
}

TEST(Provider, BlotsOutEverySpellingAndEveryConfiguredSecret) {
  ProviderConfig config = plain();
  config.headers = {{"x-proxy-token", "Bearer pt/12-345"}, {"anthropic-version", "2023-06-01"}};
  const Provider provider("p", config);
  for (const char* spelling :
       {"pt/12-345", R"(pt\/12-345)", R"(pt\u002f12\u002D345)", "pt%2F12-345"}) {
    std::string text = std::string("<") + spelling + "> at 2023-06-01";
    provider.hide_credential({}, text);
    EXPECT_EQ(text, "<" + std::string(9, '*') + "> at 2023-06-01") << spelling;
  }
  ProviderConfig odd = plain();
  odd.headers = {{"x-proxy-token", R"(per%cent\back)"}};
  for (const char* spelling : {R"(per%cent\back)", R"(per%25cent%5Cback)", R"(per%cent\\back)"}) {
    std::string echoed = spelling;
    Provider("p", odd).hide_credential({}, echoed);
    EXPECT_EQ(echoed, std::string(13, '*')) << spelling;
  }
  std::string text = R"(sk-of-the\u002doperator)";
  provider.hide_credential({}, text);
  EXPECT_EQ(text, std::string(18, '*'));
}

}  // namespace
}  // namespace hawser::provider
