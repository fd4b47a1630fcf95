#include "stage/attempt/retry_after.hpp"

#include <charconv>
#include <ctime>
#include <string>

#include "health/quota.hpp"

namespace hawser::stage::attempt {
namespace {

std::optional<milliseconds> parse_number(std::string_view text, double unit_ms) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return health::wait_of(number * unit_ms);
}

std::optional<milliseconds> parse_date(std::string_view text,
                                       std::chrono::system_clock::time_point now) {
  std::tm parts{};
  const std::string copy(text);
  const char* end = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return health::wait_until(::timegm(&parts), now);
}

}  // namespace

std::optional<milliseconds> retry_after(const wire::ResponseHead& head,
                                        std::chrono::system_clock::time_point now) {
  for (const auto* name : {"retry-after-ms", "x-ms-retry-after-ms"}) {
    if (const auto* field = head.find(name)) {
      if (const auto wait = parse_number(field->value, 1)) return wait;
    }
  }
  const auto* field = head.find("retry-after");
  if (field == nullptr) return std::nullopt;
  if (const auto wait = parse_number(field->value, 1000)) return wait;
  return parse_date(field->value, now);
}

std::optional<bool> should_retry(const wire::ResponseHead& head) {
  const auto* field = head.find("x-should-retry");
  if (field == nullptr) return std::nullopt;
  if (wire::same_token(field->value, "true")) return true;
  if (wire::same_token(field->value, "false")) return false;
  return std::nullopt;
}

}  // namespace hawser::stage::attempt
