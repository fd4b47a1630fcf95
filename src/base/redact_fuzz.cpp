// Property: redacting what was redacted changes nothing.
#include <cstdint>
#include <cstdlib>

#include "base/redact.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string once = hawser::redact({reinterpret_cast<const char*>(data), size});
  if (hawser::redact(once) != once) std::abort();
  return 0;
}
