#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace hawser::price {

/// Hours of a week in which a provider asks more, UTC.
struct Peak {
  std::vector<std::pair<int, int>> minutes{};  // of a day: from, and behind
  std::uint32_t weekdays = 0;                  // one bit each, from Sunday
  std::vector<std::int64_t> except{};          // days since the epoch that are like a weekend
  std::uint32_t thousandths = 1000;            // of the price

  /// @param hours   "01:00-04:00,06:00-10:00"
  /// Error: invalid_request
  static Result<Peak> parse(std::string_view hours, std::string_view days);
  /// @param time  seconds since the epoch
  bool holds(std::int64_t time) const;
};

/// Days since the epoch of "2026-12-01". Error: invalid_request
Result<std::int64_t> parse_day(std::string_view text);

}  // namespace hawser::price
