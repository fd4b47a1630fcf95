// Properties: how the network cuts the bytes changes neither the content nor where it ends.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "wire/http1.hpp"

namespace {

struct Decoded {
  std::string content;
  std::size_t consumed = 0;
  hawser::wire::ChunkDecoder::State state = hawser::wire::ChunkDecoder::State::more;
  bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view bytes, std::size_t step) {
  hawser::wire::ChunkDecoder decoder;
  Decoded out;
  while (out.consumed < bytes.size() && out.state == hawser::wire::ChunkDecoder::State::more) {
    const auto fed = decoder.feed(bytes.substr(out.consumed, step));
    out.content.append(fed.data);
    out.consumed += fed.consumed;
    out.state = fed.state;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Decoded whole = decode(bytes, size + 1);
  if (decode(bytes, 1) != whole || decode(bytes, 3) != whole) std::abort();
  return 0;
}
