// Property: any text gives a configuration or a reason why not, never both, never a crash.
#include <cstdint>
#include <cstdlib>

#include "settings/config_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const hawser::config::Lookups nothing{
      [](const std::string&) { return std::optional<std::string>("value"); },
      [](const std::string&) { return hawser::Result<std::string>(hawser::Error{}); }};
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto outcome = hawser::settings::load_text(text, "FILE", nothing);
  if ((outcome.config == nullptr) == outcome.problems.empty()) std::abort();
  return 0;
}
