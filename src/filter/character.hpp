#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// Classes of bytes. All formats that are looked for are ASCII but for licence plates.
namespace hawser::filter {

using ByteSet = std::uint16_t;  // of the bits below

inline constexpr ByteSet digit = 1, upper = 2, lower = 4, hex = 8;
inline constexpr ByteSet dash = 16;         // - _
inline constexpr ByteSet base64 = 32;       // + /
inline constexpr ByteSet dot = 64;          // .
inline constexpr ByteSet pad = 128;         // =
inline constexpr ByteSet local = 256;       // the part of an e-mail address before the @
inline constexpr ByteSet underscore = 512;  // _
inline constexpr ByteSet value = 1024;      // an assigned secret
inline constexpr ByteSet blank = 2048;      // space, tab
inline constexpr ByteSet pem_body = 4096;   // what stands in a PEM block, also quoted in code
inline constexpr ByteSet high = 8192;       // not ASCII

inline constexpr ByteSet alnum = digit | upper | lower;
inline constexpr ByteSet word = alnum | underscore;

constexpr std::array<ByteSet, 256> make_byte_sets() {
  std::array<ByteSet, 256> sets{};
  const auto add = [&sets](std::string_view bytes, ByteSet set) {
    for (const char c : bytes) sets[static_cast<unsigned char>(c)] |= set;
  };
  for (unsigned c = '0'; c <= '9'; ++c) sets[c] |= digit | hex | local | value | pem_body;
  for (unsigned c = 'A'; c <= 'Z'; ++c) sets[c] |= upper | local | value | pem_body;
  for (unsigned c = 'a'; c <= 'z'; ++c) sets[c] |= lower | local | value | pem_body;
  for (unsigned c = 128; c < 256; ++c) sets[c] |= high;
  add("abcdefABCDEF", hex);
  add("-_", dash);
  add("+/", base64);
  add(".", dot);
  add("=", pad);
  add("._%+-", local);
  add("_", underscore);
  add("-_/+=.~!@#$%^*", value);
  add(" \t", blank);
  add("+/=-_:,. \t\r\n\\\"'()", pem_body);
  return sets;
}
inline constexpr std::array<ByteSet, 256> byte_sets = make_byte_sets();

constexpr bool in(ByteSet set, char c) {
  return (byte_sets[static_cast<unsigned char>(c)] & set) != 0;
}
/// The same for a byte that Place told; false at the end of the text and beyond what is known.
constexpr bool in(ByteSet set, int byte) {
  return byte >= 0 && (byte_sets[static_cast<std::size_t>(byte)] & set) != 0;
}
constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
constexpr char to_upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}

/// Bytes at the end of `text` that may begin a character which is not whole yet: 0 to 3.
constexpr std::size_t cut_character(std::string_view text) {
  for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    const std::size_t size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return size > back ? back : 0;
  }
  return 0;
}

}  // namespace hawser::filter
