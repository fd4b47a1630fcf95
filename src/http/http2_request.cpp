// The head of a request, as HTTP/1.1 has it, to HTTP/2.
#include <array>

#include "base/credential_headers.hpp"
#include "http/http2_stream.hpp"

namespace hawser::http {
namespace {

nghttp2_nv field(std::string_view name, std::string_view value, std::uint8_t flags) {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
          value.size(), flags};
}

/// Credentials are never put into a compression table (RFC 7541, 7.1.3); neither is what differs
/// with every request.
bool keeps_out_of_table(std::string_view name) {
  if (is_credential_header(name)) return true;
  for (const std::string_view one :
       {"x-request-id", "content-length", "idempotency-key", "traceparent"}) {
    if (wire::same_token(name, one)) return true;
  }
  return name.find("secret") != std::string_view::npos ||
         name.find("token") != std::string_view::npos;
}

/// The next line of `rest`, which loses it.
std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find("\r\n");
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 2);
  return line;
}

}  // namespace

bool Http2Connection::submit(Http2Stream& stream, std::string_view head, bool with_body) {
  stream.counted_ = false;
  --begun_;
  if (!usable()) return false;
  const std::string_view line = take_line(head);
  const std::size_t method = line.find(' '), target = line.rfind(' ');
  fields_.assign(
      {field(":method", line.substr(0, method), NGHTTP2_NV_FLAG_NONE),
       field(":scheme", stream_->secured() ? "https" : "http", NGHTTP2_NV_FLAG_NONE),
       field(":authority", "", NGHTTP2_NV_FLAG_NONE),
       field(":path", line.substr(method + 1, target - method - 1), NGHTTP2_NV_FLAG_NONE)});
  while (!head.starts_with("\r\n")) {
    const std::string_view next = take_line(head);
    const std::size_t colon = next.find(':');
    const std::string_view name = next.substr(0, colon), value = next.substr(colon + 2);
    if (wire::same_token(name, "host")) {
      fields_[2] = field(":authority", value, NGHTTP2_NV_FLAG_NONE);
    } else if (!wire::hop_by_hop(name)) {
      const bool out = keeps_out_of_table(name);
      fields_.push_back(field(name, value, out ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE));
    }
  }
  nghttp2_data_provider body = body_of_streams();
  const auto id = nghttp2_submit_request(h2_.get(), nullptr, fields_.data(), fields_.size(),
                                         with_body ? &body : nullptr, nullptr);
  if (id < 0) return false;
  stream.id_ = id;
  stream.sent_behind_ = bytes_on_wire();
  streams_.emplace(id, &stream);
  soon();
  return true;
}

}  // namespace hawser::http
