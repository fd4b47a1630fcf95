// The first byte says how the rest is cut and which side reads it.
#include <cstddef>
#include <cstdint>

#include "wire/websocket.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hawser::wire;
  if (size == 0) return 0;
  const auto side = (data[0] & 1) != 0 ? WsSide::server : WsSide::client;
  const std::size_t cut = 1 + data[0] / 2;
  std::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
  WsDecoder decoder(side, 4096);
  while (!rest.empty()) {
    std::string_view piece = rest.substr(0, cut);
    rest.remove_prefix(piece.size());
    for (;;) {
      const WsEvent event = decoder.next(piece);
      if (event.kind == WsEvent::Kind::none) break;
      if (event.payload.size() > 4096) __builtin_trap();
      if (event.kind == WsEvent::Kind::text) {
        hawser::Utf8Checker checker;
        if (!checker.feed(event.payload) || !checker.complete()) __builtin_trap();
      }
      if (event.kind == WsEvent::Kind::broken || event.kind == WsEvent::Kind::close) return 0;
    }
  }
  return 0;
}
