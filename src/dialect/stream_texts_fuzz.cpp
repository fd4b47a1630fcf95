// Property: whatever a reader of one event finds, a reader of the stream is told, here or before.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/plain_escapes.hpp"
#include "dialect/rewrite_text.hpp"
#include "dialect/stream_texts.hpp"
#include "wire/frame_fields.hpp"
#include "wire/sse.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hawser;
  using dialect::Api;
  if (size == 0) return 0;
  constexpr Api apis[] = {Api::chat, Api::completions, Api::responses, Api::messages};
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  wire::SseScanner scanner;
  std::string_view frames = bytes.substr(0, scanner.feed(bytes));
  dialect::StreamTexts texts(apis[data[0] % 4]);
  std::string told, scratch, passes;
  while (!frames.empty()) {
    const std::string_view frame = frames.substr(0, wire::first_frame(frames).size);
    frames.remove_prefix(frame.size());
    if (!texts.feed(frame, true, passes)) return 0;
    told += texts.take() + "\n";
    (void)dialect::rewrite_texts(
        wire::frame_fields(frame, scratch).data,
        [&](const dialect::FoundText& found, std::string&) {
          // An escape that has begun is told with its end.
          const bool open = found.text.find('\\') != std::string_view::npos;
          if (!open && found.name != "obfuscation" && told.find(found.text) == std::string::npos) {
            std::abort();
          }
          return false;
        });
  }
  return 0;
}
