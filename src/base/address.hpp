#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hawser {

/// An IP address in 16 bytes; IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2).
struct IpAddress {
  std::array<unsigned char, 16> bytes{};
  bool v4() const;
  bool operator==(const IpAddress&) const = default;

  /// "192.0.2.1", "2001:db8::1", also in brackets and with a zone.
  static std::optional<IpAddress> parse(std::string_view text);
};

/// A network: an address and how many of its bits count.
struct IpPrefix {
  IpAddress address{};
  unsigned bits = 128;  // of the 16 bytes

  bool holds(const IpAddress& other) const;
  /// "10.0.0.0/8", "2001:db8::/32", or one address.
  static std::optional<IpPrefix> parse(std::string_view text);
};

/// Who the client is, behind proxies that we trust: the last address of X-Forwarded-For that is not
/// one of theirs. What stands before it anybody can write.
/// @param forwarded  all X-Forwarded-For values, joined by commas
IpAddress client_behind(const IpAddress& peer, std::string_view forwarded,
                        const std::vector<IpPrefix>& trusted);

/// One client's name in limits: an IPv4 address, or the first `v6_bits` of an IPv6 one, since a
/// subscriber has a whole network of those.
std::string client_name(const IpAddress& address, unsigned v6_bits);

}  // namespace hawser
