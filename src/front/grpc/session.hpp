#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "front/grpc/config.hpp"
#include "front/grpc/service.hpp"
#include "h2/server.hpp"

namespace hawser::front::grpc {

/// Whether a request is a call.
bool is_call(const h2::RequestHead& head);

/// A call as a stream of HTTP/2, whatever listener it came by: its messages, its deadline, its
/// status at the end.
class CallStream final : public h2::Handler, public std::enable_shared_from_this<CallStream> {
 public:
  struct Client {
    std::string address{};
    std::vector<std::string> names{};  // of its certificate
  };
  /// @param ended  told once, when nothing of it runs any more
  CallStream(Services& services, h2::Server& server, std::int32_t stream, h2::RequestHead head,
             Client client, std::function<void()> ended);

  /// Begins to serve it, or refuses it by its head alone.
  void begin();

  void input(std::string_view bytes) override;
  void input_end() override { rpc_->end_of_input(); }
  Output output(std::span<char> to) override;
  void over(h2::Over how) override;

 private:
  Task<> serve();
  Task<> watch_deadline();
  Task<> wait_until_taken();
  void respond();
  void end_with(Ending ending);
  void leave();

  Services& services_;
  h2::Server* server_;  // null: the stream is over
  std::int32_t stream_;
  std::string peer_;
  Admission admission_;
  RpcPtr rpc_;
  std::function<void()> ended_;
  net::Waiter deadline_;
  net::Waiter over_;
  std::size_t running_ = 0;  // coroutines of it
  bool answered_ = false;
};

/// A connection that carries nothing but gRPC.
class Session final {
 public:
  struct Timeouts {
    milliseconds tls{};
    milliseconds first_call{};
    milliseconds head{};
  };
  Session(Services& services, std::unique_ptr<net::Stream> stream, net::BlockPool& blocks,
          const std::string& peer, Timeouts timeouts);

  /// Until the connection is over and no call of it runs any more.
  Task<> run();
  /// No new calls; the connection ends with the last one that runs.
  void drain() { server_.drain(); }

 private:
  h2::HandlerPtr open(h2::Server& server, std::int32_t stream, h2::RequestHead head);

  Services& services_;
  std::unique_ptr<net::Stream> stream_;
  net::InBuffer in_;
  const std::string& peer_;
  milliseconds tls_timeout_;
  std::vector<std::string> client_names_;
  h2::Server server_;
  std::size_t running_ = 0;
  net::Waiter last_;
};

}  // namespace hawser::front::grpc
