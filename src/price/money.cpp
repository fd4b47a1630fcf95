#include "price/money.hpp"

#include <limits>

namespace hawser::price {
namespace {

constexpr NanoUsd dollar = 1'000'000'000;
constexpr NanoUsd most = 1'000'000'000 * dollar;

}  // namespace

Result<NanoUsd> parse_usd(std::string_view text) {
  const Error error = {
      .code = Code::invalid_request,
      .message =
          "must be an amount of US dollars with at most nine decimals, such as 12.50, not '" +
          std::string(text.substr(0, 40)) + "'"};
  NanoUsd amount = 0;
  NanoUsd unit = dollar;
  bool point = false;
  if (text.empty() || text.front() == '.' || text.back() == '.') return error;
  for (const char c : text) {
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9') return error;
    if (point) {
      unit /= 10;
      if (unit == 0) return error;
      amount += (c - '0') * unit;
    } else {
      if (amount > most / 10) return error;
      amount = amount * 10 + (c - '0') * dollar;
    }
  }
  return amount;
}

std::string to_text(NanoUsd amount) {
  const bool negative = amount < 0;
  // The smallest amount has no positive counterpart in a signed number.
  const std::uint64_t size =
      negative ? 0 - static_cast<std::uint64_t>(amount) : static_cast<std::uint64_t>(amount);
  std::string out = (negative ? "-" : "") + std::to_string(size / dollar);
  if (size % dollar == 0) return out;
  std::string rest = std::to_string(dollar + size % dollar).substr(1);
  rest.erase(rest.find_last_not_of('0') + 1);
  return out + "." + rest;
}

NanoUsd saturating_add(NanoUsd a, NanoUsd b) {
  NanoUsd sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<NanoUsd>::max() : std::numeric_limits<NanoUsd>::min();
}

Result<std::uint32_t> parse_factor(std::string_view text) {
  const auto parsed = parse_usd(text);
  if (!parsed || *parsed > 1000 * dollar) {
    return Error{.code = Code::invalid_request, .message = "must be a factor such as 1.1"};
  }
  return static_cast<std::uint32_t>(*parsed / (dollar / 1000));
}

}  // namespace hawser::price
