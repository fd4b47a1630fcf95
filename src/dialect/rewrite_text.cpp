#include "dialect/rewrite_text.hpp"

#include <array>

#include "base/json.hpp"
#include "base/json_scan.hpp"
#include "dialect/text_places.hpp"

namespace hawser::dialect {
namespace {

constexpr std::size_t digits_min = 6;  // of a number that can be somebody's

/// Gives each text to the change as the scan meets it.
class Rewriter {
 public:
  Rewriter(std::string_view source, const ChangeText& change) : source_(source), change_(change) {}

  bool name(const JsonToken& token, unsigned depth) {
    Level& level = levels_[depth];
    level.name = token.inner();
    if (token.escaped) {
      if (!decode_json_string(token.text, level.decoded)) return false;
      level.name = level.decoded;
    }
    if (!protocol_name(level.name)) change(token, {level.name, false, level.name});
    return true;
  }
  bool string(const JsonToken& token, unsigned depth) {
    std::string_view value = token.inner();
    if (token.escaped) {
      if (!decode_json_string(token.text, value_)) return false;
      value = value_;
    }
    const Level& level = levels_[depth];
    switch (place_of(level.name, value, level.free)) {
      case Place::text:
        change(token, {value, false, level.name});
        break;
      case Place::json_text:
        change(token, {value, true, level.name});
        break;
      case Place::word:
      case Place::identifier:
      case Place::base64:
        break;
    }
    return true;
  }
  /// A whole number of the user's own reaches the model as a text would: a card's, a telephone's.
  bool scalar(const JsonToken& token, unsigned depth) {
    const Level& level = levels_[depth];
    const bool whole = token.text.find_first_not_of("-0123456789") == std::string_view::npos;
    if (level.free && whole && token.text.size() >= digits_min) {
      change(token, {token.text, false, level.name});
    }
    return true;
  }
  /// An array's entries go by the name of the array.
  bool open(char kind, unsigned depth, std::size_t) {
    const Level& outer = levels_[depth];
    Level& inner = levels_[depth + 1];
    inner.free = outer.free || (depth > 0 && opens_free(outer.name, depth));
    inner.name = kind == '[' ? outer.name : std::string_view();
    return true;
  }
  bool close(char, unsigned, std::size_t) { return true; }

  std::optional<std::string> result() {
    if (copied_ == 0) return std::nullopt;
    out_.append(source_.substr(copied_));
    return std::move(out_);
  }

 private:
  /// What stands in one container. Names are views into the source, or into `decoded` of a level
  /// further out: that one stays until its container has ended.
  struct Level {
    std::string_view name{};
    std::string decoded{};
    bool free = false;
  };

  void change(const JsonToken& token, FoundText found) {
    const auto at = static_cast<std::size_t>(token.text.data() - source_.data());
    found.at = at;
    changed_.clear();
    if (!change_(found, changed_)) return;
    out_.append(source_.substr(copied_, at - copied_));
    append_json_string(out_, changed_);
    copied_ = at + token.text.size();
  }

  std::string_view source_;
  const ChangeText& change_;
  std::string out_;
  std::string value_, changed_;
  std::size_t copied_ = 0;  // of the source; 0: nothing was changed yet
  std::array<Level, json_depth_max + 1> levels_{};
};

}  // namespace

Result<std::optional<std::string>> rewrite_texts(std::string_view json, const ChangeText& change) {
  Rewriter rewriter(json, change);
  if (scan_json(json, rewriter) != JsonFault::none) {
    return Error{.code = Code::invalid_request, .message = "The body is not JSON."};
  }
  return rewriter.result();
}

}  // namespace hawser::dialect
