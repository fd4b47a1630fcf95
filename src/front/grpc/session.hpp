#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "front/grpc/config.hpp"
#include "front/grpc/rpc.hpp"
#include "h2/server.hpp"

namespace hawser::front::grpc {

/// Serves one call from its first message to its end.
using Serve = std::function<Task<>(RpcPtr)>;

/// Whether a request is a call.
bool is_call(const h2::RequestHead& head);

/// A call as a stream of HTTP/2, whatever listener it came by: its messages, its deadline, its
/// status at the end. What it does is `serve`'s.
class CallStream final : public h2::Handler, public std::enable_shared_from_this<CallStream> {
 public:
  struct Options {
    std::size_t message_max = 0;
    Serve serve{};
    std::function<void()> ended{};  // told once, when nothing of it runs any more
  };
  CallStream(h2::Server& server, std::int32_t stream, h2::RequestHead head,
             std::vector<std::string> client_names, Options options);

  /// Begins to serve it.
  void begin();

  void input(std::string_view bytes) override;
  void input_end() override { rpc_->end_of_input(); }
  Output output(std::span<char> to) override;
  void over(h2::Over how) override;

 private:
  Task<> serve();
  Task<> watch_deadline();
  void respond();
  void end_with(Ending ending);
  void leave();

  h2::Server* server_;  // null: the stream is over
  std::int32_t stream_;
  RpcPtr rpc_;
  Options options_;
  net::Waiter deadline_;
  std::size_t running_ = 0;  // coroutines of it
  bool answered_ = false;
};

/// A connection that carries nothing but gRPC.
class Session final {
 public:
  struct Options {
    GrpcConfig config{};
    milliseconds write_timeout{};
    milliseconds tls_timeout{};
    Serve serve{};
  };
  Session(std::unique_ptr<net::Stream> stream, net::BlockPool& blocks, Options options);

  /// Until the connection is over and no call of it runs any more.
  Task<> run();
  /// No new calls; the connection ends with the last one that runs.
  void drain() { server_.drain(); }

 private:
  h2::HandlerPtr open(h2::Server& server, std::int32_t stream, h2::RequestHead head);

  std::unique_ptr<net::Stream> stream_;
  net::InBuffer in_;
  Options options_;
  std::vector<std::string> client_names_;
  h2::Server server_;
  std::size_t running_ = 0;
  net::Waiter last_;
};

}  // namespace hawser::front::grpc
