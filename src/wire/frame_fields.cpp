#include "wire/frame_fields.hpp"

#include <algorithm>
#include <utility>

namespace hawser::wire {
namespace {

bool few_digits(std::string_view text) {
  return !text.empty() && text.size() < 10 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Signs of life that are in use, ours among them. Whatever else a comment says could be a text.
bool says_nothing(std::string_view comment) {
  static constexpr std::string_view known[] = {"",
                                               " ",
                                               " ping",
                                               "ping",
                                               " keep-alive",
                                               " keepalive",
                                               " heartbeat",
                                               " OPENROUTER PROCESSING"};
  for (const auto word : known) {
    if (comment == word) return true;
  }
  return comment.starts_with(" hb ") && few_digits(comment.substr(4));
}

/// Lines that end with LF, CR or CRLF. Linear in the text, whichever it has.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}

  bool done() const { return at_ == text_.size(); }
  std::string_view next() {
    if (feed_ < at_ || !known_) feed_ = std::min(text_.find('\n', at_), text_.size());
    known_ = true;
    const std::string_view until = text_.substr(at_, feed_ - at_);
    const std::string_view line = until.substr(0, until.find('\r'));
    at_ = std::min(at_ + line.size() + 1, text_.size());
    const bool both = line.size() < until.size() && at_ < text_.size() && text_[at_] == '\n';
    if (both) ++at_;
    return line;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0, feed_ = 0;
  bool known_ = false;
};

}  // namespace

FrameFields frame_fields(std::string_view frame, std::string& scratch) {
  FrameFields fields;
  bool joined = false;
  const auto once = [&fields](bool& seen) {
    fields.known = fields.known && !std::exchange(seen, true);
  };
  for (Lines lines(frame); !lines.done();) {
    const std::string_view line = lines.next();
    if (line.empty()) continue;
    const auto colon = std::min(line.find(':'), line.size());
    std::string_view value = line.substr(std::min(colon + 1, line.size()));
    const std::string_view name = line.substr(0, colon);
    if (name.empty()) {
      fields.comments = fields.comments && says_nothing(value);
      continue;
    }
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (name == "event") {
      once(fields.has_type);
      fields.type = value;
    } else if (name == "id") {
      once(fields.has_id);
      fields.id = value;
    } else if (name == "retry") {
      once(fields.has_retry);
      fields.known = fields.known && few_digits(value);
      fields.retry = value;
    } else if (name != "data") {
      fields.known = false;
    } else if (!std::exchange(fields.has_data, true)) {
      fields.data = value;
    } else {
      if (!std::exchange(joined, true)) scratch.assign(fields.data);
      scratch.append("\n").append(value);
    }
  }
  if (joined) fields.data = scratch;
  return fields;
}

}  // namespace hawser::wire
