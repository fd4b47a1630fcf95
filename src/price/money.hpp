#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace hawser::price {

/// Money in billionths of a US dollar: sums are exact.
using NanoUsd = std::int64_t;

/// "12.34" dollars, at most nine decimals. Error: invalid_request.
Result<NanoUsd> parse_usd(std::string_view text);
/// "12.34", without zeros at the end.
std::string to_text(NanoUsd amount);

/// The sum, or the largest or smallest amount where it does not fit.
NanoUsd saturating_add(NanoUsd a, NanoUsd b);

/// "1.1" in thousandths. Error: invalid_request
Result<std::uint32_t> parse_factor(std::string_view text);

}  // namespace hawser::price
