#pragma once

#include <cstdint>
#include <string>

#include "net/config.hpp"

namespace hawser::net {

/// The whole identity of an upstream connection. Two requests share a connection only where every
/// field is equal; the struct itself is the key, never a hash of it.
struct Origin {
  bool tls = true;
  std::string host{};  // name or address, without brackets
  std::uint16_t port = 443;
  std::string server_name{};  // asked for and verified; plain: empty
  std::string ca_file{};
  TlsVersion min_version = TlsVersion::tls12;

  bool operator==(const Origin&) const = default;
};

}  // namespace hawser::net
