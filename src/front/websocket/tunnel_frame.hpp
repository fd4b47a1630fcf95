#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "exchange/call.hpp"
#include "exchange/frame_fields.hpp"

/// Frames of `hawser.v1+json` as what they ask for: text in, values out. docs/tunnel.md is the
/// contract.
namespace hawser::front::websocket {

inline constexpr std::size_t tunnel_id_max = 128;

/// The name that a client gave to a request; nothing when it is none.
std::optional<std::string> id_of_frame(std::string_view frame);

/// A `req`: any API call.
struct TunnelRequest {
  exchange::Call::Given given{};
  milliseconds ttl{0};
  bool parts = false;  // its body follows in pieces
};
/// @param bound  what the handshake said for all requests
/// Errors: invalid_request
Result<TunnelRequest> read_request(std::string_view frame, const exchange::FieldList& bound);

/// One entry of a hello's `resume`.
struct Resume {
  std::string id{};
  std::optional<std::string> target{};  // where its rest is; nothing: it names no place
};
/// All of them. Errors: too_large: more than `most`; invalid_request: it is no list of entries
Result<std::vector<Resume>> read_resumes(std::string_view frame, std::size_t most);

}  // namespace hawser::front::websocket
