#pragma once

#include <map>
#include <string>
#include <utility>

namespace hawser::gateway {

/// Certificates of outside services, in Prometheus' text form.
std::string render_peers();

/// Logs certificates that end soon, and connections without a pinned key where those are let pass.
class PeerWatch {
 public:
  /// Called a few times a second; says each thing once.
  void look();

 private:
  struct Said {
    std::int64_t not_after = 0;
    std::uint64_t pin_mismatches = 0;
  };
  std::map<std::string, Said> said_;
};

}  // namespace hawser::gateway
