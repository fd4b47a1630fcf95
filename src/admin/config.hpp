#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/secret.hpp"
#include "config/fields.hpp"
#include "net/config.hpp"

namespace hawser::admin {

/// Who may read the figures where a token is set.
enum class MetricsFor : std::uint8_t { everyone, token };
inline auto names_of(MetricsFor) {
  static constexpr config::EnumName<MetricsFor> names[] = {{MetricsFor::everyone, "open"},
                                                           {MetricsFor::token, "token"}};
  return std::span(names);
}

/// The listener for operators.
struct AdminConfig {
  std::string address = "127.0.0.1:9901";
  Secret token{};
  std::optional<net::TlsServerConfig> tls{};
  MetricsFor metrics = MetricsFor::everyone;
  std::vector<std::string> hosts{};
  std::uint32_t connections_max = 64;

  template <class Visitor>
  void fields(Visitor&& field) {
    field("address", address, config::Anything{},
          "HOST:PORT of health, metrics and administration; off: none. One that others can reach "
          "needs a token and TLS.");
    field("token", token, config::Anything{},
          "Bearer token for everything under /admin/, of 16 characters or more. Empty: whoever "
          "reaches the address may administer. ${env:NAME} or ${file:PATH}.");
    field("tls", tls, config::Anything{}, "Serves TLS on this address.");
    field("metrics", metrics, config::Anything{},
          "Whether /metrics is open to whoever reaches the address, or needs the token too.");
    field("hosts", hosts, config::Anything{},
          "Names that this address is reached by, as in listen[].hosts; a request with the token "
          "needs none, nor do the health paths.");
    field(
        "connections_max", connections_max, config::Range<std::uint32_t>{1, 10'000},
        "Open connections. Where there are so many, the one that has asked nothing for the longest "
        "time is closed for a new one.");
  }
};

}  // namespace hawser::admin
