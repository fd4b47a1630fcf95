// Property: how the network cuts the bytes changes nothing.
#include <cstdint>
#include <cstdlib>

#include "wire/http1.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hawser::wire;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const HeadLimits limits{.head_max = 4096, .target_max = 0, .fields_max = 32};
  ResponseHead whole, pieces;
  std::size_t searched = 0;
  const auto at_once = parse_response_head(bytes, searched, "GET", limits, whole);
  searched = 0;
  HeadOutcome cut;
  for (std::size_t end = 1; end <= size && cut.state == HeadOutcome::State::incomplete; ++end) {
    cut = parse_response_head(bytes.substr(0, end), searched, "GET", limits, pieces);
  }
  if (size > 0 && at_once.state == HeadOutcome::State::complete) {
    if (cut.state != at_once.state || cut.consumed != at_once.consumed) std::abort();
    if (pieces.status != whole.status || pieces.framing != whole.framing) std::abort();
  }
  return 0;
}
