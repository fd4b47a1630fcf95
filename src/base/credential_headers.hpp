#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "base/letters.hpp"

namespace hawser {

// The one list of them: tools/tidy.py refuses a second one. In lower case, as all names here.

namespace key_header {
inline constexpr std::string_view authorization = "authorization";  // "Bearer KEY"
inline constexpr std::string_view x_api_key = "x-api-key";
inline constexpr std::string_view api_key = "api-key";
inline constexpr std::string_view x_goog_api_key = "x-goog-api-key";
}  // namespace key_header

/// The headers in which clients send a key of this gateway, and in which it sends its own to
/// providers.
inline constexpr std::array<std::string_view, 4> key_headers{
    key_header::authorization, key_header::x_api_key, key_header::api_key,
    key_header::x_goog_api_key};

/// Headers that carry a credential: those, and others in use. They are never passed on, never
/// logged and never put into a compression table.
inline constexpr std::array<std::string_view, 17> credential_headers{key_header::authorization,
                                                                     key_header::x_api_key,
                                                                     key_header::api_key,
                                                                     key_header::x_goog_api_key,
                                                                     "proxy-authorization",
                                                                     "cookie",
                                                                     "cookie2",
                                                                     "xi-api-key",
                                                                     "x-auth-token",
                                                                     "x-access-token",
                                                                     "x-litellm-api-key",
                                                                     "x-portkey-api-key",
                                                                     "x-amz-security-token",
                                                                     "apikey",
                                                                     "ocp-apim-subscription-key",
                                                                     "x-goog-iap-jwt-assertion",
                                                                     "x-ms-token-aad-access-token"};

/// Names of query parameters that carry a credential.
inline constexpr std::array<std::string_view, 13> credential_parameters{
    "key",  "api_key",       "api-key",   "apikey", "access_token",     "access-token", "token",
    "auth", "authorization", "x-api-key", "secret", "subscription-key", "client_secret"};

constexpr bool is_header(std::string_view text, std::string_view name) {
  return same_letters(text, name);
}

constexpr bool is_key_header(std::string_view name) {
  return std::any_of(key_headers.begin(), key_headers.end(),
                     [name](std::string_view one) { return is_header(name, one); });
}

constexpr bool is_credential_header(std::string_view name) {
  return std::any_of(credential_headers.begin(), credential_headers.end(),
                     [name](std::string_view one) { return is_header(name, one); });
}

constexpr bool is_credential_parameter(std::string_view name) {
  return std::any_of(credential_parameters.begin(), credential_parameters.end(),
                     [name](std::string_view one) { return is_header(name, one); });
}

}  // namespace hawser
