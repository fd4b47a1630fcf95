// gRPC's framing: the messages of any bytes are the same however they are cut, and what is not a
// message stays none.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "front/grpc/message_decoder.hpp"

namespace {

using hawser::front::grpc::MessageDecoder;
using Kind = MessageDecoder::Next::Kind;

constexpr std::size_t message_max = 4096;

struct Seen {
  std::vector<std::string> messages{};
  Kind end = Kind::none;
  bool operator==(const Seen&) const = default;
};

Seen decode(std::string_view bytes, std::size_t cut) {
  hawser::net::ConnectionBudget budget(2 * message_max, {});
  MessageDecoder decoder({message_max, &budget, {}, hawser::coding::Coding::gzip});
  Seen seen;
  std::size_t taken = 0;
  for (std::size_t at = 0; at < bytes.size(); at += cut) {
    decoder.feed(bytes.substr(at, cut));
    for (;;) {
      auto next = decoder.next();
      if (next.kind != Kind::message) {
        seen.end = next.kind;
        break;
      }
      taken += next.size;
      if (next.bytes.size() > message_max || next.held.size() > 2 * message_max) std::abort();
      seen.messages.push_back(std::move(next.bytes));
    }
  }
  if (taken + decoder.waiting() != bytes.size()) std::abort();
  if (budget.held() > 2 * message_max) std::abort();
  decoder.clear();
  if (budget.held() != 0) std::abort();
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Seen whole = decode(bytes, size == 0 ? 1 : size);
  for (const std::size_t cut : {1U, 3U, 64U}) {
    if (!(decode(bytes, cut) == whole)) std::abort();
  }
  return 0;
}
