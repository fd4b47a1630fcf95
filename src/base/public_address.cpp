#include "base/public_address.hpp"

#include <algorithm>
#include <cstring>

namespace hawser {
namespace {

std::vector<IpPrefix> prefixes(std::initializer_list<const char*> texts) {
  std::vector<IpPrefix> all;
  for (const char* text : texts) all.push_back(*IpPrefix::parse(text));
  return all;
}

bool in_any(const std::vector<IpPrefix>& networks, const IpAddress& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const IpPrefix& network) { return network.holds(address); });
}

IpAddress v4_at(const IpAddress& wrapper, std::size_t at) {
  IpAddress inner;
  inner.bytes[10] = inner.bytes[11] = 0xff;
  std::memcpy(inner.bytes.data() + 12, wrapper.bytes.data() + at, 4);
  return inner;
}

bool public_v4(const IpAddress& address) {
  static const auto special = prefixes(
      {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
       "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
       "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
       "224.0.0.0/4", "240.0.0.0/4"});
  return !in_any(special, address);
}

}  // namespace

bool is_public(const IpAddress& address) {
  static const auto global = *IpPrefix::parse("2000::/3");
  static const auto special =
      prefixes({"2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20"});
  static const auto nat64 = *IpPrefix::parse("64:ff9b::/96");
  static const auto six_to_four = *IpPrefix::parse("2002::/16");
  if (address.v4()) return public_v4(address);
  if (nat64.holds(address)) return public_v4(v4_at(address, 12));
  if (six_to_four.holds(address)) return public_v4(v4_at(address, 2));
  return global.holds(address) && !in_any(special, address);
}

}  // namespace hawser
