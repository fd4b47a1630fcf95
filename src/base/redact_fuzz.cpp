// Property: whatever stands around it, a key that stands alone on a line is taken out.
#include <cstdint>
#include <cstdlib>

#include "base/redact.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string noise(reinterpret_cast<const char*>(data), size);
  const std::string text = noise + "\nkey sk-proj-PLANTED0123456789abcdef end\n" + noise;
  const auto before = noise.find("PLANTED");
  if (before != std::string::npos) return 0;
  if (hawser::redact(text).find("PLANTED") != std::string::npos) std::abort();
  return 0;
}
