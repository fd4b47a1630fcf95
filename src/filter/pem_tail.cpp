#include "filter/pem_tail.hpp"

#include <algorithm>
#include <string_view>

#include "filter/character.hpp"

namespace hawser::filter {
namespace {

constexpr std::string_view end_word = "END ";
constexpr std::uint8_t dashes_count = 5;
constexpr std::uint8_t long_word = 16;       // base64 has lines of 64
constexpr std::uint8_t short_words_max = 6;  // headers have fewer

}  // namespace

PemTail::Step PemTail::take(char c) {
  if (size_ == size_max || !in(pem_body, c) || is_prose(c)) return Step::outside;
  ++size_;
  if (closing_) {
    if (c == '-') return ++dashes_ == dashes_count ? Step::last : Step::inside;
    dashes_ = 0;
    return in(upper | digit, c) || c == ' ' ? Step::inside : Step::outside;
  }
  if (close(c)) {
    closing_ = true;
    dashes_ = 0;
  }
  return Step::inside;
}

/// Whether "-----END " is complete.
bool PemTail::close(char c) {
  if (c == '-') {
    dashes_ = static_cast<std::uint8_t>(std::min(dashes_ + 1, +dashes_count));
    matched_ = 0;
    return false;
  }
  if (dashes_ == dashes_count && c == end_word[matched_]) {
    if (++matched_ < end_word.size()) return false;
    matched_ = 0;
    return true;
  }
  dashes_ = matched_ = 0;
  return false;
}

bool PemTail::is_prose(char c) {
  if (c != ' ' && c != '\t' && c != '\n') {
    if (word_ < 255) ++word_;
    return false;
  }
  if (word_ >= long_word) {
    short_words_ = 0;
  } else if (word_ > 0 && c != '\n') {
    ++short_words_;
  }
  word_ = 0;
  return short_words_ >= short_words_max;
}

}  // namespace hawser::filter
