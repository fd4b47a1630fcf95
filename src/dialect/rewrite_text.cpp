#include "dialect/rewrite_text.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "base/json.hpp"

namespace hawser::dialect {
namespace {

constexpr int depth_max = 64;
constexpr std::size_t base64_min = 1024;

constexpr std::array<std::string_view, 10> of_requests{
    "\"messages\"", "\"input\"",  "\"prompt\"",    "\"instructions\"", "\"system\"",
    "\"tools\"",    "\"suffix\"", "\"functions\"", "\"contents\"",     "\"documents\""};
constexpr std::array<std::string_view, 4> of_answers{"\"choices\"", "\"output\"", "\"content\"",
                                                     "\"error\""};
// Words of the protocol, which must stay what they are.
constexpr std::array<std::string_view, 26> protocol{"\"role\"",
                                                    "\"type\"",
                                                    "\"id\"",
                                                    "\"name\"",
                                                    "\"tool_call_id\"",
                                                    "\"call_id\"",
                                                    "\"tool_use_id\"",
                                                    "\"item_id\"",
                                                    "\"model\"",
                                                    "\"object\"",
                                                    "\"status\"",
                                                    "\"format\"",
                                                    "\"media_type\"",
                                                    "\"mime_type\"",
                                                    "\"detail\"",
                                                    "\"url\"",
                                                    "\"image_url\"",
                                                    "\"file_id\"",
                                                    "\"finish_reason\"",
                                                    "\"stop_reason\"",
                                                    "\"signature\"",
                                                    "\"encrypted_content\"",
                                                    "\"cache_control\"",
                                                    "\"code\"",
                                                    "\"param\"",
                                                    "\"logprobs\""};

template <std::size_t n>
bool holds(const std::array<std::string_view, n>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

bool is_base64(std::string_view text) {
  if (text.size() < base64_min) return false;
  return text.starts_with("data:") ||
         text.substr(0, base64_min).find(' ') == std::string_view::npos;
}

class Rewriter {
 public:
  explicit Rewriter(const ChangeText& change) : change_(change) {}

  template <std::size_t n>
  std::optional<std::string> body(std::string_view json,
                                  const std::array<std::string_view, n>& read) {
    source_ = json;
    const bool whole = for_each_member(json, [&](std::string_view name, std::string_view value) {
      if (holds(read, name)) this->value(value, 0);
      return true;
    });
    if (!whole || copied_ == 0) return std::nullopt;
    out_.append(source_.substr(copied_));
    return std::move(out_);
  }

 private:
  void value(std::string_view json, int depth) {
    if (json.empty() || depth > depth_max) return;
    if (json.front() == '"') {
      text(json, false);
    } else if (json.front() == '{') {
      for_each_member(json, [&](std::string_view name, std::string_view member) {
        if (holds(protocol, name)) return true;
        if (name == "\"arguments\"" && member.front() == '"') {
          text(member, true);
        } else {
          value(member, depth + 1);
        }
        return true;
      });
    } else if (json.front() == '[') {
      JsonCursor cursor(json);
      if (!cursor.take('[') || cursor.peek() == ']') return;
      do {
        const std::size_t begin = cursor.at();
        if (!cursor.skip_value()) return;
        value(cursor.since(begin), depth + 1);
      } while (cursor.take(','));
    }
  }
  void text(std::string_view token, bool is_json) {
    decoded_.clear();
    changed_.clear();
    if (is_base64(token.substr(1)) || !decode_json_string(token, decoded_)) return;
    if (!change_({decoded_, is_json}, changed_)) return;
    const auto at = static_cast<std::size_t>(token.data() - source_.data());
    out_.append(source_.substr(copied_, at - copied_));
    append_json_string(out_, changed_);
    copied_ = at + token.size();
  }

  const ChangeText& change_;
  std::string_view source_;
  std::string out_;
  std::size_t copied_ = 0;  // of the source; 0: nothing was changed yet
  std::string decoded_, changed_;
};

}  // namespace

std::optional<std::string> rewrite_request(std::string_view body, const ChangeText& change) {
  return Rewriter(change).body(body, of_requests);
}

std::optional<std::string> rewrite_answer(std::string_view body, const ChangeText& change) {
  return Rewriter(change).body(body, of_answers);
}

}  // namespace hawser::dialect
