#pragma once

#include <optional>
#include <string_view>

#include "front/http/serving.hpp"

namespace hawser::front::http {

/// An answer that was given in front of the pipeline: to what is no request, asks for no API, or
/// may not come from where it comes from.
struct EarlyAnswer {
  std::string_view id{};
  std::string_view client{};
  std::string_view method{};  // empty: could not be read
  std::string_view path{};    // without its query
  int status = 0;
  std::optional<Code> error{};
  Clock::time_point arrived{};
  std::uint64_t bytes_out = 0;
};

/// Counts it and writes its line into the access log, as the pipeline does for what passes it. Each
/// answer that the pipeline does not see is told here, so that probing leaves a trace.
void note_early(Services& services, const EarlyAnswer& answer);

}  // namespace hawser::front::http
