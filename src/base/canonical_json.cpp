#include "base/canonical_json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "base/utf8.hpp"

namespace hawser {
namespace {

/// A string in the form of ECMAScript's JSON.stringify.
void append_string(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte >= 0x20) {
      out.push_back(c);
    } else if (const auto at = std::string_view("\b\t\n\f\r").find(c);
               at != std::string_view::npos && c != '\0') {
      out.push_back('\\');
      out.push_back("btnfr"[at]);
    } else {
      out.append("\\u00");
      out.push_back(hex[byte >> 4]);
      out.push_back(hex[byte & 15]);
    }
  }
  out.push_back('"');
}

/// A number in the form of ECMAScript's Number::toString
/// (ECMA-262, 6.1.6.1.20).
void append_number(std::string& out, double value) {
  if (value == 0) {
    out.push_back('0');
    return;
  }
  char buffer[32];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, std::abs(value), std::chars_format::scientific)
          .ptr;
  const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  const auto e = text.find('e');
  std::string digits(1, text[0]);
  if (e > 2) digits.append(text.substr(2, e - 2));
  int exponent = 0;
  std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), end, exponent);
  const int point = exponent + 1;  // digits before the decimal point
  const int count = static_cast<int>(digits.size());
  if (value < 0) out.push_back('-');
  if (point >= count && point <= 21) {
    out.append(digits).append(static_cast<std::size_t>(point - count), '0');
  } else if (point > 0 && point <= 21) {
    out.append(digits, 0, static_cast<std::size_t>(point)).push_back('.');
    out.append(digits, static_cast<std::size_t>(point));
  } else if (point > -6 && point <= 0) {
    out.append("0.").append(static_cast<std::size_t>(-point), '0').append(digits);
  } else {
    out.push_back(digits[0]);
    if (count > 1) out.append(".").append(digits, 1);
    out.append(exponent < 0 ? "e-" : "e+").append(std::to_string(std::abs(exponent)));
  }
}

