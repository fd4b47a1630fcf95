#pragma once

#include <cstdint>
#include <string_view>

namespace hawser::dialect {

/// Tokens that an answer used, as its provider counts them.
struct Usage {
  bool known = false;
  bool cached_within = true;  // `input` counts the cached tokens too: not with Anthropic
  std::uint32_t input = 0;
  std::uint32_t output = 0;
  std::uint32_t cached = 0;       // input that its cache held
  std::uint32_t cache_write = 0;  // input that went there
  std::uint32_t reasoning = 0;    // output that is not shown
};

/// Takes the counts of the last "usage" object in `text`, if there is one: prompt_tokens and
/// completion_tokens (chat), input_tokens and output_tokens (responses, messages). Counts that are
/// missing keep what they were: Anthropic's streams tell the input first and the output last. What
/// they are made of stands in details of the same object.
///
/// @param text  a JSON answer, or events as they stand on the wire
void see_usage(std::string_view text, Usage& usage);

}  // namespace hawser::dialect
