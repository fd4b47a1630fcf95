#include "stage/admit/rate.hpp"

#include <charconv>

namespace hawser::stage::admit {
namespace {

Error malformed(std::string_view text) {
  return {.code = Code::invalid_request,
          .message = "must be a number and a unit of time, such as 5r/s, 60/m or 200000/m, not '" +
                     std::string(text.substr(0, 40)) + "'"};
}

}  // namespace

Result<store::Pace> parse_rate(std::string_view text) {
  store::Pace pace;
  const char* const end = text.data() + text.size();
  const auto [behind, error] = std::from_chars(text.data(), end, pace.amount);
  std::string_view rest(behind, static_cast<std::size_t>(end - behind));
  if (error != std::errc{} || pace.amount == 0) return malformed(text);
  std::uint64_t factor = 1;
  if (rest.starts_with('k')) factor = 1'000;
  if (rest.starts_with('M')) factor = 1'000'000;
  if (factor > 1) rest.remove_prefix(1);
  if (pace.amount > 1'000'000'000'000 / factor) return malformed(text);
  pace.amount *= factor;
  if (rest.starts_with('r')) rest.remove_prefix(1);
  if (rest == "/s") {
    pace.period = std::chrono::seconds(1);
  } else if (rest == "/m") {
    pace.period = std::chrono::minutes(1);
  } else if (rest == "/h") {
    pace.period = std::chrono::hours(1);
  } else if (rest == "/d") {
    pace.period = std::chrono::hours(24);
  } else {
    return malformed(text);
  }
  pace.burst = pace.amount;
  return pace;
}

}  // namespace hawser::stage::admit
