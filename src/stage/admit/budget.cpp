#include "stage/admit/budget.hpp"

namespace hawser::stage::admit {

Window window_at(Period period, std::chrono::system_clock::time_point now) {
  using namespace std::chrono;
  const sys_days day = floor<days>(now);
  if (period == Period::day) return {day.time_since_epoch().count(), day, day + days(1)};
  const year_month_day date(day);
  const year_month month = date.year() / date.month();
  const std::int64_t number =
      std::int64_t{int(date.year())} * 12 + static_cast<unsigned>(date.month());
  return {number, sys_days(month / 1), sys_days((month + months(1)) / 1)};
}

}  // namespace hawser::stage::admit
