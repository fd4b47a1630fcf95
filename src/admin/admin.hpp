#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "net/listener.hpp"

namespace hawser::admin {

/// What the operators' listener shows. Called on its own thread.
struct Views {
  std::function<bool()> ready;
  std::function<std::string()> metrics;
  /// Throws cached answers away. @param query  "tenant=T&model=M&older_than=5m", each optional
  /// @return a JSON body; Error: invalid_request, overloaded
  std::function<Task<Result<std::string>>(std::string_view query)> purge_cache;
  /// What a request would be allowed. @param body  JSON @return JSON; Error: invalid_request,
  /// not_found
  std::function<Result<std::string>(std::string_view body)> explain_policy;
  /// How the targets are: JSON.
  std::function<std::string()> targets;
};

/// Serves health and metrics on an address of their own.
class Admin {
 public:
  Admin(net::Reactor& reactor, net::BlockPool& blocks, int listening, Views views);
  void start();
  void stop() { listener_.cancel(); }

 private:
  Task<> accept_all();
  Task<> serve(std::unique_ptr<net::Stream> stream);
  Task<std::string> purge(std::string_view method, std::string_view query) const;
  std::string explain(std::string_view method, std::string_view body) const;
  std::string answer(std::string_view method, std::string_view path) const;

  net::Reactor& reactor_;
  net::BlockPool& blocks_;
  net::Listener listener_;
  Views views_;
};

}  // namespace hawser::admin
