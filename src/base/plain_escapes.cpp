#include "base/plain_escapes.hpp"

#include <charconv>
#include <cstdint>

#include "base/utf8.hpp"

namespace hawser {
namespace {

constexpr std::size_t unit_size = 6;  // \uXXXX

/// The number of a \uXXXX; -1: this is none.
int unit_of(std::string_view escape) {
  if (escape.size() < unit_size || escape[1] != 'u') return -1;
  unsigned unit = 0;
  const char* const begin = escape.data() + 2;
  const auto [end, error] = std::from_chars(begin, begin + 4, unit, 16);
  return error == std::errc{} && end == begin + 4 ? static_cast<int>(unit) : -1;
}
bool is_high(int unit) {
  return unit >= 0xd800 && unit < 0xdc00;
}
bool is_low(int unit) {
  return unit >= 0xdc00 && unit < 0xe000;
}
bool stays_escaped(int unit) {
  return unit < 0x20 || unit == '"' || unit == '\\' || unit == 0x7f || is_low(unit);
}

}  // namespace

void PlainEscapes::feed(std::string_view piece, std::string& out) {
  while (!piece.empty()) {
    if (held_.empty()) {
      const auto plain = piece.substr(0, piece.find('\\'));
      out.append(plain);
      piece.remove_prefix(plain.size());
      if (piece.empty()) return;
    }
    held_.push_back(piece.front());
    piece.remove_prefix(1);
    take(out);
  }
}

/// Lets go of the escape that is held, once it is whole or turns out to be none.
void PlainEscapes::take(std::string& out) {
  if (held_.size() < 2) return;
  if (held_[1] != 'u') {
    out.append(held_ == "\\/" ? "/" : held_);
    return held_.clear();
  }
  if (held_.size() < unit_size) return;
  const int first = unit_of(held_);
  if (first < 0 || stays_escaped(first)) {
    out.append(held_);
    return held_.clear();
  }
  if (!is_high(first)) {
    append_utf8(out, static_cast<std::uint32_t>(first));
    return held_.clear();
  }
  const std::string second = held_.substr(unit_size);
  const bool goes_on = second.empty() || (second.size() == 1 && second[0] == '\\') ||
                       (second.size() > 1 && second.size() < unit_size && second[1] == 'u');
  if (goes_on) return;
  const int low = unit_of(second);
  if (is_low(low)) {
    append_utf8(out, 0x10000U + (static_cast<std::uint32_t>(first - 0xd800) << 10U) +
                         static_cast<std::uint32_t>(low - 0xdc00));
    return held_.clear();
  }
  out.append(held_, 0, unit_size);  // half a pair: it stays what it is
  held_.clear();
  feed(second, out);
}

void PlainEscapes::flush(std::string& out) {
  out.append(held_);
  held_.clear();
}

std::string with_plain_escapes(std::string_view json) {
  std::string out;
  PlainEscapes escapes;
  escapes.feed(json, out);
  escapes.flush(out);
  return out;
}

void append_json_escaped(std::string& out, std::string_view text) {
  constexpr const char* digits = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.append({'\\', c});
    } else if (byte < 0x20) {
      out.append("\\u00").append({digits[byte >> 4U], digits[byte & 15U]});
    } else {
      out.push_back(c);
    }
  }
}

}  // namespace hawser
