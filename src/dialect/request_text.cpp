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

/// Members that attachments stand in. An estimate needs no more than that.
constexpr std::array<std::string_view, 10> attachment_members{
    "audio",    "data", "file_data", "image",     "image_url",
    "b64_json", "mask", "result",    "signature", "url"};
constexpr std::size_t attachment_min = 256;

bool is_attachment(std::string_view name, std::string_view value) {
  if (value.size() < attachment_min) return false;
  if (std::find(attachment_members.begin(), attachment_members.end(), name) ==
      attachment_members.end()) {
    return false;
  }
  constexpr std::string_view mark = ";base64,";
  const auto at = value.starts_with("data:") ? value.substr(0, 256).find(mark) : 0;
  if (at == std::string_view::npos) return false;
  return is_base64(value.substr(at == 0 ? 0 : at + mark.size()));
}

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
    if (is_attachment(names_[depth], value)) {
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
  /// Views into the source, or into what was decoded of a level further out: that one stays until
  /// its container has ended.
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
