// Property: whatever two streams say, joining them ends, and what it gives is whole events.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dialect/splice.hpp"
#include "wire/sse.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hawser::dialect;
  if (size == 0) return 0;
  const auto prefill = static_cast<Prefill>(data[0] % 4);
  constexpr std::string_view body =
      R"({"model":"m","stream":true,"temperature":0,"max_tokens":9,"messages":[{"role":"user"}]})";
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  hawser::wire::SseScanner scanner;
  const std::string_view frames = bytes.substr(0, scanner.feed(bytes));
  Splice splice(body, prefill);
  splice.see(frames.substr(0, hawser::wire::first_frame(frames).size));
  if (!splice.kind()) return 0;
  if (splice.second_body(body).empty()) std::abort();
  const auto joined = splice.join(frames);
  if (!joined) return 0;
  hawser::wire::SseScanner check;
  if (check.feed(*joined) != joined->size()) std::abort();
  return 0;
}
