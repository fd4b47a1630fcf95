#pragma once

#include <cstdint>
#include <string_view>

#include "dialect/service_tier.hpp"

namespace hawser::dialect {

/// Tokens that an answer used, as its provider counts them, and what it used beside them.
struct Usage {
  bool known = false;
  bool cached_within = true;  // `input` counts the cached tokens too: not with Anthropic
  bool input_split = false;   // it was told which of the input is text, sound or pictures
  bool output_split = false;  // the same of the output
  bool tier_told = false;
  ServiceTier tier = ServiceTier::standard;
  std::uint32_t input = 0;
  std::uint32_t output = 0;
  std::uint32_t cached = 0;       // input that its cache held
  std::uint32_t cache_write = 0;  // input that went there
  std::uint32_t reasoning = 0;    // output that is not shown
  // Parts of those, by kind. What is none of them is text.
  std::uint32_t cache_write_long = 0;  // of cache_write: kept for an hour or more
  std::uint32_t audio_input = 0;       // of input and cached
  std::uint32_t audio_cached = 0;      // of cached
  std::uint32_t audio_output = 0;
  std::uint32_t image_input = 0;   // of input and cached; video too
  std::uint32_t image_cached = 0;  // of cached
  std::uint32_t image_output = 0;
  std::uint32_t other_input = 0;  // of a kind that has no name here
  std::uint32_t other_output = 0;
  // Beside tokens.
  std::uint32_t searches = 0;  // web searches, search units of a rerank
  std::uint32_t audio_ms = 0;  // length of the audio

  bool operator==(const Usage&) const = default;
};

/// The sum of two calls; counts saturate.
void add_usage(Usage& sum, const Usage& more);
/// The same answer, told again: the larger of each count.
void merge_usage(Usage& known, const Usage& again);

/// Takes the counts of a usage object: of chat, responses, messages, Gemini and their relatives.
/// A count that is missing or 0 keeps what it was: some tell the input first and the output last,
/// and totals that are told twice count once. What a total tells beyond its parts is output that is
/// not shown.
/// @param object  its JSON, such as {"prompt_tokens":1}
void take_usage(std::string_view object, Usage& usage);

/// @param token  of the member that tells it, such as "flex"; what is no text tells nothing
void take_service_tier(std::string_view token, Usage& usage);

/// Takes the usage that one JSON object tells at the places where providers put it: "usage" or
/// "usageMetadata" at its top, or right under "response", "message" or "x_groq", and Cohere's
/// "meta". Nowhere else: what a client sent may come back in an answer. The service tier stands
/// beside a usage or in it.
/// @return whether it is one JSON object; else nothing was taken
bool take_usage_of(std::string_view object, Usage& usage);

}  // namespace hawser::dialect
