#include "health/quota.hpp"

#include <charconv>
#include <cmath>
#include <ctime>
#include <string>

namespace hawser::health {
namespace {

std::optional<double> take_number(std::string_view& text) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || !std::isfinite(number) || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

/// The unit in front of `text`, in milliseconds; 0: none.
double take_unit(std::string_view& text) {
  struct Unit {
    std::string_view name;
    double ms;
  };
  static constexpr Unit units[] = {{"ms", 1},         {"us", 0.001}, {"\xc2\xb5s", 0.001},
                                   {"ns", 0.000'001}, {"h", 3600e3}, {"m", 60e3},
                                   {"s", 1000}};
  for (const auto& unit : units) {
    if (!text.starts_with(unit.name)) continue;
    text.remove_prefix(unit.name.size());
    return unit.ms;
  }
  return 0;
}

std::optional<milliseconds> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double total = 0;
  bool alone = true;
  while (!text.empty()) {
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    double unit = take_unit(text);
    if (unit == 0 && (!alone || !text.empty())) return std::nullopt;
    if (unit == 0) unit = 1000;  // a plain number is seconds
    total += *number * unit;
    alone = false;
  }
  return wait_of(total);
}

std::optional<milliseconds> parse_time(std::string_view text,
                                       std::chrono::system_clock::time_point now) {
  const std::string copy(text);
  for (const char* form : {"%Y-%m-%dT%H:%M:%S", "%a, %d %b %Y %H:%M:%S GMT"}) {
    std::tm parts{};
    const char* end = ::strptime(copy.c_str(), form, &parts);
    if (end == nullptr) continue;
    if (*end == '.') end += 1 + std::string_view(end + 1).find_first_not_of("0123456789");
    if (*end != '\0' && std::string_view(end) != "Z") continue;
    return wait_until(::timegm(&parts), now);
  }
  return std::nullopt;
}

std::optional<Quota::Part> part_of(const wire::ResponseHead& head, const char* left,
                                   const char* reset, std::chrono::system_clock::time_point now) {
  const auto* left_field = head.find(left);
  const auto* reset_field = head.find(reset);
  if (left_field == nullptr || reset_field == nullptr) return std::nullopt;
  std::uint64_t count = 0;
  const auto text = left_field->value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  const auto wait = parse_reset(reset_field->value, now);
  if (!wait) return std::nullopt;
  return Quota::Part{count, *wait};
}

void tighten(std::optional<Quota::Part>& part, const std::optional<Quota::Part>& other) {
  if (other && (!part || other->left < part->left)) part = other;
}

}  // namespace

milliseconds wait_until(std::time_t when, std::chrono::system_clock::time_point now) {
  const auto left = when - std::chrono::system_clock::to_time_t(now);
  if (left > std::chrono::seconds(longest_wait / 1s).count()) return longest_wait;
  const auto moment = std::chrono::system_clock::from_time_t(left > 0 ? when : 0);
  return moment <= now ? 0ms : std::chrono::ceil<milliseconds>(moment - now);
}

std::optional<milliseconds> wait_of(double ms) {
  if (!std::isfinite(ms) || ms < 0) return std::nullopt;
  if (ms >= static_cast<double>(longest_wait.count())) return longest_wait;
  return milliseconds(static_cast<milliseconds::rep>(std::ceil(ms)));
}

std::optional<milliseconds> parse_reset(std::string_view text,
                                        std::chrono::system_clock::time_point now) {
  if (const auto duration = parse_duration(text)) return duration;
  return parse_time(text, now);
}

Quota quota_of(const wire::ResponseHead& head, std::chrono::system_clock::time_point now) {
  Quota quota;
  quota.requests =
      part_of(head, "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests", now);
  quota.tokens = part_of(head, "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens", now);
  tighten(quota.requests, part_of(head, "anthropic-ratelimit-requests-remaining",
                                  "anthropic-ratelimit-requests-reset", now));
  for (const char* kind : {"tokens", "input-tokens", "output-tokens"}) {
    const std::string name = std::string("anthropic-ratelimit-") + kind;
    tighten(quota.tokens,
            part_of(head, (name + "-remaining").c_str(), (name + "-reset").c_str(), now));
  }
  return quota;
}

}  // namespace hawser::health
