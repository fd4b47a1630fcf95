#include "stage/cache/control.hpp"

#include <charconv>

#include "wire/http1.hpp"

namespace hawser::stage::cache {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

std::optional<milliseconds> seconds_in(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

void take(std::string_view name, std::string_view argument, Control& control) {
  constexpr auto forever = milliseconds::max();
  if (wire::same_token(name, "no-cache")) control.no_cache = true;
  if (wire::same_token(name, "no-store")) control.no_store = true;
  if (wire::same_token(name, "only-if-cached")) control.only_if_cached = true;
  // An age that is no number is taken for the strictest (RFC 9111, 4.2.1).
  if (wire::same_token(name, "max-age")) control.max_age = seconds_in(argument).value_or(0ms);
  if (wire::same_token(name, "min-fresh")) {
    control.min_fresh = seconds_in(argument).value_or(forever);
  }
  if (wire::same_token(name, "max-stale")) {
    control.max_stale = argument.empty() ? forever : seconds_in(argument).value_or(0ms);
  }
}

}  // namespace

Control parse_control(std::string_view value) {
  Control control;
  while (!value.empty()) {
    const auto comma = std::min(value.find(','), value.size());
    const std::string_view directive = trimmed(value.substr(0, comma));
    value.remove_prefix(std::min(comma + 1, value.size()));
    const auto equals = directive.find('=');
    take(trimmed(directive.substr(0, equals)),
         equals == std::string_view::npos ? "" : trimmed(directive.substr(equals + 1)), control);
  }
  return control;
}

}  // namespace hawser::stage::cache
