#include "base/credential_headers.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/redact.hpp"

namespace hawser {
namespace {

TEST(CredentialHeaders, KeysAreCredentials) {
  for (const auto name : key_headers) EXPECT_TRUE(is_credential_header(name)) << name;
}

TEST(CredentialHeaders, EachStandsOnceAndInLowerCase) {
  std::set<std::string_view> seen;
  for (const auto name : credential_headers) {
    EXPECT_TRUE(seen.insert(name).second) << name;
    EXPECT_EQ(name.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), std::string_view::npos) << name;
  }
}

TEST(CredentialHeaders, AreFoundInAnyCase) {
  EXPECT_TRUE(is_key_header("AUTHORIZATION"));
  EXPECT_TRUE(is_credential_header("X-Amz-Security-Token"));
  EXPECT_FALSE(is_key_header("cookie"));
  EXPECT_FALSE(is_credential_header("x-api-key2"));
  EXPECT_FALSE(is_credential_header(""));
}

TEST(CredentialHeaders, NoneIsLogged) {
  for (const auto name : credential_headers) {
    const std::string line = std::string(name) + ": abc 123";
    EXPECT_EQ(redact(line).find("abc"), std::string::npos) << redact(line);
    EXPECT_EQ(redact("{\"" + std::string(name) + "\":\"abc\"}").find("abc"), std::string::npos)
        << name;
  }
}

}  // namespace
}  // namespace hawser
