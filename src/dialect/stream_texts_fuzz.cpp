// Property: whatever a reader of one event finds, a reader of the stream is told, here or before.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/plain_escapes.hpp"
#include "dialect/rewrite_text.hpp"
#include "dialect/stream_texts.hpp"
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
  dialect::AddedTexts added;
  std::string scratch;
  while (!frames.empty()) {
    const std::string_view frame = frames.substr(0, wire::first_frame(frames).size);
    frames.remove_prefix(frame.size());
    if (!texts.feed(frame, added)) return 0;
    (void)dialect::rewrite_texts(
        wire::frame_parts(frame, scratch).data, [&](const dialect::FoundText& found, std::string&) {
          const auto text = found.json ? with_plain_escapes(found.text) : std::string(found.text);
          const bool told = added.pieces.find(text) != std::string::npos ||
                            added.wholes.find(text) != std::string::npos;
          if (!told && found.name != "obfuscation") std::abort();
          return false;
        });
  }
  return 0;
}
