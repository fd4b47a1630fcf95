#include "base/address.hpp"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

namespace hawser {
namespace {

constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

}  // namespace

bool IpAddress::v4() const {
  return std::memcmp(bytes.data(), mapped.data(), mapped.size()) == 0;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  text = text.substr(0, text.find('%'));
  const std::string terminated(text);
  IpAddress address;
  if (::inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) return address;
  std::memcpy(address.bytes.data(), mapped.data(), mapped.size());
  if (::inet_pton(AF_INET, terminated.c_str(), address.bytes.data() + mapped.size()) == 1) {
    return address;
  }
  return std::nullopt;
}

bool IpPrefix::holds(const IpAddress& other) const {
  const std::size_t whole = bits / 8;
  if (std::memcmp(address.bytes.data(), other.bytes.data(), whole) != 0) return false;
  if (bits % 8 == 0) return true;
  const unsigned mask = 0xffu << (8 - bits % 8);
  return ((address.bytes[whole] ^ other.bytes[whole]) & mask & 0xffu) == 0;
}

std::optional<IpPrefix> IpPrefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  IpPrefix prefix{*address, 128};
  if (slash == std::string_view::npos) return prefix;
  const std::string_view number = text.substr(slash + 1);
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), prefix.bits);
  const unsigned most = address->v4() ? 32 : 128;
  if (error != std::errc{} || end != number.data() + number.size() || prefix.bits > most) {
    return std::nullopt;
  }
  if (address->v4()) prefix.bits += 96;
  return prefix;
}

IpAddress client_behind(const IpAddress& peer, std::string_view forwarded,
                        const std::vector<IpPrefix>& trusted) {
  const auto is_trusted = [&](const IpAddress& address) {
    for (const auto& prefix : trusted) {
      if (prefix.holds(address)) return true;
    }
    return false;
  };
  IpAddress client = peer;
  while (is_trusted(client) && !forwarded.empty()) {
    const auto comma = forwarded.rfind(',');
    const std::string_view last =
        trimmed(comma == std::string_view::npos ? forwarded : forwarded.substr(comma + 1));
    forwarded = comma == std::string_view::npos ? std::string_view() : forwarded.substr(0, comma);
    const auto address = IpAddress::parse(last);
    if (!address) break;
    client = *address;
  }
  return client;
}

std::string client_name(const IpAddress& address, unsigned v6_bits) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.v4()) {
    ::inet_ntop(AF_INET, address.bytes.data() + mapped.size(), text, sizeof text);
    return text;
  }
  IpAddress network;
  const std::size_t whole = v6_bits / 8;
  std::memcpy(network.bytes.data(), address.bytes.data(), whole);
  if (v6_bits % 8 != 0) {
    network.bytes[whole] =
        static_cast<unsigned char>(address.bytes[whole] & (0xffu << (8 - v6_bits % 8)));
  }
  ::inet_ntop(AF_INET6, network.bytes.data(), text, sizeof text);
  return text;
}

}  // namespace hawser
