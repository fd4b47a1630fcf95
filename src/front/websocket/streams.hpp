#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/request_id.hpp"
#include "exchange/call.hpp"
#include "exchange/client_name.hpp"
#include "front/websocket/connection.hpp"
#include "net/byte_budget.hpp"
#include "net/connection_budget.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/standard_metrics.hpp"

namespace hawser::front::websocket {

/// What the WebSocket connections of one worker share.
struct Services {
  net::Reactor& reactor;
  IdSource& ids;
  telemetry::Shard& shard;
  const telemetry::StandardMetrics& metrics;
  const std::shared_ptr<const exchange::Pipeline>& pipeline;  // in force
  const bool& draining;
  net::WorkerBytes& bytes;
  WebSocketConfig config{};
  milliseconds write_timeout{};
  milliseconds body_timeout{};  // between the parts of a body
  std::size_t body_max = 0;
  std::size_t bodies_max = 0;  // that the requests of one connection may hold
  milliseconds grace{};        // told to clients
  bool keyless = false;        // nobody needs a key
  /// Whose key is in a request's head, or whose its client's certificate stands for; nothing: it is
  /// none of ours.
  std::function<std::optional<exchange::ClientName>(const wire::RequestHead&,
                                                    const std::vector<std::string>& client_names)>
      client_of{};
};

/// One event of an answer, or one piece of another content.
struct Event {
  std::uint64_t seq = 0;     // of the last one in it
  std::uint32_t merged = 1;  // events in it
  std::string_view name{};   // "event:" of server-sent events; empty: none
  std::string_view data{};
  bool piece = false;  // of content that is no event stream
};

class Stream;

/// How a protocol puts an answer into messages.
class Encoder {
 public:
  virtual void head(Stream& stream, const generation::AnswerHead& head) = 0;
  /// @return bytes that it took of the connection
  virtual std::size_t event(Stream& stream, const Event& event) = 0;
  virtual void end(Stream& stream, const dialect::Usage& usage) = 0;
  virtual void failed(Stream& stream, const Error& error) = 0;
  /// It is gone from the list: its name is free.
  virtual void ended(Stream& stream) { (void)stream; }

 protected:
  ~Encoder() = default;
};

/// One request of a connection and its answer.
class Stream {
 public:
  Stream(std::string called, exchange::Call::Given given, net::Reactor& reactor)
      : name(std::move(called)), call(std::move(given), reactor.now()), turn_(reactor) {}

  const std::string name;  // as the client calls it
  exchange::Call call;
  net::ConnectionBudget::Share held{};      // of what the connection may hold, for its body
  std::string lane{};                       // of /v1/responses
  std::int64_t credit = 0;                  // bytes that its client will take
  std::optional<std::uint64_t> last_seq{};  // of the event that was sent last
  Clock::time_point deadline = Clock::time_point::max();
  bool mute = false;  // its client wants to hear no more of it

 private:
  friend class Streams;
  net::Waiter turn_;
  std::unique_ptr<exchange::AnswerReader> answer_{};
  bool lagged_ = false;   // had to wait for its client
  bool late_ = false;     // its own deadline passed
  bool stopped_ = false;  // by its client's will
};

/// The requests under way on one connection. Each has its fair share of what the connection takes:
/// who waits gets a quantum in its turn.
class Streams {
 public:
  Streams(Services& services, Connection& connection, Encoder& encoder);

  std::size_t size() const { return streams_.size(); }
  Stream* find(const std::string& name);

  struct Options {
    std::string name{};
    exchange::Call::Given given{};
    net::ConnectionBudget::Share held{};
    std::int64_t credit = 0;
    milliseconds ttl{0};  // 0: none of its own
    std::string lane{};
  };
  /// A part of what the request bodies of the connection may hold. Nothing: it is all taken.
  std::optional<net::ConnectionBudget::Share> hold(std::size_t bytes);
  static Error bodies_full();
  /// Sends a request on its way; its name must be free.
  Stream& start(Options options);
  /// By the client's will: also the call at the provider ends.
  void stop(Stream& stream);
  void stop_all();
  /// More may be sent: of one, or of all.
  void resume();
  /// Ends what passed its deadline. @return the next deadline
  Clock::time_point attend(Clock::time_point now);

  /// The connection's own credit; the greatest number: it has no such thing.
  std::int64_t credit = std::int64_t{1} << 62;

  /// The connection is lost: what is recorded goes on without it.
  void lose();
  Task<> finished();

 private:
  Task<> serve(std::shared_ptr<Stream> stream);
  Task<Result<>> relay(Stream& stream);
  Task<bool> take_turn(Stream& stream);
  bool may_send(const Stream& stream) const {
    return connection_.has_room() && credit > 0 && stream.credit > 0;
  }
  Task<bool> send_run(Stream& stream, generation::Batch& batch);
  static std::string_view take_frame(generation::EventRun& run);
  static bool more_at_hand(Stream& stream, generation::Batch& batch);
  static std::uint32_t merge(Stream& stream, generation::Batch& batch, std::string& merged);
  void forget(Stream& stream);

  Services& services_;
  Connection& connection_;
  Encoder& encoder_;
  std::unordered_map<std::string, std::shared_ptr<Stream>> streams_;
  std::deque<Stream*> waiting_;
  std::size_t running_ = 0;  // coroutines; those of forgotten streams too
  net::Waiter last_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // for posts that outlive this
  bool lost_ = false;
  bool resuming_ = false;
};

}  // namespace hawser::front::websocket