/// In the order of UTF-16 code units (RFC 8785, 3.2.3): as of code points, but
/// for those that are two units, which come before U+E000 and above.
bool before(std::string_view a, std::string_view b) {
  const auto [at_a, at_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (at_a == a.end() || at_b == b.end()) return a.size() < b.size();
  const auto first = static_cast<unsigned char>(*at_a);
  const auto second = static_cast<unsigned char>(*at_b);
  const bool a_pair = first >= 0xf0, b_pair = second >= 0xf0;
  if (a_pair != b_pair) {
    const auto other = a_pair ? second : first;
    if (other >= 0xee) return a_pair;
  }
  return first < second;
}

/// Reads the text once and writes its canonical form as it goes. Members come
/// in their order at the end of their object: the bytes of an object are moved
/// at most once for each object around it.
class Canonical {
 public:
  Canonical(std::string_view text, std::span<const std::string_view> without, std::string& out)
      : cursor_(text), without_(without), out_(out) {}

  bool whole() {
    cursor_.skip_blanks();
    return cursor_.peek() == '{' && value(1) && cursor_.at_end();
  }

 private:
  struct Member {
    std::size_t name_at, name_size;  // in names_: what it means
    std::size_t begin, end;          // in out_: the name, a colon and the value
  };

  /// Takes one value with the blanks behind it.
  bool value(int depth) {
    if (depth > canonical_depth_max + 1) return false;
    switch (cursor_.peek()) {
      case '{':
        return depth <= canonical_depth_max && object(depth);
      case '[':
        return depth <= canonical_depth_max && array(depth);
      default:
        return scalar();
    }
  }

  bool scalar() {
    const std::size_t begin = cursor_.at();
    if (!cursor_.skip_value()) return false;
    const std::string_view token = cursor_.since(begin);
    cursor_.skip_blanks();
    switch (token.front()) {
      case '"':
        if (!decode(token, text_)) return false;
        append_string(out_, text_);
        return true;
      case 't':
      case 'f':
      case 'n':
        out_.append(token);
        return token == "true" || token == "false" || token == "null";
      default:
        return number(token);
    }
  }

  /// What a string means; false where it has no one meaning that is UTF-8.
  static bool decode(std::string_view token, std::string& out) {
    for (const char c : token) {
      if (static_cast<unsigned char>(c) < 0x20) return false;
    }
    if (!decode_json_string(token, out)) return false;
    // Half of a surrogate pair alone becomes U+FFFD: two texts would become
    // one.
    if (token.find("\\u") != std::string_view::npos &&
        out.find("\xef\xbf\xbd") != std::string::npos) {
      return false;
    }
    Utf8Checker utf8;
    return utf8.feed(out) && utf8.complete();
  }

  bool object(int depth) {
    cursor_.take('{');
    const std::size_t first = members_.size(), names = names_.size(), begin = out_.size();
    for (bool more = !cursor_.take('}'); more;) {
      if (!member(depth)) return false;
      if (cursor_.take(',')) continue;
      if (!cursor_.take('}')) return false;
      more = false;
    }
    const bool distinct = put_in_order(first, begin);
    members_.resize(first);
    names_.resize(names);
    return distinct;
  }

  bool member(int depth) {
    const std::size_t at = cursor_.at();
    if (!cursor_.skip_string() || !decode(cursor_.since(at), text_) || !cursor_.take(':')) {
      return false;
    }
    Member member{names_.size(), text_.size(), out_.size(), out_.size()};
    names_.append(text_);
    const bool left_out =
        depth == 1 && std::find(without_.begin(), without_.end(), text_) != without_.end();
    if (left_out) {
      if (!cursor_.skip_value()) return false;
      cursor_.skip_blanks();
    } else {
      append_string(out_, text_);
      out_.push_back(':');
      if (!value(depth + 1)) return false;
      member.end = out_.size();
    }
    members_.push_back(member);
    return true;
  }

  /// The members from `first` on, which stand in out_ behind `begin`, as one
  /// object.
  bool put_in_order(std::size_t first, std::size_t begin) {
    const std::span<Member> members(members_.data() + first, members_.size() - first);
    std::sort(members.begin(), members.end(),
              [this](const Member& a, const Member& b) { return before(name_of(a), name_of(b)); });
    moved_.assign(out_, begin);
    out_.resize(begin);
    out_.push_back('{');
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (i > 0 && name_of(members[i - 1]) == name_of(members[i])) return false;
      const auto& [at, size, from, to] = members[i];
      if (from == to) continue;
      if (out_.back() != '{' || out_.size() != begin + 1) out_.push_back(',');
      out_.append(moved_, from - begin, to - from);
    }
    out_.push_back('}');
    return true;
  }

  bool array(int depth) {
    cursor_.take('[');
    out_.push_back('[');
    for (bool more = !cursor_.take(']'); more;) {
      if (!value(depth + 1)) return false;
      more = cursor_.take(',');
      if (more) out_.push_back(',');
      if (!more && !cursor_.take(']')) return false;
    }
    out_.push_back(']');
    return true;
  }

  bool number(std::string_view text) {
    if (!is_json(text)) return false;
    if (text.find_first_of(".eE") == std::string_view::npos) return whole_number(text);
    double number = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc{}) {
      return false;
    }
    append_number(out_, number);
    return true;
  }

  bool whole_number(std::string_view text) {
    constexpr std::int64_t exact_max = 1ll << 53;
    std::int64_t number = 0;
    const auto error = std::from_chars(text.data(), text.data() + text.size(), number).ec;
    if (error != std::errc{} || number > exact_max || number < -exact_max) return false;
    out_.append(std::to_string(number));
    return true;
  }

  std::string_view name_of(const Member& member) const {
    return std::string_view(names_).substr(member.name_at, member.name_size);
  }

  JsonCursor cursor_;
  std::span<const std::string_view> without_;
  std::string& out_;
  std::vector<Member> members_;  // of the objects that are open, the innermost last
  std::string names_;            // of these
  std::string text_, moved_;     // for one string, one object
};

}  // namespace

std::optional<std::string> canonical_json(std::string_view text,
                                          std::span<const std::string_view> without) {
  std::string out;
  out.reserve(text.size());
  if (!Canonical(text, without, out).whole()) return std::nullopt;
  return out;
}

}  // namespace hawser
