// Property: an event that was made of two adds the text of both.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "dialect/delta_text.hpp"
#include "dialect/merge_delta.hpp"
#include "wire/sse.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using hawser::dialect::Api;
  if (size == 0) return 0;
  constexpr Api apis[] = {Api::chat, Api::completions, Api::responses, Api::messages};
  const Api api = apis[data[0] % 4];
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  hawser::wire::SseScanner scanner;
  std::string_view frames = bytes.substr(0, scanner.feed(bytes));
  while (!frames.empty()) {
    const std::size_t first = hawser::wire::first_frame(frames).size;
    const std::string_view rest = frames.substr(first);
    const std::string_view second = rest.substr(0, hawser::wire::first_frame(rest).size);
    std::string merged(frames.substr(0, first));
    std::string of_both, of_merged;
    hawser::dialect::append_all_deltas(api, merged, of_both);
    hawser::dialect::append_all_deltas(api, second, of_both);
    if (!second.empty() && hawser::dialect::merge_delta(api, merged, second)) {
      hawser::dialect::append_all_deltas(api, merged, of_merged);
      // Halves of a character that stand in two events are one when they meet.
      if (of_merged != of_both && of_both.find("\xef\xbf\xbd") == std::string::npos) std::abort();
    }
    frames.remove_prefix(first);
  }
  return 0;
}
