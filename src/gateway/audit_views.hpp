#pragma once

#include <memory>
#include <string>

#include "audit/config.hpp"
#include "audit/log.hpp"

namespace hawser::gateway {

/// The log as the process holds it; none where none is configured.
class AuditView {
 public:
  /// @throws std::runtime_error when it cannot be written
  void open(const audit::AuditConfig& config);
  audit::Log* log() { return log_.get(); }
  /// Records what an operator did. @param configuration  its number; 0: is not told
  void admin(std::string_view action, std::uint64_t configuration = 0);
  /// Its figures, as Prometheus reads them.
  std::string render() const;

 private:
  std::unique_ptr<audit::Log> log_{};
  audit::Log::Inlet* inlet_ = nullptr;
};

/// A WebSocket or a call of gRPC that was not opened: no key, or a wrong one.
/// @param what  websocket or grpc
std::string refused_connection(std::string_view what);

}  // namespace hawser::gateway
