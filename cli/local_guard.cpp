#include "cli/local_guard.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace hawser::cli {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

/// "host" of "host:port", "[::1]" of "[::1]:port". Empty where that is no host.
std::string_view without_port(std::string_view host) {
  const auto colon = host.rfind(':');
  const auto bracket = host.rfind(']');
  const bool ported =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  if (!ported) return host;
  const std::string_view port = host.substr(colon + 1);
  const bool digits =
      !port.empty() && port.size() <= 5 &&
      std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits ? host.substr(0, colon) : std::string_view();
}

bool is_loopback(std::string_view host) {
  if (host == "localhost") return true;
  const bool v6 = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const std::string text(v6 ? host.substr(1, host.size() - 2) : host);
  in6_addr six{};
  if (v6) return ::inet_pton(AF_INET6, text.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
  in_addr four{};
  return ::inet_pton(AF_INET, text.c_str(), &four) == 1 && (ntohl(four.s_addr) >> 24) == 127;
}

}  // namespace

LocalGuard::LocalGuard(std::vector<std::string> hosts, std::vector<std::string> origins) {
  for (const auto& host : hosts) hosts_.push_back(lower(host));
  for (auto& origin : origins) {
    if (origin != "null") origins_.push_back(lower(origin));
  }
}

bool LocalGuard::knows(std::string_view given) const {
  const std::string host = lower(given);
  const std::string_view name = without_port(host);
  if (name.empty()) return false;
  if (is_loopback(name)) return true;
  return std::any_of(hosts_.begin(), hosts_.end(),
                     [&](const std::string& listed) { return listed == host || listed == name; });
}

bool LocalGuard::lists(std::string_view origin) const {
  return std::find(origins_.begin(), origins_.end(), lower(origin)) != origins_.end();
}

std::optional<std::string> LocalGuard::refuse(const Asker& asker) const {
  if (asker.hosts.size() != 1) return "a request has exactly one Host";
  if (!knows(asker.hosts.front())) {
    return "the Host is neither a loopback name or address nor listed by --allow-host";
  }
  if (asker.origins.size() > 1) return "a request has at most one Origin";
  if (!asker.origins.empty()) {
    if (lists(asker.origins.front())) return std::nullopt;
    return "the Origin is not listed by --allow-origin";
  }
  // What a page loads without a word of its origin: images, forms, plain GET.
  const std::string site = lower(asker.fetch_site);
  if (!site.empty() && site != "none" && site != "same-origin") {
    return "a page of another site may not ask here";
  }
  return std::nullopt;
}

}  // namespace hawser::cli
