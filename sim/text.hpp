#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::sim {

/// The tokens of a deterministic answer: joined they are its text.
/// A prompt "say: TEXT" is echoed exactly, word by word; "count: N" counts from 1 to N; any other
/// gives words chosen by a hash of `seed` and the prompt.
/// @param tokens_max  most tokens
/// @param token_bytes bytes of each token; 0: words as they are
std::vector<std::string> make_tokens(std::string_view seed, std::string_view prompt,
                                     std::uint64_t tokens_max, std::uint64_t token_bytes);

/// Tokens that the simulator counts in a text: its words.
std::uint64_t count_tokens(std::string_view text);

/// A stable 64-bit hash (FNV-1a).
std::uint64_t stable_hash(std::string_view text);

}  // namespace hawser::sim
