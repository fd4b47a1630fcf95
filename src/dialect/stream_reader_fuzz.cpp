// Properties: how the network cuts a stream changes nothing of what is read of it, and what is told
// by an event's shape is what parsing it tells.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dialect/stream_reader.hpp"
#include "wire/sse.hpp"

namespace {

using hawser::dialect::AnswerFormat;
using hawser::dialect::StreamReader;

bool alike(const StreamReader& a, const StreamReader& b) {
  const auto& one = a.usage();
  const auto& other = b.usage();
  return a.ended() == b.ended() && a.finished() == b.finished() && a.failed() == b.failed() &&
         a.failed_first() == b.failed_first() && a.any_data() == b.any_data() && one == other;
}

/// Every event on its own; with `fresh` its shape is unknown each time.
StreamReader by_events(AnswerFormat format, std::string_view frames) {
  StreamReader reader(format);
  while (!frames.empty()) {
    const std::size_t size = hawser::wire::first_frame(frames).size;
    reader.read(frames.substr(0, size));
    frames.remove_prefix(size);
  }
  return reader;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto format = static_cast<AnswerFormat>(data[0] % 6);
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  hawser::wire::SseScanner scanner;
  const std::string_view frames = bytes.substr(0, scanner.feed(bytes));
  StreamReader whole(format);
  whole.read(frames);
  if (!alike(whole, by_events(format, frames))) std::abort();
  hawser::dialect::form_of(bytes);
  hawser::dialect::tells_error(bytes);
  return 0;
}
