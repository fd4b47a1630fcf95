#include "dialect/usage.hpp"

#include <charconv>
#include <cstring>

namespace hawser::dialect {
namespace {

/// Where the last `part` begins behind `from`; npos: nowhere.
std::size_t find_last(std::string_view text, std::string_view part) {
  std::size_t found = std::string_view::npos;
  if (text.empty()) return found;
  while (const void* at = ::memmem(text.data(), text.size(), part.data(), part.size())) {
    found = found == std::string_view::npos ? 0 : found + part.size();
    const auto offset = static_cast<std::size_t>(static_cast<const char*>(at) - text.data());
    found += offset;
    text.remove_prefix(offset + part.size());
  }
  return found;
}

/// The object at the front of `text`, braces included; empty when it is cut or none.
std::string_view object_at(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos || text[begin] != '{') return {};
  std::size_t depth = 0;
  for (std::size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) return text.substr(begin, i + 1 - begin);
  }
  return {};
}

/// The number of that member, only where it stands in the outermost object.
bool take_count(std::string_view object, std::string_view name, std::uint32_t& out) {
  std::size_t depth = 0;
  for (std::size_t i = 0; i < object.size(); ++i) {
    if (object[i] == '{') ++depth;
    if (object[i] == '}') --depth;
    if (depth != 1 || object[i] != '"' || !object.substr(i + 1).starts_with(name)) continue;
    std::size_t at = i + 1 + name.size();
    if (at >= object.size() || object[at] != '"') continue;
    at = object.find_first_not_of(" :", at + 1);
    if (at == std::string_view::npos) return false;
    return std::from_chars(object.data() + at, object.data() + object.size(), out).ec ==
           std::errc{};
  }
  return false;
}

/// The same wherever in the object it stands.
bool take_detail(std::string_view object, std::string_view name, std::uint32_t& out) {
  const auto at = object.find(name);
  if (at == std::string_view::npos) return false;
  const auto digits = object.find_first_not_of(" :", at + name.size());
  if (digits == std::string_view::npos) return false;
  return std::from_chars(object.data() + digits, object.data() + object.size(), out).ec ==
         std::errc{};
}

void see_details(std::string_view object, Usage& usage) {
  if (object.find("cache") != std::string_view::npos) {
    take_detail(object, "\"cached_tokens\"", usage.cached);
    const bool read = take_detail(object, "\"cache_read_input_tokens\"", usage.cached);
    const bool write = take_detail(object, "\"cache_creation_input_tokens\"", usage.cache_write);
    if (read || write) usage.cached_within = false;
  }
  take_detail(object, "\"reasoning_tokens\"", usage.reasoning);
}

}  // namespace

void see_usage(std::string_view text, Usage& usage) {
  constexpr std::string_view name = "\"usage\":";
  const std::size_t at = find_last(text, name);
  if (at == std::string_view::npos) return;
  const std::string_view object = object_at(text.substr(at + name.size()));
  const bool input = take_count(object, "prompt_tokens", usage.input) ||
                     take_count(object, "input_tokens", usage.input);
  const bool output = take_count(object, "completion_tokens", usage.output) ||
                      take_count(object, "output_tokens", usage.output);
  usage.known = usage.known || input || output;
  see_details(object, usage);
}

}  // namespace hawser::dialect
