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

constexpr int depth_max = 128;

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

/// A number in the form of ECMAScript's Number::toString (ECMA-262, 6.1.6.1.20).
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

/// In the order of UTF-16 code units (RFC 8785, 3.2.3): as of code points, but for those that are
/// two units, which come before U+E000 and above.
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

class Canonical {
 public:
  explicit Canonical(std::string& out) : out_(out) {}

  bool object(std::string_view text, std::span<const std::string_view> without, int depth) {
    struct Member {
      std::string name;
      std::string_view value;
    };
    std::vector<Member> members;
    const bool whole = for_each_member(text, [&](std::string_view name, std::string_view value) {
      members.push_back({{}, value});
      return decode_json_string(name, members.back().name);
    });
    if (!whole || depth > depth_max) return false;
    std::sort(members.begin(), members.end(),
              [](const Member& a, const Member& b) { return before(a.name, b.name); });
    out_.push_back('{');
    bool first = true;
    for (std::size_t i = 0; i < members.size(); ++i) {
      const auto& [name, value] = members[i];
      if (i > 0 && members[i - 1].name == name) return false;
      if (std::find(without.begin(), without.end(), name) != without.end()) continue;
      if (!std::exchange(first, false)) out_.push_back(',');
      append_string(out_, name);
      out_.push_back(':');
      if (!any(value, depth + 1)) return false;
    }
    out_.push_back('}');
    return true;
  }

 private:
  bool any(std::string_view value, int depth) {
    if (depth > depth_max) return false;
    switch (value.front()) {
      case '{':
        return object(value, {}, depth);
      case '[':
        return array(value, depth);
      case '"': {
        std::string text;
        if (!decode_json_string(value, text)) return false;
        Utf8Checker utf8;
        if (!utf8.feed(text) || !utf8.complete()) return false;
        append_string(out_, text);
        return true;
      }
      case 't':
      case 'f':
      case 'n':
        out_.append(value);
        return value == "true" || value == "false" || value == "null";
      default:
        return number(value);
    }
  }

  bool array(std::string_view text, int depth) {
    JsonCursor cursor(text);
    if (!cursor.take('[')) return false;
    out_.push_back('[');
    if (!cursor.take(']')) {
      for (bool first = true;; first = false) {
        const std::size_t begin = cursor.at();
        if (!cursor.skip_value()) return false;
        if (!first) out_.push_back(',');
        if (!any(cursor.since(begin), depth + 1)) return false;
        if (cursor.take(',')) continue;
        if (!cursor.take(']')) return false;
        break;
      }
    }
    out_.push_back(']');
    return cursor.at_end();
  }

  bool number(std::string_view text) {
    if (!is_json(text)) return false;
    if (text.find_first_of(".eE") == std::string_view::npos) return whole_number(text);
    double value = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc{}) {
      return false;
    }
    append_number(out_, value);
    return true;
  }

  bool whole_number(std::string_view text) {
    constexpr std::int64_t exact_max = 1ll << 53;
    std::int64_t value = 0;
    const auto error = std::from_chars(text.data(), text.data() + text.size(), value).ec;
    if (error != std::errc{} || value > exact_max || value < -exact_max) return false;
    out_.append(std::to_string(value));
    return true;
  }

  std::string& out_;
};

}  // namespace

std::optional<std::string> canonical_json(std::string_view text,
                                          std::span<const std::string_view> without) {
  std::string out;
  out.reserve(text.size());
  if (!Canonical(out).object(text, without, 0)) return std::nullopt;
  return out;
}

}  // namespace hawser
