#include "gateway/own_provider.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "wire/url.hpp"

namespace hawser::gateway {
namespace {

/// An address as bytes: those of IPv4 that IPv6 only wraps are the same.
struct Address {
  std::string bytes{};

  bool any() const { return !bytes.empty() && bytes.find_first_not_of('\0') == std::string::npos; }
  bool loopback() const {
    if (bytes.size() == 4) return bytes[0] == 127;
    return bytes.size() == 16 && bytes.substr(0, 15).find_first_not_of('\0') == std::string::npos &&
           bytes[15] == 1;
  }
  bool operator==(const Address&) const = default;
};

Address address_of(const sockaddr* from) {
  if (from == nullptr) return {};
  if (from->sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in*>(from)->sin_addr;
    return {std::string(reinterpret_cast<const char*>(&v4), 4)};
  }
  if (from->sa_family != AF_INET6) return {};
  const auto& v6 = reinterpret_cast<const sockaddr_in6*>(from)->sin6_addr;
  std::string bytes(reinterpret_cast<const char*>(&v6), 16);
  if (IN6_IS_ADDR_V4MAPPED(&v6)) bytes.erase(0, 12);
  return {std::move(bytes)};
}

std::vector<Address> resolve(const std::string& host) {
  std::vector<Address> out;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return out;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, ::freeaddrinfo);
  for (const auto* one = found; one != nullptr; one = one->ai_next) {
    out.push_back(address_of(one->ai_addr));
  }
  return out;
}

std::vector<Address> addresses_of_machine() {
  std::vector<Address> out;
  ifaddrs* found = nullptr;
  if (::getifaddrs(&found) != 0) return out;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owned(found, ::freeifaddrs);
  for (const auto* one = found; one != nullptr; one = one->ifa_next) {
    out.push_back(address_of(one->ifa_addr));
  }
  return out;
}

/// Whether a connection to `address` comes to who listens at `listening`.
bool reaches(const Address& address, const Address& listening) {
  if (address.any()) return listening.any() || listening.loopback();  // the kernel takes loopback
  if (!listening.any()) return address == listening;
  if (address.loopback()) return true;
  const auto own = addresses_of_machine();
  return std::find(own.begin(), own.end(), address) != own.end();
}

/// The listener that the URL leads to; null: none.
const std::string* listener_behind(const wire::Url& url, std::span<const std::string> listeners) {
  std::vector<Address> addresses;
  for (const std::string& text : listeners) {
    const auto listener = wire::parse_url(text);
    if (!listener || listener->port != url.port) continue;
    if (addresses.empty()) addresses = resolve(url.host);
    for (const Address& listening : resolve(listener->host)) {
      const auto hit = [&](const Address& one) { return reaches(one, listening); };
      if (std::any_of(addresses.begin(), addresses.end(), hit)) return &text;
    }
  }
  return nullptr;
}

}  // namespace

std::string own_provider(const settings::Config& config, std::span<const std::string> listeners) {
  std::vector<std::pair<std::string, std::string>> urls;  // where it stands, what
  for (const auto& [name, provider] : config.providers) {
    urls.emplace_back("providers." + name + ".base_url", provider.base_url);
  }
  for (std::size_t i = 0; i < config.guards.size(); ++i) {
    urls.emplace_back("guards[" + std::to_string(i) + "].url", config.guards[i].endpoint.url);
  }
  for (const auto& [place, text] : urls) {
    const auto url = wire::parse_url(text);
    if (!url) continue;
    if (const auto* listener = listener_behind(*url, listeners)) {
      return place + ": leads to this gateway itself, which listens on " + *listener +
             ". It would ask itself without end.";
    }
  }
  return {};
}

}  // namespace hawser::gateway
