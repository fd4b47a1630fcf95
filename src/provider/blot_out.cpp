#include "provider/blot_out.hpp"

#include <charconv>
#include <cstddef>
#include <utility>

namespace hawser::provider {
namespace {

/// The number of `digits` hexadecimal digits at the beginning; -1: they are none.
int hex_at(std::string_view text, std::size_t digits) {
  if (text.size() < digits) return -1;
  int value = -1;
  const char* const end = text.data() + digits;
  const auto read = std::from_chars(text.data(), end, value, 16);
  return read.ec == std::errc{} && read.ptr == end ? value : -1;
}

/// Bytes at the beginning of `text` that stand for `c`; 0: others do.
std::size_t spelling_of(char c, std::string_view text) {
  if (text.empty()) return 0;
  const int code = static_cast<unsigned char>(c);
  // Before the character itself: what escapes may stand in the secret, too.
  if (text[0] == '%' && hex_at(text.substr(1), 2) == code) return 3;
  if (c == '\\' && text.starts_with("\\\\")) return 2;
  if (text[0] == c) return 1;
  if (text[0] != '\\' || text.size() < 2) return 0;
  if (text[1] == 'u') return hex_at(text.substr(2), 4) == code ? 6 : 0;
  return text[1] == c ? 2 : 0;
}

/// Bytes at the beginning of `text` that spell the secret; 0: they do not.
std::size_t spelled_at(std::string_view text, std::string_view secret) {
  if (text.starts_with(secret)) return secret.size();
  std::size_t size = 0;
  for (const char c : secret) {
    const std::size_t one = spelling_of(c, text.substr(size));
    if (one == 0) return 0;
    size += one;
  }
  return size;
}

}  // namespace

void blot_out(std::string& text, std::string_view secret) {
  if (secret.empty()) return;
  std::string out;
  std::size_t copied = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::size_t size = spelled_at(std::string_view(text).substr(at), secret);
    if (size == 0) continue;
    out.append(text, copied, at - copied).append(secret.size(), '*');
    copied = at + size;
    at = copied - 1;
  }
  if (copied > 0) text = std::move(out.append(text, copied));
}

}  // namespace hawser::provider
