#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// UTF-8. Source: RFC 3629.
namespace hawser {

/// Appends one code point, at most 0x10ffff.
inline void append_utf8(std::string& out, std::uint32_t point) {
  const auto add = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    add(point);
  } else if (point < 0x800) {
    add(0xc0 | point >> 6);
    add(0x80 | (point & 63));
  } else if (point < 0x10000) {
    add(0xe0 | point >> 12);
    add(0x80 | (point >> 6 & 63));
    add(0x80 | (point & 63));
  } else {
    add(0xf0 | point >> 18);
    add(0x80 | (point >> 12 & 63));
    add(0x80 | (point >> 6 & 63));
    add(0x80 | (point & 63));
  }
}

/// Checks text that comes in pieces, and tells at the first byte that cannot belong to any text.
class Utf8Checker {
 public:
  /// False: not UTF-8, however it goes on.
  bool feed(std::string_view bytes) {
    for (const char c : bytes) {
      const auto byte = static_cast<unsigned char>(c);
      if (left_ > 0) {
        if (byte < low_ || byte > high_) return false;
        low_ = 0x80;
        high_ = 0xbf;
        --left_;
      } else if (byte >= 0x80 && !begin(byte)) {
        return false;
      }
    }
    return true;
  }
  /// Whether it may end here.
  bool complete() const { return left_ == 0; }

 private:
  bool begin(unsigned char byte) {
    low_ = 0x80;
    high_ = 0xbf;
    if (byte >= 0xc2 && byte <= 0xdf) {
      left_ = 1;
    } else if (byte >= 0xe0 && byte <= 0xef) {
      left_ = 2;
      if (byte == 0xe0) low_ = 0xa0;   // else shorter forms would do
      if (byte == 0xed) high_ = 0x9f;  // surrogates
    } else if (byte >= 0xf0 && byte <= 0xf4) {
      left_ = 3;
      if (byte == 0xf0) low_ = 0x90;
      if (byte == 0xf4) high_ = 0x8f;  // beyond U+10FFFF
    } else {
      return false;
    }
    return true;
  }

  unsigned char low_ = 0x80, high_ = 0xbf;  // of the next byte
  std::uint8_t left_ = 0;
};

/// Bytes of the character at the front; 0: there is none that is valid and whole.
inline std::size_t utf8_size(std::string_view text) {
  Utf8Checker checker;
  for (std::size_t size = 1; size <= 4 && size <= text.size(); ++size) {
    if (!checker.feed(text.substr(size - 1, 1))) return 0;
    if (checker.complete()) return size;
  }
  return 0;
}

/// Whether all of it is UTF-8.
inline bool is_utf8(std::string_view text) {
  Utf8Checker checker;
  return checker.feed(text) && checker.complete();
}

}  // namespace hawser
