// Properties: the body that a stream comes to is JSON, and a stream that is made of it comes to the
// same body.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.hpp"
#include "dialect/chat_shape.hpp"
#include "wire/sse.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hawser::dialect;
  if (size == 0) return 0;
  constexpr Api apis[] = {Api::chat, Api::completions, Api::responses, Api::messages};
  const Api api = apis[data[0] % 4];
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  ending_of(api, bytes);
  stream_of_body(api, bytes, false);
  const auto body = body_of_stream(api, bytes);
  if (!body) return 0;
  if (!hawser::is_json(*body)) std::abort();
  ending_of(api, *body);
  const auto stream = stream_of_body(api, *body, false);
  if (!stream) return 0;
  hawser::wire::SseScanner scanner;
  if (scanner.feed(*stream) != stream->size()) std::abort();
  return 0;
}
