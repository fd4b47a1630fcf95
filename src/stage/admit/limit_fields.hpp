#pragma once

#include <chrono>
#include <span>
#include <string>

#include "dialect/api.hpp"
#include "stage/admit/limits.hpp"

namespace hawser::stage::admit {

/// How a limit stands for the client that is being answered.
struct Standing {
  const Limit* limit = nullptr;
  std::uint64_t left = 0;
  Clock::duration until_full{};

  std::uint64_t quota() const;
};

/// Tells all of them in the IETF's fields (draft-ietf-httpapi-ratelimit-headers-10), and the
/// tightest of requests and tokens in those of the client's dialect: x-ratelimit-* or
/// anthropic-ratelimit-*. "Name: value\r\n"...
void append_limit_fields(std::span<const Standing> standings, dialect::Dialect dialect,
                         std::chrono::system_clock::time_point now, std::string& out);

/// "6m0s", "1.5s", "20ms": a duration as OpenAI writes it.
std::string go_duration(Clock::duration duration);

}  // namespace hawser::stage::admit
