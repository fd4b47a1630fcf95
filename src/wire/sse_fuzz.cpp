// Properties: how the network cuts the bytes changes no event, and the scanner ends events exactly
// where the decoder dispatches or drops them.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "wire/sse.hpp"

namespace {

std::vector<std::string> events(std::string_view bytes, std::size_t step) {
  std::vector<std::string> out;
  hawser::wire::SseDecoder decoder(256);
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    const auto fed = decoder.feed(bytes.substr(at, step), [&](const hawser::wire::SseEvent& event) {
      out.push_back(std::string(event.type) + '\0' + std::string(event.data) + '\0' +
                    std::string(event.id));
    });
    if (!fed) {
      out.push_back("too long");
      break;
    }
  }
  return out;
}

std::size_t whole_bytes(std::string_view bytes, std::size_t step) {
  hawser::wire::SseScanner scanner;
  std::size_t whole = 0;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    const auto found = scanner.feed(bytes.substr(at, step));
    if (found > 0) whole = at + found;
  }
  return whole;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (events(bytes, size + 1) != events(bytes, 1)) std::abort();
  if (whole_bytes(bytes, size + 1) != whole_bytes(bytes, 1)) std::abort();
  return 0;
}
