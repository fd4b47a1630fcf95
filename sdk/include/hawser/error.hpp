#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace hawser {

/// What went wrong. The same words as the gateway's metrics and docs/errors.md.
enum class ErrorType : std::uint8_t {
  connection,
  timeout,
  rate_limit,
  overloaded,
  authentication,
  permission,
  invalid_request,
  not_found,
  too_large,
  residency,
  filtered,
  upstream,
  internal,
  cancelled,
};

/// The word of a type, such as "rate_limit".
const char* to_string(ErrorType type);

/// A failed call.
struct ApiError {
  ErrorType type = ErrorType::internal;
  int status = 0;  // HTTP status; 0 when no answer came
  std::string message{};
  std::string code{};        // the API's own word, such as "model_not_found"
  std::string request_id{};  // to find the call in the gateway's log
  std::optional<std::chrono::milliseconds> retry_after{};
  int attempts = 1;  // tries made, the last one included
};

/// A value or an ApiError.
template <class T>
class [[nodiscard]] Outcome {
 public:
  Outcome(T value) : state_(std::move(value)) {}
  Outcome(ApiError error) : state_(std::move(error)) {}

  explicit operator bool() const { return std::holds_alternative<T>(state_); }
  /// Only when it is true in a condition.
  T& operator*() { return std::get<T>(state_); }
  const T& operator*() const { return std::get<T>(state_); }
  T* operator->() { return &std::get<T>(state_); }
  const T* operator->() const { return &std::get<T>(state_); }
  /// Only when it is false in a condition.
  const ApiError& error() const { return std::get<ApiError>(state_); }

 private:
  std::variant<T, ApiError> state_;
};

}  // namespace hawser
