#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hawser::tokenizer {

/// OpenAI's public byte pair encodings.
enum class Encoding : std::uint8_t {
  o200k,   // o200k_base: gpt-4o and all since
  cl100k,  // cl100k_base: gpt-4, gpt-3.5, text-embedding-3
};
inline constexpr std::size_t encodings_count = 2;

/// Such as "o200k" or "o200k_base"; nothing for other names.
std::optional<Encoding> encoding_named(std::string_view name);

/// The encoding of an OpenAI model; o200k for any other: the best guess for one that is new.
/// A provider's prefix ("openai/gpt-4o") and a fine-tuned model's ("ft:gpt-4o:...") do not matter.
Encoding encoding_for(std::string_view model);

}  // namespace hawser::tokenizer
