#include "stage/record/cursor.hpp"

#include <algorithm>
#include <charconv>

namespace hawser::stage::record {
namespace {

Error malformed() {
  return {.code = Code::invalid_request,
          .message = "The cursor is not an event id of this generation.",
          .param = "after"};
}

Result<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number >= 1ull << 62) {
    return malformed();
  }
  return number;
}

}  // namespace

Result<std::uint64_t> parse_cursor(std::string_view cursor, std::string_view generation) {
  if (cursor.empty()) return 0;
  if (cursor.starts_with("g-")) {
    if (!cursor.starts_with(generation) || cursor.size() <= generation.size() + 1 ||
        cursor[generation.size()] != '.') {
      return malformed();
    }
    cursor.remove_prefix(generation.size() + 1);
  }
  if (const auto dot = cursor.find('.'); dot != std::string_view::npos) {
    const auto epoch = parse_number(cursor.substr(0, dot));
    if (!epoch || *epoch != 1) return malformed();
    cursor.remove_prefix(dot + 1);
  }
  const auto seq = parse_number(cursor);
  if (!seq) return seq;
  return *seq + 1;
}

std::string_view query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') {
      return pair.substr(name.size() + 1);
    }
  }
  return {};
}

}  // namespace hawser::stage::record
