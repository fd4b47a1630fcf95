#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace hawser::wire {

/// Where an HTTP service lives, of a URL without query and fragment.
struct Url {
  bool tls = true;
  std::string host{};  // name or address, without brackets
  std::uint16_t port = 443;
  std::string path{};  // without a slash at its end: "/v1"; may be empty

  /// The value of a Host field: the port only where it is not the scheme's own.
  std::string authority() const;
};

/// "https://HOST[:PORT][/PATH]" or http.
/// Error: invalid_request; its message goes behind the name of a field: "has no host".
Result<Url> parse_url(std::string_view text);

/// Percent-encodes all but letters, digits and "-._~" (RFC 3986, 2.1 and 2.3).
void append_encoded(std::string& out, std::string_view text);

/// Whether it is HOST or HOST:PORT, as a Host header has it.
bool valid_authority(std::string_view text);

}  // namespace hawser::wire
