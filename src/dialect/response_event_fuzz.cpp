// Property: whatever went out of a stream of responses, the events that end it are JSON, and their
// numbers go on.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "dialect/error_body.hpp"
#include "dialect/response_event.hpp"
#include "wire/sse.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hawser;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  wire::SseScanner scanner;
  const std::string_view frames = bytes.substr(0, scanner.feed(bytes));
  dialect::ResponseProgress progress;
  progress.see(frames);
  const Error error{.code = Code::connection, .message = "broke"};
  const std::string end =
      dialect::error_event(dialect::Dialect::openai, dialect::Api::responses, error, "", &progress);
  std::string scratch;
  std::optional<std::uint64_t> before;
  for (std::string_view rest = end; !rest.empty();) {
    const std::string_view frame = rest.substr(0, wire::first_frame(rest).size);
    rest.remove_prefix(frame.size());
    if (!is_json(wire::frame_parts(frame, scratch).data)) std::abort();
    const auto number = dialect::sequence_number(frame);
    if (!number || (before && *number != *before + 1)) std::abort();
    before = number;
  }
  return 0;
}
