#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "health/target_health.hpp"

namespace hawser::health {

/// One of the targets that a request may go to.
struct Option {
  Condition condition{};
  std::uint8_t group = 0;  // lower first; within one the faster is taken
  double score = 0;        // lower is better
  double share = 1;        // of its full share
  bool tried = false;      // by this request, in vain
};

struct Choice {
  enum class What : std::uint8_t {
    take,  // this one
    wait,  // all named a time: the first of them
    none,  // all were tried
  };
  What what = What::none;
  std::size_t option = 0;
  Clock::time_point until{};  // of wait
};

/// Picks the next target. Among the warm ones of the lowest group the better of two drawn at random
/// (power of two choices: the best of all would be everybody's at once); where none is warm, the
/// one that is to be avoided for the shortest time; where all named a time, the wait for the first.
/// Pure. @param random  two numbers in [0, 1)
Choice choose(std::span<const Option> options, const double (&random)[3]);

}  // namespace hawser::health
