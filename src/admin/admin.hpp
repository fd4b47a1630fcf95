#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "admin/config.hpp"
#include "base/result.hpp"
#include "net/listener.hpp"
#include "net/tls.hpp"
#include "wire/http1.hpp"

namespace hawser::admin {

/// What the operators' listener shows. Called on its own thread.
struct Views {
  /// Those in force; a reload swaps them.
  std::function<std::shared_ptr<const AdminConfig>()> config;
  std::function<net::SslContext()> tls;  // null: plain
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
  std::function<void()> refused;  // a request was, by its token or by where it came from
};

/// Serves health, metrics and administration on an address of their own.
class Admin {
 public:
  Admin(net::Reactor& reactor, net::BlockPool& blocks, int listening, Views views);
  void start();
  void stop() { listener_.cancel(); }

 private:
  class Idle;
  /// An answer. A body goes out whole; HEAD gets its length alone.
  struct Reply {
    int status = 200;
    std::string body{};
    std::string_view type = "application/json";
    std::string_view fields{};  // more of them, "Name: value\r\n"
    bool closes = false;
  };
  static Reply refusal(int status, std::string_view why);

  Task<> accept_all();
  Task<> serve(std::unique_ptr<net::Stream> stream);
  Task<> serve_requests(net::Stream& stream);
  bool close_idlest();
  Task<Reply> answer(const wire::RequestHead& head, std::string_view body);
  Task<Reply> purge(std::string_view query) const;
  Reply explain(std::string_view body) const;
  Reply refuse_access(int status, std::string_view why, const wire::RequestHead& head);

  net::Reactor& reactor_;
  net::BlockPool& blocks_;
  net::Listener listener_;
  Views views_;
  std::uint32_t connections_ = 0;
  std::list<Idle*> idle_{};  // each on the frame of who waits; the longest first
  Clock::time_point next_warning_{};
};

}  // namespace hawser::admin
