#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace hawser {

/// Whether a name of the configuration fits `name`: it is the same, or ends in * and `name` begins
/// with what stands before it.
inline bool covers(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return pattern == name;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

/// Whether `name` may be read as one that fits, by whoever takes it: in any case, behind a prefix
/// ("openai/", "ft:", "us.anthropic."), or in characters of which nobody knows how they are read.
/// For rules that bind; what allows something goes by covers().
inline bool may_cover(std::string_view pattern, std::string_view name) {
  const auto lower = [](std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    return out;
  };
  const std::string folded = lower(name), wanted = lower(pattern);
  const bool plain = std::all_of(folded.begin(), folded.end(), [](char c) {
    constexpr std::string_view marks = "-_./:@+";
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || marks.find(c) != marks.npos;
  });
  if (!plain) return true;
  std::string_view rest = folded;
  for (;;) {
    if (covers(wanted, rest)) return true;
    const auto mark = rest.find_first_of("/:@.");
    if (mark == std::string_view::npos) return false;
    // What stands before a mark is a name, too: "gpt-4o:free"; but a version has dots.
    if (rest[mark] != '.' && covers(wanted, rest.substr(0, mark))) return true;
    rest.remove_prefix(mark + 1);
  }
}

}  // namespace hawser
