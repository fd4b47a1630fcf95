#pragma once

#include <chrono>
#include <optional>

#include "base/clock.hpp"
#include "wire/http1.hpp"

namespace hawser::stage::attempt {

/// How long the provider asks us to wait: retry-after-ms, x-ms-retry-after-ms, then Retry-After as
/// seconds (a fraction allowed) or an HTTP date (RFC 9110, 10.2.3). Nonsense counts as absent.
std::optional<milliseconds> retry_after(const wire::ResponseHead& head,
                                        std::chrono::system_clock::time_point now);

/// x-should-retry: true or false; absent or anything else: nothing.
std::optional<bool> should_retry(const wire::ResponseHead& head);

}  // namespace hawser::stage::attempt
