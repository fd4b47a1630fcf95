#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Letters in any case, of all scripts that have cases: one character for one. Source: the
/// character classes of the C library, for Unicode.
namespace hawser::filter {

/// The letter that stands for all that differ in their case alone; others stand for themselves.
std::uint32_t folded(std::uint32_t point);

/// All that stand for the same as `point`, which is folded; itself among them.
std::vector<std::uint32_t> all_cases_of(std::uint32_t point);

struct Character {
  std::uint32_t point = 0;
  std::size_t size = 0;  // bytes; 0: `text` begins with no whole character
};
Character character_at(std::string_view text);

/// Folded throughout; bytes that are not UTF-8 stay.
std::string folded(std::string_view text);

}  // namespace hawser::filter
