#include "dialect/request_peek.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstring>
#include <utility>

namespace hawser::dialect {
namespace {

Error not_json() {
  return {
      .code = Code::invalid_request,
      .message = "We could not parse the JSON body of your request: it must be one JSON object."};
}
Error twice(const char* field) {
  return {.code = Code::invalid_request,
          .message = std::string("Duplicate field '") + field + "' in the request body.",
          .param = field};
}
Error not_a(const char* field, const char* type) {
  return {.code = Code::invalid_request,
          .message = std::string("Invalid type for '") + field + "': expected " + type + ".",
          .param = field};
}

/// A cursor over JSON text. Strings, where nearly all bytes of a prompt are, are stepped over by
/// memchr.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  std::size_t at() const { return at_; }
  bool at_end() const { return at_ == text_.size(); }
  std::string_view since(std::size_t begin) const { return text_.substr(begin, at_ - begin); }

  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }
  /// Takes `expected`, with blanks around it.
  bool take(char expected) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != expected) return false;
    ++at_;
    skip_blanks();
    return true;
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  /// Steps over a string, quotes included.
  bool skip_string() {
    if (peek() != '"') return false;
    const std::size_t begin = ++at_;
    for (;;) {
      const void* found = std::memchr(text_.data() + at_, '"', text_.size() - at_);
      if (found == nullptr) return false;
      const auto quote = static_cast<std::size_t>(static_cast<const char*>(found) - text_.data());
      at_ = quote + 1;
      if (!escaped(begin, quote)) return true;
    }
  }
  /// Steps over any value.
  bool skip_value() {
    if (peek() == '"') return skip_string();
    if (peek() == '{' || peek() == '[') return skip_container();
    const std::size_t begin = at_;
    while (at_ < text_.size() && !ends_scalar(text_[at_])) ++at_;
    return at_ > begin;
  }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
  static bool ends_scalar(char c) {
    return c == ',' || c == '}' || c == ']' || c == '{' || c == '[' || c == '"' || is_blank(c);
  }
  bool escaped(std::size_t begin, std::size_t quote) const {
    std::size_t slashes = 0;
    while (quote - slashes > begin && text_[quote - slashes - 1] == '\\') ++slashes;
    return slashes % 2 == 1;
  }
  bool skip_container() {
    std::size_t depth = 0;
    while (at_ < text_.size()) {
      switch (text_[at_]) {
        case '"':
          if (!skip_string()) return false;
          continue;
        case '{':
        case '[':
          ++depth;
          break;
        case '}':
        case ']':
          if (--depth == 0) {
            ++at_;
            return true;
          }
          break;
        default:
          break;
      }
      ++at_;
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// What a string token means. Names may be escaped ("mod\u0065l"): the meaning counts.
bool decode(std::string_view token, std::string& out) {
  if (token.find('\\') == std::string_view::npos) {
    out.assign(token.substr(1, token.size() - 2));
    return true;
  }
  boost::system::error_code error;
  const auto value = boost::json::parse(token, error);
  if (error || !value.is_string()) return false;
  out.assign(value.as_string().data(), value.as_string().size());
  return true;
}

bool name_is(std::string_view token, std::string_view name, std::string& scratch) {
  const std::string_view plain = token.substr(1, token.size() - 2);
  if (plain == name) return true;
  if (plain.find('\\') == std::string_view::npos) return false;
  return decode(token, scratch) && scratch == name;
}

Result<> take_model(std::string_view token, std::size_t at, RequestFacts& facts) {
  if (facts.has_model) return twice("model");
  if (token == "null") return {};
  if (token.front() != '"') return not_a("model", "a string");
  if (!decode(token, facts.model)) return not_json();
  facts.has_model = true;
  facts.model_at = at;
  facts.model_size = token.size();
  return {};
}

Result<> take_stream(std::string_view token, bool& seen, RequestFacts& facts) {
  if (std::exchange(seen, true)) return twice("stream");
  facts.stream = token == "true";
  if (facts.stream || token == "false" || token == "null") return {};
  return not_a("stream", "a boolean");
}

}  // namespace

Result<> peek_request(std::string_view body, RequestFacts& facts) {
  facts = {};
  Cursor cursor(body);
  std::string scratch;
  bool stream_seen = false;
  if (!cursor.take('{')) return not_json();
  bool more = !cursor.take('}');
  while (more) {
    const std::size_t name_at = cursor.at();
    if (!cursor.skip_string()) return not_json();
    const std::string_view name = cursor.since(name_at);
    if (!cursor.take(':')) return not_json();
    const std::size_t value_at = cursor.at();
    if (!cursor.skip_value()) return not_json();
    const std::string_view value = cursor.since(value_at);
    Result<> taken;
    if (name_is(name, "model", scratch)) taken = take_model(value, value_at, facts);
    if (name_is(name, "stream", scratch)) taken = take_stream(value, stream_seen, facts);
    if (!taken) return taken;
    if (cursor.take(',')) continue;
    if (!cursor.take('}')) return not_json();
    more = false;
  }
  cursor.skip_blanks();
  if (!cursor.at_end()) return not_json();
  return {};
}

}  // namespace hawser::dialect
