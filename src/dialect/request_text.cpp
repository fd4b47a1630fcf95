#include "dialect/request_text.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/json_scan.hpp"
#include "dialect/text_places.hpp"

namespace hawser::dialect {
namespace {

/// Outermost members that a model reads.
constexpr std::array<std::string_view, 12> read_members{
    "messages",  "input",   "prompt",    "instructions",      "system",
    "tools",     "suffix",  "functions", "systemInstruction", "system_instruction",
    "documents", "contents"};

class Texts {
 public:
  explicit Texts(const std::function<void(std::string_view)>& each) : each_(each) {}
  RequestText found{};

  bool name(const JsonToken& token, unsigned depth) {
    names_[depth] = token.inner();
    if (token.escaped) {
      if (decoded_.empty()) decoded_.resize(names_.size());
      if (!decode_json_string(token.text, decoded_[depth])) return false;
      names_[depth] = decoded_[depth];
    }
    if (depth != 1) return true;
    reads_ = std::find(read_members.begin(), read_members.end(), names_[1]) != read_members.end();
    conversation_ = names_[1] == "messages" || names_[1] == "input" || names_[1] == "contents";
    return true;
  }
  bool string(const JsonToken& token, unsigned depth) {
    count_message(depth);
    if (depth == 0 || !reads_) return true;
    std::string_view value = token.inner();
    if (token.escaped) {
      if (!decode_json_string(token.text, scratch_)) return false;
      value = scratch_;
    }
    if (place_of(names_[depth], value, false) == Place::base64) {
      ++found.attachments;
    } else {
      each_(value);
    }
    return true;
  }
  bool scalar(const JsonToken&, unsigned) { return true; }
  bool open(char kind, unsigned depth, std::size_t) {
    if (depth == 1 && kind == '[') {
      in_list_ = conversation_;
    } else {
      count_message(depth);
    }
    names_[depth + 1] = kind == '[' ? names_[depth] : std::string_view();
    return true;
  }
  bool close(char, unsigned depth, std::size_t) {
    if (depth == 1) in_list_ = false;
    return true;
  }

 private:
  /// An entry of the list of messages, or a prompt that stands alone.
  void count_message(unsigned depth) {
    if (depth == 2 ? in_list_ : depth == 1 && conversation_) ++found.messages;
  }

  const std::function<void(std::string_view)>& each_;
  std::string scratch_;
  std::array<std::string_view, json_depth_max + 1> names_{};
  std::vector<std::string> decoded_{};  // of names that have escapes, by depth
  bool reads_ = false;
  bool conversation_ = false;
  bool in_list_ = false;
};

}  // namespace

RequestText for_each_text(std::string_view body,
                          const std::function<void(std::string_view text)>& each) {
  Texts texts(each);
  scan_json(body, texts);
  return texts.found;
}

}  // namespace hawser::dialect
