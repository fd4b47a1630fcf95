#pragma once

#include <cstddef>
#include <string_view>

#include "tokenizer/vocabulary.hpp"

namespace hawser::tokenizer {

inline constexpr std::size_t merge_block_max = 128;  // bytes

/// The tokens of a short text by merging as it is defined: always the pair of the lowest rank, the
/// leftmost among equals. What pairs merge into is looked up for all of them at once, so that the
/// memory is waited for once a merge and not once a byte.
///
/// @param text    1 to merge_block_max bytes
/// @param tokens  room for as many; @return how many there are
std::size_t merge_block(const Vocabulary& vocabulary, std::string_view text, Rank* tokens);

}  // namespace hawser::tokenizer
