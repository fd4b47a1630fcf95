#pragma once

#include <span>
#include <string_view>

#include "config/fields.hpp"

namespace hawser::stage::cache {

/// How much two prompts may differ in their words to be taken for the same question.
enum class Words : std::uint8_t { strict, loose };
inline auto names_of(Words) {
  static constexpr config::EnumName<Words> names[] = {{Words::strict, "strict"},
                                                      {Words::loose, "loose"}};
  return std::span(names);
}

/// Whether nothing in the words of two prompts says that they ask for different things. Encoders
/// find a question and its opposite alike; this does not.
///
/// loose:  the same numbers, names, identifiers and quoted strings in the same order, as many
///         negations, the same script, neither more than twice as long, and the words that both
///         have in the same order.
/// strict: and no word of meaning that only one of them has.
bool same_words(std::string_view a, std::string_view b, Words words);

/// Whether two answers state the same facts: the same numbers, names and negations.
bool same_facts(std::string_view a, std::string_view b);

}  // namespace hawser::stage::cache
