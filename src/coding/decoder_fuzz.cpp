// Properties: how the network cuts the bytes, and how much room there is to unpack into, changes
// neither what comes out nor whether it is refused; no more comes out than the limits say.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "coding/decoder.hpp"

namespace {

using namespace hawser::coding;

/// Nothing: refused.
std::optional<std::string> unpack(Coding coding, std::string_view bytes, std::size_t step,
                                  std::size_t room, const DecodeLimits& limits) {
  std::string text, buffer(room, '\0');
  Decoder decoder(coding, limits);
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    const auto fed = decoder.feed(bytes.substr(at, step), buffer,
                                  [&](std::string_view piece) { text.append(piece); });
    if (text.size() > limits.size_max) std::abort();
    const std::uint64_t by_ratio =
        std::max(limits.ratio_free, (bytes.size() + 1) * limits.ratio_max);
    if (text.size() > by_ratio) std::abort();
    if (!fed) return std::nullopt;
  }
  if (!decoder.finish()) return std::nullopt;
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto coding = static_cast<Coding>(data[0] % 5);
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const DecodeLimits by_size{.size_max = 100'000, .ratio_max = 1'000'000};
  const auto whole = unpack(coding, bytes, size, 4096, by_size);
  if (unpack(coding, bytes, 1, 4096, by_size) != whole) std::abort();
  if (unpack(coding, bytes, size, 7, by_size) != whole) std::abort();
  (void)unpack(coding, bytes, 3, 100, {.size_max = 50'000, .ratio_max = 20, .ratio_free = 1'000});
  return 0;
}
