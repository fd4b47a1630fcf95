#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/master_key.hpp"

namespace hawser::store {

/// AES-256-GCM. Each text gets a random nonce of 96 bits, so one key is good for 2^32 of them (NIST
/// SP 800-38D, 8.3).
///
/// @param bound  is not in the outcome, but must be the same when it is opened
/// @return nonce (12 bytes), ciphertext (as long as `clear`), tag (16 bytes)
std::string seal(const KeyBytes& key, std::string_view clear, std::string_view bound);

/// Nothing: another key, something else was bound, or a bit is not what it was.
std::optional<std::string> open_sealed(const KeyBytes& key, std::string_view sealed,
                                       std::string_view bound);

}  // namespace hawser::store
