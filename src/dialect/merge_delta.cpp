#include "dialect/merge_delta.hpp"

#include <optional>
#include <span>

namespace hawser::dialect {
namespace {

/// Members that hold the text of a delta. Numbered events (responses) are never alike.
std::span<const std::string_view> texts_of(Api api) {
  static constexpr std::string_view chat[] = {"\"content\":\"", "\"content\": \"",
                                              "\"reasoning_content\":\"", "\"arguments\":\""};
  static constexpr std::string_view completions[] = {"\"text\":\"", "\"text\": \""};
  static constexpr std::string_view messages[] = {"\"text\":\"", "\"thinking\":\"",
                                                  "\"partial_json\":\""};
  switch (api) {
    case Api::chat:
      return chat;
    case Api::completions:
      return completions;
    case Api::messages:
      return messages;
    default:
      return {};
  }
}

struct Place {
  std::size_t begin;
  std::size_t end;  // of the closing quote
};

/// Where the text stands, in its escapes.
std::optional<Place> find_text(std::string_view event, std::string_view name) {
  const auto at = event.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  const std::size_t begin = at + name.size();
  for (std::size_t i = begin; i < event.size(); ++i) {
    if (event[i] == '"') return Place{begin, i};
    if (event[i] == '\\') ++i;
  }
  return std::nullopt;
}

}  // namespace

bool merge_delta(Api api, std::string& first, std::string_view second) {
  for (const auto name : texts_of(api)) {
    const auto a = find_text(first, name);
    const auto b = find_text(second, name);
    if (!a || !b) continue;
    const std::string_view whole = first;
    if (whole.substr(0, a->begin) != second.substr(0, b->begin)) return false;
    if (whole.substr(a->end) != second.substr(b->end)) return false;
    first.insert(a->end, second.substr(b->begin, b->end - b->begin));
    return true;
  }
  return false;
}

}  // namespace hawser::dialect
