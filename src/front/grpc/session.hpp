#pragma once

#include <nghttp2/nghttp2.h>

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "front/grpc/config.hpp"
#include "front/grpc/rpc.hpp"
#include "net/stream.hpp"

namespace hawser::front::grpc {

/// Serves one call from its first message to its end.
using Serve = std::function<Task<>(RpcPtr)>;

/// One HTTP/2 connection that carries gRPC: framing, flow control, deadlines, keep-alive. What the
/// calls do is `serve`'s.
class Session final : private net::Turn {
 public:
  struct Options {
    GrpcConfig config{};
    milliseconds write_timeout{};
    milliseconds tls_timeout{};
    Serve serve{};
  };
  Session(std::unique_ptr<net::Stream> stream, net::BlockPool& blocks, Options options);
  ~Session();

  /// Until the connection is over and no call of it runs any more.
  Task<> run();
  /// No new calls; the connection ends with the last one that runs.
  void drain();

 private:
  struct Callbacks;
  struct SessionFree {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };
  void turn() override { flush(); }
  void soon();
  void flush();
  bool pull();
  bool attend();
  Clock::time_point next_deadline() const;
  Rpc* find(std::int32_t stream) const;
  void begin(std::int32_t stream);
  void launch(std::int32_t stream);
  Task<> serve(RpcPtr rpc);
  void respond(std::int32_t stream, Rpc& rpc);
  void resume(std::int32_t stream, Rpc& rpc);
  void end_with(std::int32_t stream, Rpc& rpc, Ending ending);
  void add_field(std::int32_t stream, std::string_view name, std::string_view value);

  std::unique_ptr<net::Stream> stream_;
  net::InBuffer in_;
  Options options_;
  std::vector<std::string> client_names_;
  std::unique_ptr<nghttp2_session, SessionFree> h2_;
  struct Open {
    RpcPtr rpc{};
    bool answered = false;
    bool launched = false;
  };
  std::unordered_map<std::int32_t, Open> calls_;
  std::size_t running_ = 0;
  net::Waiter last_;
  std::string out_{};
  std::size_t out_at_ = 0;
  bool flushing_ = false;
  bool receiving_ = false;  // nghttp2 is in our callbacks
  bool over_ = false;
  bool draining_ = false;
  bool pinged_ = false;
  Clock::time_point heard_{};
  Clock::time_point progressed_{};
};

}  // namespace hawser::front::grpc
