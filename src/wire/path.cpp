#include "wire/path.hpp"

#include <algorithm>
#include <array>

#include "base/hex.hpp"
#include "base/utf8.hpp"
#include "wire/percent.hpp"

namespace hawser::wire {
namespace {

/// Whether an encoded byte may stand in a path. Letters, digits and -._~ need no encoding: encoded
/// they are a second spelling. Of the rest, what a second decoder could take for structure is
/// refused: "/", "\", ";", "?", "#", "%" and controls.
constexpr std::array<bool, 256> may_be_encoded = [] {
  std::array<bool, 256> may{};
  for (std::size_t byte = 0x80; byte < 256; ++byte) may[byte] = true;
  for (const char c : std::string_view(" !\"$&'()*+,:<=>@[]^`{|}")) {
    may[static_cast<unsigned char>(c)] = true;
  }
  return may;
}();

constexpr std::string_view bad_escape = "The path has a malformed percent-encoding.";
constexpr std::string_view second_spelling =
    "The path percent-encodes a character that must stand as it is, or that could be taken for a "
    "separator.";

std::string_view segment_problem(std::string_view segment) {
  if (segment == "." || segment == "..") return "The path has a dot segment.";
  bool high = false;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    const auto byte = static_cast<unsigned char>(segment[i]);
    if (byte <= 0x20 || byte >= 0x7f) return "The path has a byte that must be percent-encoded.";
    if (byte == '\\') return "The path has a backslash.";
    if (byte == ';') return "The path has a semicolon.";
    if (byte != '%') continue;
    if (segment.size() - i < 3) return bad_escape;
    const int upper = hex_value(segment[i + 1]), lower = hex_value(segment[i + 2]);
    if (upper < 0 || lower < 0) return bad_escape;
    const auto encoded = static_cast<std::size_t>(upper * 16 + lower);
    if (!may_be_encoded[encoded]) return second_spelling;
    high = high || encoded >= 0x80;
    i += 2;
  }
  if (high && !is_utf8(decoded_segment(segment))) return "The path is not UTF-8.";
  return {};
}

}  // namespace

std::string_view path_problem(std::string_view path) {
  if (path == "/" || path == "*") return {};
  if (!path.starts_with('/')) return "The path does not begin with a slash.";
  if (path.size() > 0xffff) return "The path is too long.";
  if (path.ends_with('/')) return "The path ends in a slash.";
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto end = std::min(path.find('/'), path.size());
    if (end == 0) return "The path has an empty segment (two slashes in a row).";
    if (const auto problem = segment_problem(path.substr(0, end)); !problem.empty()) return problem;
    path.remove_prefix(end);
  }
  return {};
}

std::string decoded_segment(std::string_view segment) {
  std::string out;
  out.reserve(segment.size());
  for (std::size_t i = 0; i < segment.size(); ++i) {
    if (segment[i] == '%' && segment.size() - i >= 3) {
      out.push_back(static_cast<char>(hex_value(segment[i + 1]) * 16 + hex_value(segment[i + 2])));
      i += 2;
    } else {
      out.push_back(segment[i]);
    }
  }
  return out;
}

}  // namespace hawser::wire
