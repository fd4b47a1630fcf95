// Properties: a canonical form is JSON, and its own canonical form; it is never
// much longer than the text was.
#include <cstdint>
#include <cstdlib>

#include "base/canonical_json.hpp"
#include "base/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto once = hawser::canonical_json(text, {});
  if (!once) return 0;
  if (!hawser::is_json(*once)) std::abort();
  if (hawser::canonical_json(*once, {}) != once) std::abort();
  if (once->size() > 25 * text.size()) std::abort();
  const std::string_view without[] = {"user", "stream"};
  if (const auto less = hawser::canonical_json(text, without)) {
    if (less->size() > once->size()) std::abort();
  } else {
    std::abort();
  }
  return 0;
}
