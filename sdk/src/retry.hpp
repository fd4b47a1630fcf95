#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "hawser/client.hpp"

namespace hawser::sdk {

/// What is known of an answer that may be tried again.
struct Answered {
  int status = 0;  // 0: none came
  std::string_view should_retry{};
  std::string_view retry_after_ms{};
  std::string_view retry_after{};
};

/// Whether to try again: x-should-retry decides, else no answer, 408, 409, 429 and 5xx are.
bool worth_retrying(const Answered& answered);

/// The wait that the server asks for, if it is above 0 and at most a minute.
std::optional<std::chrono::milliseconds> asked_wait(const Answered& answered,
                                                    std::chrono::system_clock::time_point now);

/// The wait before retry `n` (from 0) when nobody asked for one.
/// @param random  [0, 1)
std::chrono::milliseconds backoff(const RetryOptions& options, int n, double random);

/// The type of an HTTP error status.
ErrorType type_of_status(int status);

}  // namespace hawser::sdk
