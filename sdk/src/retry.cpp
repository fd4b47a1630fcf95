#include "retry.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <string>

namespace hawser {

const char* to_string(ErrorType type) {
  switch (type) {
    case ErrorType::connection:
      return "connection";
    case ErrorType::timeout:
      return "timeout";
    case ErrorType::rate_limit:
      return "rate_limit";
    case ErrorType::overloaded:
      return "overloaded";
    case ErrorType::authentication:
      return "authentication";
    case ErrorType::permission:
      return "permission";
    case ErrorType::invalid_request:
      return "invalid_request";
    case ErrorType::not_found:
      return "not_found";
    case ErrorType::too_large:
      return "too_large";
    case ErrorType::residency:
      return "residency";
    case ErrorType::filtered:
      return "filtered";
    case ErrorType::upstream:
      return "upstream";
    case ErrorType::internal:
      return "internal";
    case ErrorType::cancelled:
      return "cancelled";
  }
  return "internal";
}

namespace sdk {
namespace {

using std::chrono::milliseconds;

std::optional<milliseconds> within_a_minute(double ms) {
  if (!(ms > 0) || ms > 60'000) return std::nullopt;
  return milliseconds(static_cast<long long>(std::ceil(ms)));
}

std::optional<double> number_of(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

bool worth_retrying(const Answered& answered) {
  if (answered.should_retry == "true") return true;
  if (answered.should_retry == "false") return false;
  const int status = answered.status;
  return status == 0 || status == 408 || status == 409 || status == 429 || status >= 500;
}

std::optional<milliseconds> asked_wait(const Answered& answered,
                                       std::chrono::system_clock::time_point now) {
  if (const auto ms = number_of(answered.retry_after_ms)) return within_a_minute(*ms);
  if (const auto seconds = number_of(answered.retry_after)) return within_a_minute(*seconds * 1000);
  std::tm parts{};
  const std::string date(answered.retry_after);
  if (date.empty() || ::strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts) == nullptr) {
    return std::nullopt;
  }
  const auto when = std::chrono::system_clock::from_time_t(::timegm(&parts));
  return within_a_minute(std::chrono::duration<double, std::milli>(when - now).count());
}

milliseconds backoff(const RetryOptions& options, int n, double random) {
  const double grown =
      static_cast<double>(options.wait_min.count()) * std::pow(options.multiplier, n);
  const double capped = std::min(grown, static_cast<double>(options.wait_max.count()));
  return milliseconds(static_cast<long long>(capped * (1 - options.jitter * random)));
}

ErrorType type_of_status(int status) {
  switch (status) {
    case 401:
      return ErrorType::authentication;
    case 403:
      return ErrorType::permission;
    case 404:
      return ErrorType::not_found;
    case 408:
    case 504:
      return ErrorType::timeout;
    case 413:
      return ErrorType::too_large;
    case 429:
      return ErrorType::rate_limit;
    case 451:
      return ErrorType::residency;
    case 502:
      return ErrorType::upstream;
    case 503:
    case 529:
      return ErrorType::overloaded;
    default:
      return status >= 500 ? ErrorType::internal : ErrorType::invalid_request;
  }
}

}  // namespace sdk
}  // namespace hawser
