#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Names of members as lax readers take them.
namespace hawser::dialect {

/// The bytes of a name that fold to one letter as Go's encoding/json folds them: ASCII, the long s
/// and the Kelvin sign. Others stay. @return how many of `rest` they are
inline std::size_t fold(std::string_view rest, char& letter) {
  const char c = rest.front();
  letter = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  if (static_cast<unsigned char>(c) < 0x80) return 1;
  if (rest.starts_with("\xc5\xbf")) {
    letter = 's';
    return 2;
  }
  if (rest.starts_with("\xe2\x84\xaa")) {
    letter = 'k';
    return 3;
  }
  return 1;
}

enum class Separators : std::uint8_t { kept, dropped };

/// Puts the name in lower case into `out`. @param separators  '_', '-' and '.'
inline std::string_view folded(std::string_view name, Separators separators, std::string& out) {
  out.resize(name.size());
  char* end = out.data();
  for (std::size_t at = 0; at < name.size();) {
    char letter = 0;
    at += fold(name.substr(at), letter);
    const bool separates = letter == '_' || letter == '-' || letter == '.';
    if (!separates || separators == Separators::kept) *end++ = letter;
  }
  out.resize(static_cast<std::size_t>(end - out.data()));
  return out;
}

/// The name as all the spellings that some reader takes for the same have it in common.
inline std::string_view canonical_name(std::string_view name, std::string& out) {
  return folded(name, Separators::dropped, out);
}

}  // namespace hawser::dialect
