// Properties: how the network cuts the bytes changes nothing; what is accepted is accepted by
// Beast's parser too, with the same method, target and number of fields.
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstdint>
#include <cstdlib>

#include "wire/http1.hpp"

namespace {

using namespace hawser::wire;

void compare_with_beast(std::string_view bytes, const RequestHead& head) {
  namespace beast = boost::beast::http;
  while (bytes.starts_with("\r\n")) bytes.remove_prefix(2);  // Beast takes none of them
  beast::request_parser<beast::empty_body> parser;
  parser.skip(true);
  parser.header_limit(1 << 20);
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(bytes), error);
  // Beast is stricter with bytes above 0x7f in values and with 1.2 to 1.9; it never reads those
  // requests differently, so only what it accepts is compared.
  if (error || !parser.is_header_done()) return;
  const auto& message = parser.get();
  const auto fields = std::distance(message.begin(), message.end());
  if (message.target() != head.target || message.method_string() != head.method ||
      static_cast<std::size_t>(fields) != head.fields.size()) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const HeadLimits limits{.head_max = 4096, .target_max = 512, .fields_max = 32};
  RequestHead whole, pieces;
  std::size_t searched = 0;
  const auto at_once = parse_request_head(bytes, searched, limits, whole);
  searched = 0;
  HeadOutcome cut;
  for (std::size_t end = 1; end <= size && cut.state == HeadOutcome::State::incomplete; ++end) {
    cut = parse_request_head(bytes.substr(0, end), searched, limits, pieces);
  }
  if (size > 0 && at_once.state == HeadOutcome::State::complete) {
    if (cut.state != at_once.state || cut.consumed != at_once.consumed) std::abort();
    if (pieces.fields.size() != whole.fields.size() || pieces.framing != whole.framing)
      std::abort();
    compare_with_beast(bytes.substr(0, at_once.consumed), whole);
  }
  return 0;
}
