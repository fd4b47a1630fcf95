#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <optional>

#include "base/clock.hpp"
#include "wire/http1.hpp"

namespace hawser::health {

/// What a provider's answer tells of what its key may still do.
struct Quota {
  struct Part {
    std::uint64_t left = 0;
    milliseconds until_full{};  // when the window begins anew, from the answer on
  };
  std::optional<Part> requests{};
  std::optional<Part> tokens{};  // the tightest of those that are told
};

/// Reads x-ratelimit-{remaining,reset}-{requests,tokens} (OpenAI, Groq, Azure, Together) and
/// anthropic-ratelimit-*-{remaining,reset}. A part without both fields is left out.
Quota quota_of(const wire::ResponseHead& head, std::chrono::system_clock::time_point now);

/// No provider's word counts for longer.
inline constexpr milliseconds longest_wait{24h};
/// From now to a moment of the calendar: none where it is past, the longest where it is far off. By
/// whole seconds, as the clock's own unit cannot hold every date.
milliseconds wait_until(std::time_t when, std::chrono::system_clock::time_point now);
/// So many milliseconds, rounded up; nothing for what is no time.
std::optional<milliseconds> wait_of(double ms);

/// "6m0s", "17.39s", "120ms", "30" (seconds), RFC 3339, or an HTTP date.
std::optional<milliseconds> parse_reset(std::string_view text,
                                        std::chrono::system_clock::time_point now);

}  // namespace hawser::health
