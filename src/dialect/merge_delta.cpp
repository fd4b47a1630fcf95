#include "dialect/merge_delta.hpp"

#include <optional>

#include "dialect/answer_format.hpp"
#include "dialect/json_walk.hpp"
#include "wire/sse.hpp"

namespace hawser::dialect {
namespace {

/// The only text that an event adds: a string token in it; empty where there is none, or where it
/// says more than that.
class OnlyText {
 public:
  std::string_view of(AnswerFormat format, std::string_view data) {
    bool understood = false;
    switch (format) {
      case AnswerFormat::chat:
      case AnswerFormat::completions:
        understood = of_chunk(data);
        break;
      case AnswerFormat::messages:
        understood = of_message(data);
        break;
      case AnswerFormat::responses:  // its events are numbered: never alike
      case AnswerFormat::gemini:     // each tells a usage of its own
      case AnswerFormat::other:
        break;
    }
    return understood && texts_ == 1 ? text_ : std::string_view();
  }

 private:
  void take(std::string_view value) {
    text_ = value;
    ++texts_;
  }

  bool of_chunk(std::string_view data) {
    std::size_t choices = 0;
    bool plain = true;
    const bool whole = for_each_named(data, [&](std::string_view name, std::string_view value) {
      if (name == "usage") plain = plain && value == "null";
      if (name != "choices") return true;
      return for_each_element(value, [&](std::string_view choice) {
        ++choices;
        return of_choice(choice);
      });
    });
    return whole && plain && choices == 1;
  }
  bool of_choice(std::string_view choice) {
    return for_each_named(choice, [&](std::string_view name, std::string_view value) {
      if (name == "finish_reason") return value == "null";
      if (name == "text") take(value);
      if (name == "delta") return of_delta(value);
      return true;
    });
  }
  /// A text of the answer or of a tool's arguments; nothing beside it.
  bool of_delta(std::string_view delta) {
    return for_each_named(delta, [&](std::string_view name, std::string_view value) {
      if (name == "tool_calls") {
        return for_each_element(value, [&](std::string_view call) { return of_call(call); });
      }
      if (name == "content" || name == "reasoning_content" || name == "reasoning") {
        if (is_string(value)) take(value);
        return is_string(value) || value == "null";
      }
      return name == "role" || !says_something(value);
    });
  }
  bool of_call(std::string_view call) {
    return for_each_named(call, [&](std::string_view name, std::string_view value) {
      if (name == "index" || name == "type") return true;
      if (name != "function") return !says_something(value);  // an id begins another call
      return for_each_named(value, [&](std::string_view inner, std::string_view text) {
        if (inner == "arguments" && is_string(text)) take(text);
        return inner == "arguments" || !says_something(text);
      });
    });
  }
  bool of_message(std::string_view data) {
    bool delta_of_block = false;
    const bool whole = for_each_named(data, [&](std::string_view name, std::string_view value) {
      if (name == "type") delta_of_block = value == "\"content_block_delta\"";
      if (name != "delta") return true;
      return for_each_named(value, [&](std::string_view inner, std::string_view text) {
        const bool known = inner == "text" || inner == "thinking" || inner == "partial_json";
        if (known && is_string(text)) take(text);
        return known || inner == "type";
      });
    });
    return whole && delta_of_block;
  }

  std::string_view text_{};
  std::size_t texts_ = 0;
};

struct Place {
  std::size_t begin;
  std::size_t end;  // of the closing quote
};

/// Where the text stands in the event, in its escapes.
std::optional<Place> find_text(AnswerFormat format, std::string_view event) {
  std::string joined;
  const auto parts = wire::frame_parts(event, joined);
  if (!parts.data.starts_with('{') || !joined.empty()) return std::nullopt;
  const std::string_view text = OnlyText().of(format, parts.data);
  if (text.empty()) return std::nullopt;
  const auto at = static_cast<std::size_t>(text.data() - event.data());
  return Place{at + 1, at + text.size() - 1};
}

}  // namespace

bool merge_delta(Api api, std::string& first, std::string_view second) {
  const AnswerFormat format = format_of(api);
  const auto a = find_text(format, first);
  if (!a) return false;
  const std::string_view whole = first;
  // Alike up to the text and behind it: then the text stands at the same place in both.
  if (second.size() < whole.size() - (a->end - a->begin)) return false;
  if (second.substr(0, a->begin) != whole.substr(0, a->begin)) return false;
  const std::string_view tail = whole.substr(a->end);
  if (!second.ends_with(tail)) return false;
  const auto b = find_text(format, second);
  if (!b || b->begin != a->begin || b->end != second.size() - tail.size()) return false;
  first.insert(a->end, second.substr(b->begin, b->end - b->begin));
  return true;
}

}  // namespace hawser::dialect
