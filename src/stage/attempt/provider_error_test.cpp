#include "stage/attempt/provider_error.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hawser::stage::attempt {
namespace {

TEST(ProviderError, MessagesThatAClientCanProvokeAreNotBelieved) {
  for (const char* words :
       {"Incorrect API key provided", "insufficient_quota", "invalid_api_key", "API_KEY_INVALID",
        "authentication_error", "api key expired", "The security token included in the request"}) {
    const std::string told = "Invalid value: '" + std::string(words) + "'.";
    for (const std::string& body :
         {R"({"error":{"message":")" + told +
              R"(","type":"invalid_request_error","code":"invalid_value"}})",
          R"({"error":{"message":"x","param":")" + std::string(words) + R"(","code":null}})",
          R"({"error":")" + told + R"("})", told,
          R"({"error":{"message":"x","details":[{"description":")" + std::string(words) +
              R"("}]}})",
          R"({"request":{"code":")" + std::string(words) + R"("}})",
          R"({"error":{"code":")" + std::string(words) + R"("})"}) {  // not JSON
      EXPECT_FALSE(about_credential(400, body)) << body;
      EXPECT_FALSE(out_of_quota(400, body)) << body;
      EXPECT_FALSE(out_of_quota(429, body)) << body;
      EXPECT_FALSE(about_credential(404, body)) << body;
    }
  }
}

TEST(ProviderError, StatusesAndCodesAre) {
  EXPECT_TRUE(about_credential(401, ""));
  EXPECT_TRUE(about_credential(403, R"({"error":{"message":"forbidden"}})"));
  EXPECT_FALSE(about_credential(403, R"({"error":{"message":"input was flagged"}})"));
  EXPECT_TRUE(about_credential(400,
                               R"({"error":{"code":400,"message":"x","status":"INVALID_ARGUMENT",)"
                               R"("details":[{"@type":"e","reason":"API_KEY_INVALID"}]}})"));
  EXPECT_TRUE(about_credential(400, R"({"error":{"code":"invalid_api_key"}})"));
  EXPECT_TRUE(about_credential(400, R"({"type":"error","error":{"type":"authentication_error"}})"));
  EXPECT_TRUE(out_of_quota(402, ""));
  EXPECT_TRUE(out_of_quota(429, R"({"error":{"code":"insufficient_quota"}})"));
  EXPECT_TRUE(out_of_quota(429, R"({"error":{"type":"insufficient_quota","code":null}})"));
  EXPECT_FALSE(out_of_quota(429, R"({"error":{"code":"rate_limit_exceeded"}})"));
  EXPECT_FALSE(out_of_quota(400, R"({"error":{"code":"insufficient_quota"}})"));
}

}  // namespace
}  // namespace hawser::stage::attempt
