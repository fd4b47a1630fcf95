#pragma once

#include <chrono>

namespace hawser {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

}  // namespace hawser
