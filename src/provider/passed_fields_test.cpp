#include "provider/passed_fields.hpp"

#include <gtest/gtest.h>

namespace hawser::provider {
namespace {

std::string meaning(std::vector<wire::Field> fields, const PassedFields& passed = {}) {
  wire::RequestHead head;
  head.fields = std::move(fields);
  std::string out;
  passed.append(head, out);
  return out;
}

TEST(PassedFields, AllThatGoesOnCounts) {
  const auto plain = meaning({});
  for (const char* name : {"conversation_id", "session_id", "OpenAI-Beta", "anthropic-version",
                           "accept-language", "x-goog-fieldmask", "x-title", "originator"}) {
    EXPECT_NE(meaning({{name, "alice"}}), plain) << name;
    EXPECT_NE(meaning({{name, "alice"}}), meaning({{name, "bob"}})) << name;
  }
  EXPECT_EQ(meaning({{"X-Title", "a"}}), meaning({{"x-title", "a"}}));
}

TEST(PassedFields, WhatStaysHereOrNamesTheCallDoesNot) {
  const auto plain = meaning({});
  for (const char* name :
       {"x-user-context", "cookie", "authorization", "x-forwarded-for", "x-stainless-retry-count",
        "user-agent", "traceparent", "idempotency-key", "x-request-id"}) {
    EXPECT_EQ(meaning({{name, "a"}}), plain) << name;
  }
}

TEST(PassedFields, WhatTheConfigurationListsCounts) {
  const PassedFields passed({"x-user-*", "user-agent", "cookie"});
  EXPECT_NE(meaning({{"X-User-Context", "alice"}}, passed),
            meaning({{"X-User-Context", "bob"}}, passed));
  EXPECT_NE(meaning({{"user-agent", "a"}}, passed), meaning({}, passed));
  EXPECT_EQ(meaning({{"cookie", "a"}}, passed), meaning({}, passed));
}

}  // namespace
}  // namespace hawser::provider
