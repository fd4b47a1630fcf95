#pragma once

#include <string>
#include <string_view>

#include "base/hex.hpp"
#include "base/json.hpp"
#include "base/sha256.hpp"

namespace hawser::stage::admit {

inline constexpr std::size_t user_name_max = 200;  // bytes, as the ledger keeps them

inline std::string digest_of(std::string_view text) {
  const auto digest = sha256(text);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

/// How the user that a request names is known to counters and to the ledger. One that is too long,
/// or no valid text, is another's equal by its digest only.
/// @param token  of the request's "user", or its later name; empty: it names none
inline std::string user_name(std::string_view token) {
  std::string name;
  if (token.empty()) return name;
  const bool read = decode_json_string(token, name);
  if (read && name.size() <= user_name_max) return name;
  return "sha256:" + to_hex(digest_of(read ? std::string_view(name) : token));
}

}  // namespace hawser::stage::admit
