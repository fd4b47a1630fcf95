#include "filter/expression.hpp"

#include <re2/re2.h>

#include <algorithm>

#include "filter/prefix_pattern.hpp"

namespace hawser::filter {
namespace {

re2::RE2::Options options_for(const Expression& expression) {
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_case_sensitive(!expression.any_case);
  options.set_longest_match(true);
  return options;
}

Error bad(std::string why) {
  return {.code = Code::invalid_request, .message = std::move(why)};
}

/// What is known of the text in whole characters.
std::size_t whole_characters(const Place& place) {
  return place.text.size() - (place.ended ? 0 : cut_character(place.text));
}

}  // namespace

CompiledExpression::CompiledExpression() = default;
CompiledExpression::CompiledExpression(CompiledExpression&&) noexcept = default;
CompiledExpression::~CompiledExpression() = default;

Result<CompiledExpression> CompiledExpression::compile(const Expression& expression) {
  if (expression.size_max < 1 || expression.size_max > expression_size_max) {
    return bad("a match may have 1 to 512 bytes");
  }
  const re2::RE2::Options options = options_for(expression);
  CompiledExpression compiled;
  compiled.size_max_ = expression.size_max;
  compiled.whole_ = std::make_unique<re2::RE2>(expression.pattern, options);
  if (!compiled.whole_->ok()) return bad(compiled.whole_->error());
  if (compiled.whole_->Match("", 0, 0, re2::RE2::ANCHOR_BOTH, nullptr, 0)) {
    return bad("it matches the empty text");
  }
  auto beginnings = prefix_pattern(expression.pattern);
  if (!beginnings) return beginnings.error();
  compiled.beginning_ = std::make_unique<re2::RE2>("(?:" + *beginnings + ")\\z", options);
  if (!compiled.beginning_->ok()) return bad(compiled.beginning_->error());
  compiled.find_first_bytes();
  return compiled;
}

void CompiledExpression::find_first_bytes() {
  for (std::size_t byte = 0; byte < 256; ++byte) {
    bool may = byte >= 128;  // parts of characters
    // What assertions ask of the byte before: none, a letter, none of a word, a line's end.
    for (const std::string_view before : {"", "a", " ", "\n"}) {
      const std::string text = std::string(before) + static_cast<char>(byte);
      may = may ||
            beginning_->Match(text, before.size(), text.size(), re2::RE2::ANCHOR_BOTH, nullptr, 0);
    }
    first_.at(byte) = may;
  }
}

std::size_t CompiledExpression::next(const Place& place) const {
  const std::size_t size = whole_characters(place);
  if (place.at >= size) return place.at;
  std::size_t at = place.at;
  while (at < size && !first_[static_cast<unsigned char>(place.text[at])]) ++at;
  if (at == size) return size;
  re2::StringPiece found;
  std::size_t first = size;  // a character that is not whole yet may begin a match
  if (whole_->Match(place.text, at, size, re2::RE2::UNANCHORED, &found, 1)) {
    first = static_cast<std::size_t>(found.data() - place.text.data());
  }
  if (place.ended) return first;
  const std::string_view known = place.text.substr(0, size);
  const std::size_t from = std::max(at, size - std::min(size, size_max_));
  if (beginning_->Match(known, from, size, re2::RE2::UNANCHORED, &found, 1) && !found.empty()) {
    first = std::min(first, static_cast<std::size_t>(found.data() - place.text.data()));
  }
  return first;
}

Verdict CompiledExpression::match(const Place& place) const {
  const std::size_t size = whole_characters(place);
  if (place.at >= size) return place.ended ? no_match() : need_more();
  re2::StringPiece found;
  if (!place.ended && size - place.at <= size_max_ &&
      beginning_->Match(place.text.substr(0, size), place.at, size, re2::RE2::ANCHOR_START, &found,
                        1)) {
    return need_more();
  }
  const std::size_t end = std::min(size, place.at + size_max_);
  if (!whole_->Match(place.text, place.at, end, re2::RE2::ANCHOR_START, &found, 1)) {
    return no_match();
  }
  return found.empty() ? no_match() : match_of(found.size());
}

}  // namespace hawser::filter
