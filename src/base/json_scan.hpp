#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/json_runs.hpp"

/// One strict pass over a JSON text. Source: RFC 8259; its grammar and nothing more: no comments,
/// no single quotes, no trailing commas, no NaN, no byte order mark, UTF-8 only. What a lax parser
/// would read differently is not JSON here.
namespace hawser {

enum class JsonFault : std::uint8_t {
  none,
  syntax,
  depth,     // nested deeper than the limit
  encoding,  // a string is not UTF-8
  stopped    // by the sink
};

/// A string or a name with its quotes, or a number or a word, as it stands in the text.
struct JsonToken {
  std::string_view text{};
  bool escaped = false;  // of strings: it holds a backslash, so it must be decoded

  /// Without the quotes; what a string means, unless it is escaped.
  std::string_view inner() const { return text.substr(1, text.size() - 2); }
};

inline constexpr unsigned json_depth_max = 128;

namespace detail {

/// Bytes of the UTF-8 character at the front, which is not ASCII; 0: there is none.
inline std::size_t wide_character(const char* at, const char* end) {
  const auto byte = [at](int i) { return static_cast<unsigned char>(at[i]); };
  const auto more = [&](int i) { return (byte(i) & 0xc0) == 0x80; };
  const auto left = end - at;
  const unsigned char first = byte(0);
  if (first < 0xc2) return 0;
  if (first < 0xe0) return left >= 2 && more(1) ? 2 : 0;
  if (first < 0xf0) {
    if (left < 3 || !more(1) || !more(2)) return 0;
    if (first == 0xe0 && byte(1) < 0xa0) return 0;  // a shorter form would do
    if (first == 0xed && byte(1) > 0x9f) return 0;  // surrogates
    return 3;
  }
  if (first > 0xf4 || left < 4 || !more(1) || !more(2) || !more(3)) return 0;
  if (first == 0xf0 && byte(1) < 0x90) return 0;
  if (first == 0xf4 && byte(1) > 0x8f) return 0;
  return 4;
}

}  // namespace detail

/// Reads one JSON text and reports what it meets to a sink, in order. No tree, no copy, no
/// recursion: time is linear in the size, whatever the nesting.
///
/// The sink has, each returning whether to go on:
///   bool name(const JsonToken&, unsigned depth)    a member's name; its value is next
///   bool string(const JsonToken&, unsigned depth)
///   bool scalar(const JsonToken&, unsigned depth)  a number, true, false or null
///   bool open(char kind, unsigned depth, std::size_t at)   '{' or '['
///   bool close(char kind, unsigned depth, std::size_t at)  of the same kind; `at` is behind it
/// `depth` is that of the container which something stands in: 0 for the text's own value.
template <class Sink>
class JsonScan {
 public:
  JsonScan(std::string_view text, Sink& sink, unsigned depth_max = json_depth_max)
      : begin_(text.data()),
        at_(text.data()),
        end_(text.data() + text.size()),
        sink_(sink),
        depth_max_(depth_max < json_depth_max ? depth_max : json_depth_max) {}

  JsonFault run() {
    blanks();
    for (;;) {
      if (!value()) return fault_;
      // Behind a value: the containers that end here, then a comma or the end of the text.
      for (;;) {
        blanks();
        if (depth_ == 0) return at_ == end_ ? JsonFault::none : JsonFault::syntax;
        if (at_ == end_) return JsonFault::syntax;
        const char close = in_object() ? '}' : ']';
        if (*at_ != close) break;
        if (!leave(close)) return fault_;
      }
      if (*at_ != ',') return JsonFault::syntax;
      ++at_;
      blanks();
      if (in_object() && !name()) return fault_;
    }
  }

 private:
  bool fail(JsonFault fault) {
    fault_ = fault;
    return false;
  }
  bool go_on(bool wanted) { return wanted || fail(JsonFault::stopped); }

  void blanks() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  bool in_object() const { return (kinds_[(depth_ - 1) / 64] >> ((depth_ - 1) % 64) & 1) != 0; }

