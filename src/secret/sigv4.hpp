#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/secret.hpp"

namespace hawser::secret {

/// Whoever signs.
struct AwsCredentials {
  std::string access_key_id{};
  Secret secret_access_key{};
  Secret session_token{};  // empty: they do not end
};

struct SigV4Request {
  std::string_view method = "POST";
  std::string_view host{};      // as the Host field has it
  std::string_view path = "/";  // as it is sent
  std::string_view query{};     // as it is sent, without its question mark
  std::string_view body{};
  /// To be signed beside host, x-amz-date and x-amz-security-token; names in any case.
  std::vector<std::pair<std::string_view, std::string_view>> fields{};
};

struct SigV4Scope {
  std::string_view region;
  std::string_view service;
};

/// AWS Signature Version 4 for every service but S3. Pure.
/// @return the fields to send: "x-amz-date: ...\r\n", "x-amz-security-token: ...\r\n" where there
/// is a token, "authorization: ...\r\n" Source: AWS, "Create a signed AWS API request"
Secret sign_v4(const SigV4Request& request, const AwsCredentials& credentials, SigV4Scope scope,
               std::chrono::system_clock::time_point now);

/// What is hashed and signed, for tests: lines of the canonical request.
std::string canonical_v4(const SigV4Request& request, const AwsCredentials& credentials,
                         std::string_view amz_date, std::string& signed_names);

}  // namespace hawser::secret
