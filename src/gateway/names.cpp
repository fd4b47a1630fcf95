#include "gateway/names.hpp"

#include <boost/asio/ip/address.hpp>

#include "http/doh.hpp"
#include "telemetry/log.hpp"
#include "wire/url.hpp"

namespace hawser::gateway {
namespace {

std::vector<net::asio::ip::address> parse_all(const std::vector<std::string>& texts) {
  std::vector<net::asio::ip::address> addresses;
  for (const auto& text : texts) addresses.push_back(net::asio::ip::make_address(text));
  return addresses;
}

}  // namespace

net::Resolver::Settings resolver_settings(const Snapshot& snapshot, const WorkerParts& parts) {
  const auto& config = snapshot.config->resolver;
  net::Resolver::Settings settings;
  settings.source_timeout = config.timeout;
  settings.compare = config.compare;
  settings.on_mismatch = [&shard = parts.shard,
                          series = parts.metrics.resolver_mismatches](const std::string& host) {
    shard.add(series);
    log::warn("resolvers differ", {{"host", log::safe(host)}});
  };
  for (const auto& [name, addresses] : config.hosts) settings.fixed[name] = parse_all(addresses);
  for (std::size_t i = 0; i < config.doh.size(); ++i) {
    const auto& endpoint = snapshot.doh[i];
    settings.sources.push_back(
        std::make_shared<http::DohNames>(endpoint, endpoint->pool(parts.pools), parts.reactor));
    const auto& bootstrap = config.doh[i].bootstrap;
    if (!bootstrap.empty()) {
      settings.fixed[wire::parse_url(config.doh[i].url)->host] = parse_all(bootstrap);
    }
  }
  if (config.system || config.doh.empty()) {
    settings.sources.push_back(std::make_shared<net::SystemNames>(parts.reactor));
  }
  return settings;
}

}  // namespace hawser::gateway
