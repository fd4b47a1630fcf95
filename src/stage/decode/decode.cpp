#include "stage/decode/decode.hpp"

namespace hawser::stage::decode {

Task<exchange::Answer> Decode::run(exchange::Exchange& exchange, exchange::Next next) {
  auto& request = exchange.request;
  if (request.framing != wire::Framing::none) {
    auto loaded = co_await request.source->load(request);
    if (!loaded) co_return loaded.error();
  }
  if (request.json && !request.body.empty()) {
    auto peeked = dialect::peek_request(request.body, request.facts);
    if (!peeked) co_return peeked.error();
  }
  co_return co_await next(exchange);
}

}  // namespace hawser::stage::decode
