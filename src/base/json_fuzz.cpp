// What is cut out of JSON stays within it; what is_json() accepts, the cursor walks to its end.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hawser;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view value = json_member(text, "t");
  if (!value.empty() && (value.data() < text.data() || value.end() > text.end())) __builtin_trap();
  std::string decoded;
  if (decode_json_string(text, decoded)) {
    std::string token;
    append_json_string(token, decoded);
    if (!is_json(token)) __builtin_trap();
  }
  if (is_json(text)) {
    JsonCursor cursor(text);
    cursor.skip_blanks();
    if (!cursor.skip_value()) __builtin_trap();
    cursor.skip_blanks();
    if (!cursor.at_end()) __builtin_trap();
  }
  return 0;
}