  /// One value that is not a container, or all containers that open here up to their first value.
  bool value() {
    for (;;) {
      if (at_ == end_) return fail(JsonFault::syntax);
      const char c = *at_;
      if (c == '"') {
        JsonToken token;
        return string(token) && go_on(sink_.string(token, depth_));
      }
      if (c != '{' && c != '[') return scalar();
      if (!enter(c)) return false;
      blanks();
      if (at_ < end_ && *at_ == (c == '{' ? '}' : ']')) return leave(*at_);
      if (c == '{' && !name()) return false;
    }
  }

  bool enter(char kind) {
    if (depth_ == depth_max_) return fail(JsonFault::depth);
    if (!go_on(sink_.open(kind, depth_, static_cast<std::size_t>(at_ - begin_)))) return false;
    const std::uint64_t bit = std::uint64_t{1} << (depth_ % 64);
    auto& kinds = kinds_[depth_ / 64];
    kinds = kind == '{' ? kinds | bit : kinds & ~bit;
    ++depth_;
    ++at_;
    return true;
  }
  bool leave(char close) {
    ++at_;
    --depth_;
    return go_on(
        sink_.close(close == '}' ? '{' : '[', depth_, static_cast<std::size_t>(at_ - begin_)));
  }

  bool name() {
    JsonToken token;
    if (at_ == end_ || *at_ != '"' || !string(token)) return fail_unless(fault_);
    if (!go_on(sink_.name(token, depth_))) return false;
    blanks();
    if (at_ == end_ || *at_ != ':') return fail(JsonFault::syntax);
    ++at_;
    blanks();
    return true;
  }
  bool fail_unless(JsonFault known) {
    return fail(known == JsonFault::none ? JsonFault::syntax : known);
  }

  bool string(JsonToken& token) {
    const char* const begin = at_++;
    for (;;) {
      at_ += plain_run(at_, end_);
      if (at_ == end_) return fail(JsonFault::syntax);
      const auto byte = static_cast<unsigned char>(*at_);
      if (byte == '"') {
        ++at_;
        token.text = {begin, static_cast<std::size_t>(at_ - begin)};
        return true;
      }
      if (byte == '\\') {
        token.escaped = true;
        if (!escape()) return fail(JsonFault::syntax);
      } else if (byte < 0x20) {
        return fail(JsonFault::syntax);
      } else {
        const std::size_t size = detail::wide_character(at_, end_);
        if (size == 0) return fail(JsonFault::encoding);
        at_ += size;
      }
    }
  }

  bool escape() {
    if (end_ - at_ < 2) return false;
    const char kind = at_[1];
    if (kind == 'u') {
      if (end_ - at_ < 6) return false;
      for (int i = 2; i < 6; ++i) {
        const char c = at_[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) {
          return false;
        }
      }
      at_ += 6;
      return true;
    }
    at_ += 2;
    return std::strchr("\"\\/bfnrt", kind) != nullptr && kind != '\0';
  }

  bool scalar() {
    const char* const begin = at_;
    const bool valid = *at_ == 't'   ? word("true")
                       : *at_ == 'f' ? word("false")
                       : *at_ == 'n' ? word("null")
                                     : number();
    if (!valid) return fail(JsonFault::syntax);
    const JsonToken token{{begin, static_cast<std::size_t>(at_ - begin)}};
    return go_on(sink_.scalar(token, depth_));
  }
  bool word(std::string_view text) {
    if (static_cast<std::size_t>(end_ - at_) < text.size()) return false;
    if (std::memcmp(at_, text.data(), text.size()) != 0) return false;
    at_ += text.size();
    return true;
  }
  bool take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool digits() {
    const char* const begin = at_;
    while (at_ < end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return at_ > begin;
  }
  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (!take('e') && !take('E')) return true;
    if (!take('+')) take('-');
    return digits();
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  Sink& sink_;
  unsigned depth_max_;
  unsigned depth_ = 0;
  JsonFault fault_ = JsonFault::none;
  std::array<std::uint64_t, json_depth_max / 64> kinds_{};  // a bit a container: an object
};

/// Reads all of `text`; `sink` as JsonScan describes it.
template <class Sink>
JsonFault scan_json(std::string_view text, Sink& sink, unsigned depth_max = json_depth_max) {
  return JsonScan<Sink>(text, sink, depth_max).run();
}

}  // namespace hawser
