#include "settings/front_checks.hpp"

#include <algorithm>

#include "base/web_caller.hpp"
#include "net/listener.hpp"
#include "wire/url.hpp"

namespace hawser::settings {
namespace {

std::string at(const std::string& list, std::size_t index) {
  return list + "[" + std::to_string(index) + "]";
}

bool header_name(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f &&
           std::string_view("()<>@,;:\\\"/[]?={}").find(c) == std::string_view::npos;
  });
}

void check_hosts(const std::string& path, const std::vector<std::string>& hosts,
                 Problems& problems) {
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const bool name = wire::valid_authority(hosts[i]) && hosts[i].find(':') == std::string::npos;
    if (hosts[i] == "*" || name) continue;
    problems.push_back({at(path, i), "must be the name of a host, without a port"});
  }
}

}  // namespace

void check_pages(const Config& config, Problems& problems) {
  for (std::size_t i = 0; i < config.listen.size(); ++i) {
    const auto& listen = config.listen[i];
    check_hosts(at("listen", i) + ".hosts", listen.hosts, problems);
    if (!listen.cors) continue;
    const std::string path = at("listen", i) + ".cors";
    for (std::size_t k = 0; k < listen.cors->origins.size(); ++k) {
      const std::string& origin = listen.cors->origins[k];
      const std::string entry = at(path + ".origins", k);
      if (!valid_origin(origin)) {
        problems.push_back({entry,
                            "must be scheme://host or scheme://host:port, in small letters (never "
                            "null: every sandboxed page has it)"});
      } else if (origin == "*" && config.keys.empty()) {
        problems.push_back({entry, "without keys the pages must be named: any could spend money"});
      }
    }
    for (std::size_t k = 0; k < listen.cors->headers.size(); ++k) {
      if (header_name(listen.cors->headers[k])) continue;
      problems.push_back({at(path + ".headers", k), "is not a header name"});
    }
  }
}

void check_admin(const admin::AdminConfig& admin, Problems& problems) {
  if (admin.tls) check_server_tls("admin.tls", *admin.tls, problems);
  check_hosts("admin.hosts", admin.hosts, problems);
  constexpr std::size_t shortest = 16;
  if (!admin.token.empty() && admin.token.reveal().size() < shortest) {
    problems.push_back({"admin.token", "must have 16 characters or more"});
  }
  if (admin.metrics == admin::MetricsFor::token && admin.token.empty()) {
    problems.push_back({"admin.metrics", "needs admin.token"});
  }
  if (admin.address == "off") return;
  const auto address = net::parse_host_port(admin.address);
  if (!address) {
    problems.push_back({"admin.address", address.error().message});
  } else if (!net::is_loopback(*address) && (admin.token.empty() || !admin.tls)) {
    problems.push_back({"admin.address",
                        "others can reach this address: set admin.token and admin.tls, or listen "
                        "on 127.0.0.1"});
  }
}

}  // namespace hawser::settings
