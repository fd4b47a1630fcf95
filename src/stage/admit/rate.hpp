#pragma once

#include <string_view>

#include "base/result.hpp"
#include "store/bucket.hpp"

namespace hawser::stage::admit {

/// "5r/s", "60/m", "200000/m", "1000r/h", "10M/d": units each second, minute, hour or day; k and M
/// stand for thousands and millions. The burst is one period's worth.
/// Error: invalid_request that says what a rate looks like.
Result<store::Pace> parse_rate(std::string_view text);

}  // namespace hawser::stage::admit
