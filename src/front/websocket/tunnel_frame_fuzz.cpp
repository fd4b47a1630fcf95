// Frames of a tunnel: whatever comes, a request that is read can stand as an HTTP request, keeps
// what the handshake bound, and says nothing that only a connection may say.
#include <cstdint>
#include <cstdlib>

#include "front/websocket/request_fields.hpp"
#include "front/websocket/tunnel_frame.hpp"
#include "wire/http1.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hawser;
  using namespace hawser::front::websocket;
  const std::string_view frame(reinterpret_cast<const char*>(data), size);
  const exchange::FieldList bound{{"x-hawser-data-class", "secret"}};
  if (const auto request = read_request(frame, bound)) {
    const auto& given = request->given;
    if (!valid_method(given.method) || !valid_target(given.target)) std::abort();
    std::string head = given.method + " " + given.target + " HTTP/1.1\r\nhost: x\r\n";
    for (const auto& [name, value] : given.fields) {
      if (wire::same_token(name, "x-hawser-data-class") && value != "secret") std::abort();
      if (wire::same_token(name, "x-forwarded-for") || wire::same_token(name, "authorization") ||
          wire::same_token(name, "content-length")) {
        std::abort();
      }
      head += name + ": " + value + "\r\n";
    }
    head += "\r\n";
    wire::RequestHead parsed;
    std::size_t searched = 0;
    const wire::HeadLimits limits{head.size() + 1, 64 * 1024, 256};
    const auto outcome = wire::parse_request_head(head, searched, limits, parsed);
    if (outcome.state != wire::HeadOutcome::State::complete || outcome.consumed != head.size() ||
        parsed.fields.size() != given.fields.size() + 1) {
      std::abort();
    }
  }
  if (const auto resumes = read_resumes(frame, 16)) {
    if (resumes->size() > 16) std::abort();
    for (const auto& entry : *resumes) {
      if (entry.id.empty() || entry.id.size() > tunnel_id_max) std::abort();
      if (entry.target && !valid_target(*entry.target)) std::abort();
    }
  }
  return 0;
}
