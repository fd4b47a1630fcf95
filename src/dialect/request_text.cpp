#include "dialect/request_text.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "base/json.hpp"

namespace hawser::dialect {
namespace {

constexpr std::size_t attachment_min = 1024;
constexpr int depth_max = 64;

constexpr std::array<std::string_view, 9> read_members{
    "\"messages\"", "\"input\"",  "\"prompt\"",    "\"instructions\"", "\"system\"",
    "\"tools\"",    "\"suffix\"", "\"functions\"", "\"contents\""};

/// Long, and of nothing but the letters of base64, or said to be.
bool is_attachment(std::string_view text) {
  if (text.size() < attachment_min) return false;
  if (text.starts_with("data:")) return true;
  return std::all_of(text.begin(), text.begin() + attachment_min, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '-' || c == '_' || c == '=';
  });
}

class Walk {
 public:
  explicit Walk(const std::function<void(std::string_view)>& each) : each_(each) {}
  RequestText found{};

  void value(std::string_view json, int depth) {
    if (json.empty() || depth > depth_max) return;
    if (json.front() == '"') return text(json);
    if (json.front() == '{') {
      for_each_member(json, [&](std::string_view, std::string_view member) {
        value(member, depth + 1);
        return true;
      });
    } else if (json.front() == '[') {
      array(json, depth);
    }
  }
  void messages(std::string_view json) {
    if (json.empty() || json.front() != '[') {
      ++found.messages;
      return value(json, 0);
    }
    array(json, 0);
    found.messages += elements_;
  }

 private:
  void array(std::string_view json, int depth) {
    JsonCursor cursor(json);
    std::uint64_t elements = 0;
    if (!cursor.take('[') || cursor.peek() == ']') return;
    do {
      const std::size_t begin = cursor.at();
      if (!cursor.skip_value()) break;
      value(cursor.since(begin), depth + 1);
      ++elements;
    } while (cursor.take(','));
    elements_ = elements;
  }
  void text(std::string_view token) {
    scratch_.clear();
    if (!decode_json_string(token, scratch_)) return;
    if (is_attachment(scratch_)) {
      ++found.attachments;
    } else {
      each_(scratch_);
    }
  }

  const std::function<void(std::string_view)>& each_;
  std::string scratch_;
  std::uint64_t elements_ = 0;  // of the array that was read last
};

}  // namespace

RequestText for_each_text(std::string_view body,
                          const std::function<void(std::string_view text)>& each) {
  Walk walk(each);
  for_each_member(body, [&](std::string_view name, std::string_view value) {
    if (std::find(read_members.begin(), read_members.end(), name) == read_members.end()) {
      return true;
    }
    if (name == "\"messages\"" || name == "\"input\"") {
      walk.messages(value);
    } else {
      walk.value(value, 0);
    }
    return true;
  });
  return walk.found;
}

}  // namespace hawser::dialect
