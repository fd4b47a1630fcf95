#pragma once

#include <cstdint>
#include <string_view>

namespace hawser::dialect {

/// Tokens that an answer used, as its provider counts them.
struct Usage {
  bool known = false;
  std::uint64_t input = 0;
  std::uint64_t output = 0;
};

/// Takes the counts of the last "usage" object in `text`, if there is one: prompt_tokens and
/// completion_tokens (chat), input_tokens and output_tokens (responses, messages). Counts that are
/// missing keep what they were: Anthropic's streams tell the input first and the output last.
///
/// @param text  a JSON answer, or events as they stand on the wire
void see_usage(std::string_view text, Usage& usage);

}  // namespace hawser::dialect
