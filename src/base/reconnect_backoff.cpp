#include "base/reconnect_backoff.hpp"

#include <algorithm>

namespace hawser {
namespace {

milliseconds doubled(milliseconds from, std::uint32_t times, milliseconds most) {
  // 2^20 times anything is beyond every bound, and does not overflow.
  return std::min(most, from * (1 << std::min<std::uint32_t>(times, 20)));
}

}  // namespace

milliseconds ReconnectBackoff::next(double random, Need need) {
  const std::uint32_t before = failures_;
  if (failures_ < UINT32_MAX) ++failures_;
  milliseconds around{0};
  if (need == Need::nobody_waits) {
    around = doubled(idle_first, before, idle_most);
  } else if (before > 0) {
    around = doubled(first, before - 1, most);
  }
  const double share = 0.25 + 0.5 * std::clamp(random, 0.0, 1.0);
  return milliseconds(static_cast<milliseconds::rep>(static_cast<double>(around.count()) * share));
}

}  // namespace hawser
