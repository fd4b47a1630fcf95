#include "secret/reference.hpp"

#include <gtest/gtest.h>

#include "secret/aws_credentials.hpp"
#include "secret/fingerprint.hpp"
#include "secret/oauth.hpp"

namespace hawser::secret {
namespace {

Reference parsed(std::string_view scheme, std::string_view rest) {
  const auto reference = parse_reference(scheme, rest);
  EXPECT_TRUE(reference) << rest;
  return reference ? *reference : Reference{};
}

TEST(SecretReference, SaysWhatIsFetchedAndWhatOfIt) {
  EXPECT_EQ(parsed("vault", "secret/a/b#key").document(), "vault:secret/a/b");
  EXPECT_EQ(parsed("vault", "/database/creds/app#password").location, "/database/creds/app");
  EXPECT_EQ(parsed("aws", "arn:aws:secretsmanager:eu:1:secret:a/b-X#key").field, "key");
  EXPECT_EQ(parsed("aws", "whole").field, "");
  EXPECT_EQ(parsed("kms", "alias/k#AQIC==").location, "alias/k#AQIC==");
  EXPECT_EQ(parsed("transit", "k#vault:v1:AA==").location, "k#vault:v1:AA==");
}

TEST(SecretReference, WhatHasNoFormIsRefused) {
  for (const char* rest : {"", "secret#x", "secret/a", "secret/a#", "#x", "secret/../a#x",
                           "secret/a b#x", "secret/a?version=1#x", "secret/a/#x"}) {
    EXPECT_FALSE(parse_reference("vault", rest)) << rest;
  }
  EXPECT_FALSE(parse_reference("transit", "k#AA=="));
  EXPECT_FALSE(parse_reference("transit", "vault:v1:AA=="));
  EXPECT_FALSE(parse_reference("kms", "alias/k#"));
  EXPECT_FALSE(parse_reference("kms", ""));
  EXPECT_FALSE(parse_reference("aws", "a#"));
}

TEST(SecretReference, ShowsNoCiphertext) {
  EXPECT_EQ(parsed("kms", "AQICAHhsecretlooking").shown(), "kms:...");
  EXPECT_EQ(parsed("kms", "alias/k#AQIC").shown(), "kms:alias/k");
  EXPECT_EQ(parsed("transit", "k#vault:v1:AA").shown(), "transit:k");
  EXPECT_EQ(parsed("vault", "secret/a#key").shown(), "vault:secret/a#key");
}

TEST(SecretReference, SelectsAField) {
  const Secret document(std::string(R"({"key":"a\"b","n":7,"key2":"c"})"));
  EXPECT_EQ(select(document, parsed("vault", "secret/a#key"))->reveal(), "a\"b");
  EXPECT_EQ(select(document, parsed("vault", "secret/a#n"))->reveal(), "7");
  EXPECT_EQ(select(document, parsed("vault", "secret/a#kye")).error().message,
            "vault:secret/a has no field 'kye': did you mean 'key'?");
  const Secret plain(std::string("no json"));
  EXPECT_EQ(select(plain, parsed("aws", "a"))->reveal(), "no json");
  EXPECT_FALSE(select(plain, parsed("aws", "a#b")));
}

TEST(AwsProfile, ReadsOneSection) {
  const auto found = parse_profile(
      "# c\n[other]\naws_access_key_id = no\naws_secret_access_key=no\n\n[work]\r\n"
      "aws_access_key_id=AK\r\naws_secret_access_key = a=b/c\r\naws_session_token = t\r\n",
      "work");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->access_key_id, "AK");
  EXPECT_EQ(found->secret_access_key.reveal(), "a=b/c");
  EXPECT_EQ(found->session_token.reveal(), "t");
  EXPECT_FALSE(parse_profile("[work]\naws_access_key_id=AK\n", "work"));
  EXPECT_FALSE(parse_profile("", "work"));
  EXPECT_EQ(parse_aws_time("2026-01-02T03:04:05Z")->time_since_epoch(), 1767323045s);
  EXPECT_FALSE(parse_aws_time("soon"));
}

TEST(OAuthToken, IsReadFromTheAnswer) {
  const auto token =
      read_token(200, R"({"token_type":"Bearer","expires_in":3599,"access_token":"abc"})");
  ASSERT_TRUE(token);
  EXPECT_EQ(token->text.reveal(), "abc");
  EXPECT_EQ(token->lease, 3599s);
  const auto texts =
      read_token(200, R"({"access_token":"abc","token_type":"bearer","expires_in":"60"})");
  EXPECT_EQ(texts->lease, 60s);
  EXPECT_EQ(read_token(200, R"({"access_token":"a","token_type":"bearer"})")->lease, 10min);
}

TEST(OAuthToken, WhatIsNoneIsRefused) {
  EXPECT_FALSE(read_token(200, "{}"));
  EXPECT_FALSE(read_token(200, R"({"access_token":"a b","token_type":"bearer"})"));
  EXPECT_FALSE(read_token(200, R"({"access_token":"a\r\nx: y","token_type":"bearer"})"));
  EXPECT_FALSE(read_token(200, R"({"access_token":"a","token_type":"mac"})"));
  EXPECT_FALSE(read_token(200, R"({"access_token":"a","token_type":"bearer","expires_in":0})"));
  const auto refused = read_token(401, R"({"error":"invalid_client","error_description":"x"})");
  EXPECT_EQ(refused.error().message, "answered 401: invalid_client");
  EXPECT_EQ(read_token(400, R"({"error":"<script>"})").error().message, "answered 400");
}

TEST(Fingerprint, ChangesWithEveryField) {
  const auto print = [](auto change) {
    SecretsConfig config;
    config.vault.emplace();
    config.vault->token = Secret(std::string("a"));
    change(config);
    return Fingerprint::of(config);
  };
  const auto same = print([](SecretsConfig&) {});
  EXPECT_EQ(same, print([](SecretsConfig&) {}));
  EXPECT_NE(same, print([](SecretsConfig& c) { c.ttl = 2h; }));
  EXPECT_NE(same, print([](SecretsConfig& c) { c.vault->token = Secret(std::string("b")); }));
  EXPECT_NE(same, print([](SecretsConfig& c) { c.aws.emplace(); }));
  EXPECT_NE(same, print([](SecretsConfig& c) { c.vault->tls.pins.emplace_back("x"); }));
}

}  // namespace
}  // namespace hawser::secret
