#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/fields.hpp"
#include "net/config.hpp"

namespace hawser::front::http {

/// Which web pages may call the API.
struct CorsConfig {
  std::vector<std::string> origins{};
  std::vector<std::string> headers{"authorization", "*"};
  std::chrono::milliseconds max_age{600'000};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("origins", origins, config::Required{},
          "Origins of the pages: https://app.example, with the port where it is not the usual one; "
          "* is any, where a key is needed. Never null.");
    field("headers", headers, config::Anything{},
          "Request headers that pages may set; * is any but Authorization, which is named apart.");
    field("max_age", max_age, config::Range<milliseconds>{0s, 24h},
          "How long a browser may remember the answer to a preflight.");
  }
};

/// An address of the API, and who may call it from a browser.
struct ListenConfig : net::ListenConfig {
  std::vector<std::string> hosts{};
  std::optional<CorsConfig> cors{};
  bool share_port = false;

  template <class Visitor>
  void fields(Visitor&& field) {
    net::ListenConfig::fields(field);
    field("hosts", hosts, config::Anything{},
          "Names that clients reach this address by (without the port). Where no key is needed, a "
          "request for another name is refused; loopback names and IP addresses need no mention. "
          "Empty: also names without a dot. * is any name.");
    field("cors", cors, config::Anything{},
          "Lets web pages call the API from a browser; absent: none may.");
    field("share_port", share_port, config::Anything{},
          "Lets several processes listen on this address; the kernel spreads connections over "
          "them. Else a second process is refused.");
  }
};

}  // namespace hawser::front::http
