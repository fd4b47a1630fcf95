#pragma once

#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/task.hpp"

namespace hawser::secret {

/// What a source gave.
struct Fetched {
  Secret text{};
  milliseconds lease{0};  // how long it holds by itself; 0: until it is changed
};

/// Somewhere values come from.
class Source {
 public:
  virtual ~Source() = default;

  /// @param location  as a reference has it, without scheme and field
  /// Errors: connection, timeout, permission, not_found, invalid_request, upstream. Messages go
  /// behind the source's name and hold no part of any value.
  virtual Task<Result<Fetched>> fetch(std::string location, Clock::time_point deadline) = 0;
};

}  // namespace hawser::secret
