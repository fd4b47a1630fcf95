#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace hawser::front::grpc {

/// Status codes of gRPC (grpc/doc/statuscodes.md).
enum class Status : std::uint8_t {
  ok = 0,
  cancelled = 1,
  unknown = 2,
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  unauthenticated = 16,
};

/// How a call ends: the trailers of its answer.
struct Ending {
  Status status = Status::ok;
  std::string message{};
  std::string details{};  // google.rpc.Status, serialized; empty: none
};

/// Our own failure. Limits carry a RetryInfo.
Ending ending_of(const Error& error);
/// A provider's refusal. @param body  its JSON
Ending ending_of(int http_status, std::string_view body, std::string_view retry_after);

/// Percent-encoded, as grpc-message is.
std::string encode_message(std::string_view message);

/// "250m", "3S": what grpc-timeout says, in milliseconds, at least 1; negative: malformed.
std::int64_t parse_timeout(std::string_view text);

}  // namespace hawser::front::grpc
