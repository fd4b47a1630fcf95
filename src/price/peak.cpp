#include "price/peak.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <string>

namespace hawser::price {
namespace {

constexpr std::array<std::string_view, 7> weekday_names{"sun", "mon", "tue", "wed",
                                                        "thu", "fri", "sat"};
constexpr int minutes_a_day = 24 * 60;

Error malformed(std::string_view what, const char* example) {
  return {.code = Code::invalid_request,
          .message = "must be " + std::string(what) + " such as " + example};
}

int weekday_of(std::string_view name) {
  const auto found = std::find(weekday_names.begin(), weekday_names.end(), name);
  return found == weekday_names.end() ? -1 : static_cast<int>(found - weekday_names.begin());
}

/// Minutes of a day in "06:30"; -1: it is none.
int minute_of(std::string_view text) {
  int hour = 0;
  int minute = 0;
  if (text.size() != 5 || text[2] != ':') return -1;
  const auto hours = std::from_chars(text.data(), text.data() + 2, hour);
  const auto minutes = std::from_chars(text.data() + 3, text.data() + 5, minute);
  if (hours.ptr != text.data() + 2 || minutes.ptr != text.data() + 5) return -1;
  if (hour < 0 || hour > 24 || minute < 0 || minute > 59) return -1;
  return std::min(hour * 60 + minute, minutes_a_day);
}

}  // namespace

Result<Peak> Peak::parse(std::string_view hours, std::string_view days) {
  Peak peak;
  while (!hours.empty()) {
    const auto end = std::min(hours.find(','), hours.size());
    const std::string_view span = hours.substr(0, end);
    hours.remove_prefix(std::min(end + 1, hours.size()));
    const auto dash = span.find('-');
    const int from = minute_of(span.substr(0, dash));
    const int until = dash == std::string_view::npos ? -1 : minute_of(span.substr(dash + 1));
    if (from < 0 || until <= from) return malformed("hours of a day", "01:00-04:00,06:00-10:00");
    peak.minutes.emplace_back(from, until);
  }
  const auto dash = days.find('-');
  const int first = weekday_of(days.substr(0, dash));
  const int last = dash == std::string_view::npos ? first : weekday_of(days.substr(dash + 1));
  if (peak.minutes.empty()) return malformed("hours of a day", "01:00-04:00,06:00-10:00");
  if (first < 0 || last < first) return malformed("days of a week", "mon-fri");
  for (int day = first; day <= last; ++day) peak.weekdays |= 1U << day;
  return peak;
}

bool Peak::holds(std::int64_t time) const {
  using namespace std::chrono;
  const sys_seconds when{seconds(time)};
  const sys_days day = floor<days>(when);
  if ((weekdays >> weekday(day).c_encoding() & 1) == 0) return false;
  const std::int64_t number = day.time_since_epoch().count();
  if (std::find(except.begin(), except.end(), number) != except.end()) return false;
  const auto minute = static_cast<int>(duration_cast<std::chrono::minutes>(when - day).count());
  return std::any_of(minutes.begin(), minutes.end(), [minute](const auto& span) {
    return minute >= span.first && minute < span.second;
  });
}

Result<std::int64_t> parse_day(std::string_view text) {
  int parts[3] = {};
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  for (int i = 0; i < 3; ++i) {
    const auto [behind, error] = std::from_chars(at, end, parts[i]);
    const bool separated = i == 2 ? behind == end : behind != end && *behind == '-';
    if (error != std::errc{} || !separated) return malformed("a day", "2026-12-01");
    at = i == 2 ? behind : behind + 1;
  }
  const std::chrono::year_month_day date{std::chrono::year(parts[0]),
                                         std::chrono::month(static_cast<unsigned>(parts[1])),
                                         std::chrono::day(static_cast<unsigned>(parts[2]))};
  if (!date.ok()) return malformed("a day", "2026-12-01");
  return std::int64_t{std::chrono::sys_days(date).time_since_epoch().count()};
}

}  // namespace hawser::price
