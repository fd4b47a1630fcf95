#include "base/redact.hpp"

#include <gtest/gtest.h>

#include <random>

namespace hawser {
namespace {

TEST(Redact, TakesEveryKindOfCredentialOut) {
  const char* cases[] = {
      "Incorrect API key provided: sk-proj-PLANTED0123456789abcdef.",
      "Incorrect API key provided: sk-PLAN****************PLANTED.",
      "key sk-ant-api03-PLANTED-0123456789_abcdef was rejected",
      "AIzaSyPLANTED0123456789abcdefghijklmnop",
      "AKIAPLANTED123456789",
      "Authorization: Bearer PLANTED key with blanks",
      "authorization: Basic UExBTlRFRDpQTEFOVEVE PLANTED",
      "x-api-key: PLANTED",
      "{\"api_key\": \"PLANTED\", \"x\": 1}",
      "{\\\"api_key\\\":\\\"PLANTED\\\"}",
      "GET /v1beta/models?key=PLANTED&alt=sse",
      "GET /v1beta/models?alt=sse&Key=ab%2BPLANTED%2F HTTP/1.1",
      "https://x.blob.example/a?sv=1&sig=PLANTED%3D&se=2",
      "https://s3.example/a?X-Amz-Signature=PLANTED",
      "ABSKQmVkcm9ja0FQSUtleS1QTEFOVEVE-PLANTED",
      "bedrock-api-key-PLANTED0123456789",
      "nvapi-PLANTED0123456789abcdef",
      "github_pat_11PLANTED0123456789_abcdef",
      "ghs_PLANTED0123456789abcdef",
      "{\"client_token\":\"PLANTED\"}",
      "client_assertion=PLANTED.x.y&grant_type=z",
      "AWS_BEARER_TOKEN_BEDROCK=PLANTED",
      "Cookie: session=PLANTED; other=PLANTED",
      "Set-Cookie: a=PLANTED; Path=/",
      "postgres://user:PLANTED@db/x",
      "aws_secret_access_key=PLANTED/abc+def",
      "hwk_PLANTED0123456789",
      "gsk_PLANTED0123456789abcdef",
      "xai-PLANTED0123456789abcdef",
      "hf_PLANTED0123456789abcdefg",
      "token eyJhbGciOiJIUzI1NiJ9.PLANTED.signature_signature",
      "-----BEGIN PRIVATE KEY-----\nPLANTED\n-----END PRIVATE KEY----- after",
      "sent as bearer PLANTED0123456789",
  };
  for (const auto* text : cases) {
    const std::string out = redact(text);
    EXPECT_EQ(out.find("PLANTED"), std::string::npos) << out;
    EXPECT_NE(out.find("[redacted]"), std::string::npos) << out;
    EXPECT_EQ(redact(out), out);
  }
}

TEST(Redact, LeavesTheRestAlone) {
  const char* cases[] = {
      "The model `gpt-4o` does not exist.",
      "task-based scheduling, sk-learn and risk-averse words",
      "Rate limit reached for requests. Limit: 3 / min. Please try again in 20s.",
      "{\"error\":{\"message\":\"maximum context length is 8192 tokens\",\"type\":\"x\"}}",
      "see https://example.com/a?b=c#d",
      "for (int i = 0; i < n; ++i) key = map[i];",
      "max_tokens=5&max_completion_tokens=6, a cookie jar, a token a second",
      "GET /v1/files?limit=20&order=desc&after=file-abc",
      "keyboard=1?keys=2&tokens=3&encode=4",
      "",
  };
  for (const auto* text : cases) EXPECT_EQ(redact(text), text);
}

TEST(Redact, FindsTenThousandGeneratedKeys) {
  std::mt19937 random(1);
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const char* prefixes[] = {
      "sk-",   "sk-proj-", "sk-ant-api03-", "AIza",        "gsk_",
      "xai-",  "hwk_",     "sk-or-v1-",     "AKIA",        "hf_",
      "pplx-", "ABSK",     "nvapi-",        "github_pat_", "bedrock-api-key-"};
  for (int i = 0; i < 10'000; ++i) {
    std::string key = prefixes[random() % std::size(prefixes)];
    for (int n = 0; n < 32; ++n) key += digits[random() % digits.size()];
    const std::string text = "failed with \"" + key + "\", sorry";
    ASSERT_EQ(redact(text), "failed with \"[redacted]\", sorry") << key;
  }
}

}  // namespace
}  // namespace hawser
