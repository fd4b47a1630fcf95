// Property: wherever a document is cut, its usage is the same; and of one that is valid, and stands
// in no list, it is what reading it at once tells.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.hpp"
#include "dialect/usage_reader.hpp"

namespace {

using hawser::dialect::Usage;
using hawser::dialect::UsageReader;

bool alike(const Usage& a, const Usage& b) {
  return a == b;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  UsageReader whole, bytes;
  whole.feed(text);
  for (const char& byte : text) bytes.feed({&byte, 1});
  if (!alike(whole.usage(), bytes.usage())) std::abort();
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos || text[begin] != '{' || !hawser::is_json(text)) return 0;
  Usage at_once;
  hawser::dialect::take_usage_of(text, at_once);
  if (!alike(whole.usage(), at_once)) std::abort();
  return 0;
}
