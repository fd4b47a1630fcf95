#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.hpp"

namespace hawser {

/// Until when a value from outside may be used. One thread prolongs it, every thread asks.
class Freshness {
 public:
  /// @param source  its name for messages: where it comes from, never what it is
  explicit Freshness(std::string source) : source_(std::move(source)) {}

  const std::string& source() const { return source_; }
  bool good(Clock::time_point now) const {
    return now.time_since_epoch().count() < good_until_.load(std::memory_order_relaxed);
  }
  void prolong(Clock::time_point until) {
    good_until_.store(until.time_since_epoch().count(), std::memory_order_relaxed);
  }

 private:
  std::string source_;
  std::atomic<Clock::rep> good_until_{0};
};
using FreshnessPtr = std::shared_ptr<const Freshness>;

}  // namespace hawser
