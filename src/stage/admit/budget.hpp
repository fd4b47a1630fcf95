#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "price/price_table.hpp"
#include "stage/admit/config.hpp"

namespace hawser::stage::admit {

/// How much may be spent in a calendar day or month, UTC.
struct Budget {
  std::string name{};
  std::vector<By> by{};
  Period period = Period::month;
  price::NanoUsd hard = 0;  // 0: none
  price::NanoUsd soft = 0;  // 0: none
  std::vector<std::string> tenants{};
  bool by_target = false;
  bool reserves_most = false;
};

/// A calendar window: its number, which grows by one, and its bounds.
struct Window {
  std::int64_t number = 0;
  std::chrono::system_clock::time_point begin{};
  std::chrono::system_clock::time_point end{};
};
Window window_at(Period period, std::chrono::system_clock::time_point now);

}  // namespace hawser::stage::admit
