#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace hawser {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

/// At most 24 days, in half the room: for what each of thousands of open streams has.
using ShortMilliseconds = std::chrono::duration<std::int32_t, std::milli>;
inline ShortMilliseconds shortened(milliseconds time) {
  return ShortMilliseconds(static_cast<std::int32_t>(
      std::clamp<std::int64_t>(time.count(), 0, ShortMilliseconds::max().count())));
}

}  // namespace hawser
