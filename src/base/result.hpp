#pragma once

#include <boost/system/result.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace hawser {

/// What went wrong, in words that every transport can map. The names are the metric labels and the
/// types that users read (docs/errors.md); the set is closed, so each transport maps it in one
/// switch without default.
enum class Code : std::uint8_t {
  connection,       // could not connect, TLS failed, reset before any content
  timeout,          // a connect, first-token, stall or total deadline passed
  rate_limit,       // ours or the provider's
  overloaded,       // shed by us or by the provider
  authentication,   // no key or a wrong one
  permission,       // the key may not do this
  invalid_request,  // the client's to mend
  not_found,
  too_large,
  residency,  // no target satisfies the data-residency rule
  filtered,   // a data filter blocked it
  upstream,   // the provider answered nonsense or a 5xx
  internal,   // our own fault
  cancelled,  // the client is gone: nobody is left to tell
};
inline constexpr std::size_t codes_count = 14;

/// The metric label and log word of `code`, such as "rate_limit".
constexpr std::string_view name_of(Code code) {
  switch (code) {
    case Code::connection:
      return "connection";
    case Code::timeout:
      return "timeout";
    case Code::rate_limit:
      return "rate_limit";
    case Code::overloaded:
      return "overloaded";
    case Code::authentication:
      return "authentication";
    case Code::permission:
      return "permission";
    case Code::invalid_request:
      return "invalid_request";
    case Code::not_found:
      return "not_found";
    case Code::too_large:
      return "too_large";
    case Code::residency:
      return "residency";
    case Code::filtered:
      return "filtered";
    case Code::upstream:
      return "upstream";
    case Code::internal:
      return "internal";
    case Code::cancelled:
      return "cancelled";
  }
  return "internal";
}

/// A failure that a caller is expected to handle.
/// `message` may reach the client: it never holds a payload, a credential or an upstream body.
struct Error {
  Code code = Code::internal;
  std::string message{};
  /// The offending request field, such as "model"; empty when there is none.
  std::string param{};
  /// HTTP status where it is more exact than the one `code` maps to (415, 431, 501, ...); 0: use
  /// the map.
  int status = 0;
  /// How long the client should wait before it tries again.
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;
  /// False once our own retries are spent: the SDK must not multiply them.
  bool client_may_retry = true;
};

/// Where a Result keeps its Error: aside, for nearly all results hold a value, and the frames of an
/// open stream hold many results. Empty only when moved from.
class ErrorBox {
 public:
  ErrorBox() = default;
  ErrorBox(Error error) : error_(std::make_shared<const Error>(std::move(error))) {}

  const Error& operator*() const { return *error_; }

 private:
  std::shared_ptr<const Error> error_{};
};

/// `value()` on a failure is a bug in the caller, so it throws; ask `if (!result)` first.
[[noreturn]] inline void throw_exception_from_error(const ErrorBox& error,
                                                    const boost::source_location&) {
  throw std::logic_error("unchecked Result: " + (*error).message);
}

/// A value or an Error. Ignoring one does not compile (with clang also behind co_await).
template <class T = void>
class [[nodiscard]] Result : public boost::system::result<T, ErrorBox> {
 public:
  using boost::system::result<T, ErrorBox>::result;

  /// Of a failure only.
  Error error() const { return *boost::system::result<T, ErrorBox>::error(); }
};

}  // namespace hawser
