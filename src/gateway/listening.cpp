#include "gateway/listening.hpp"

#include <stdexcept>

namespace hawser::gateway {
namespace {

template <class T>
T need(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

std::string url_of(bool tls, const net::HostPort& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (tls ? "https://" : "http://") + (v6 ? "[" + address.host + "]" : address.host) + ":" +
         std::to_string(address.port);
}

}  // namespace

Listening listen_all(const settings::Config& config, std::size_t workers) {
  Listening out;
  out.by_worker.resize(workers);
  for (const auto& listen : config.listen) {
    auto address = need(net::parse_host_port(listen.address));
    if (!listen.share_port) {
      out.leases.push_back(need(net::PortLease::take(address)));
    } else if (const auto free = net::PortLease::none_held(address); !free) {
      throw std::runtime_error(free.error().message);
    }
    for (auto& sockets : out.by_worker) {
      const int fd = need(net::listen_on(address, net::Sharing::port));
      address.port = net::port_of(fd);
      sockets.push_back(fd);
    }
    out.urls.push_back(url_of(listen.tls.has_value(), address));
  }
  if (config.admin.address == "off") return out;
  auto address = need(net::parse_host_port(config.admin.address));
  out.admin = need(net::listen_on(address, net::Sharing::none));
  address.port = net::port_of(out.admin);
  out.admin_url = url_of(config.admin.tls.has_value(), address);
  return out;
}

}  // namespace hawser::gateway
