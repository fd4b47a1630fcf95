#pragma once

#include <string>
#include <vector>

#include "http/endpoint.hpp"
#include "net/name_source.hpp"
#include "wire/dns.hpp"

namespace hawser::http {

/// One resolver that answers over HTTPS.
struct DohConfig {
  std::string url{};
  std::vector<std::string> bootstrap{};
  net::TlsClientConfig tls{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("url", url, config::Required{}, "Where it answers: https://HOST/dns-query.");
    field("bootstrap", bootstrap, config::Anything{},
          "Addresses of that host; needed where it is a name.");
    field("tls", tls, config::Anything{}, "TLS towards it.");
  }
};

/// How names are resolved.
struct ResolverConfig {
  std::vector<DohConfig> doh{};
  config::Map<std::vector<std::string>> hosts{};
  bool system = true;
  bool compare = false;
  std::chrono::milliseconds timeout{2'000};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("doh", doh, config::Anything{},
          "DNS over HTTPS (RFC 8484): asked in this order, before the system.");
    field("hosts", hosts, config::Anything{}, "Addresses of names that are never looked up.");
    field("system", system, config::Anything{},
          "Whether the system's resolver is asked, last; without doh it is in any case.");
    field("compare", compare, config::Anything{},
          "Asks the first two at once; a name on whose addresses they agree in nothing is logged "
          "and counted.");
    field("timeout", timeout, config::Range<milliseconds>{100ms, 30s},
          "How long one of them is waited for; then the next is asked.");
  }
};

/// Names by DNS over HTTPS, both families at once.
class DohNames final : public net::NameSource {
 public:
  DohNames(std::shared_ptr<const Endpoint> endpoint, std::shared_ptr<OriginPool> pool,
           net::Reactor& reactor)
      : endpoint_(std::move(endpoint)), pool_(std::move(pool)), reactor_(reactor) {}
  Task<Result<net::Found>> look_up(std::string host, Clock::time_point deadline) override;

 private:
  struct Both;
  Task<> ask_one(std::shared_ptr<Both> both, wire::DnsType type, Clock::time_point deadline);

  std::shared_ptr<const Endpoint> endpoint_;
  std::shared_ptr<OriginPool> pool_;
  net::Reactor& reactor_;
};

}  // namespace hawser::http
