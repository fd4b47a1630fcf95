#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/request_id.hpp"
#include "dialect/response_event.hpp"
#include "exchange/stage.hpp"
#include "front/http/config.hpp"
#include "front/http/loaded_body.hpp"
#include "front/http/places.hpp"
#include "front/http/web_access.hpp"
#include "h2/server.hpp"
#include "net/stream.hpp"
#include "telemetry/access_log.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/standard_metrics.hpp"

namespace hawser::front::http {

/// A connection that went on as something else.
class Upgraded {
 public:
  virtual ~Upgraded() = default;
  /// Until it is over.
  virtual Task<> run() = 0;
  /// The process ends soon.
  virtual void drain() = 0;
  /// Whether its client has shown a key by now, or needs none.
  virtual bool known_client() const { return true; }
};
/// A handshake that was found good. Nothing was opened for it yet.
class Admission {
 public:
  virtual ~Admission() = default;
  /// What the connection goes on with.
  virtual std::unique_ptr<Upgraded> open(net::Stream& stream, net::InBuffer& in) = 0;
};
/// A request that asks for it.
struct Upgrade {
  const wire::RequestHead& head;
  std::string_view client_address;
  const std::vector<std::string>& client_names;
};

/// What the sessions of one worker share.
struct Services {
  net::Reactor& reactor;
  net::BlockPool& blocks;
  IdSource& ids;
  telemetry::Shard& shard;
  const telemetry::StandardMetrics& metrics;
  net::WorkerBytes& bytes;
  telemetry::AccessLog::Writer& access_log;
  /// What each listener has to do with web pages; a reload swaps them.
  std::vector<std::shared_ptr<const WebAccess>> web{};
  /// The policies and limits in force; a reload swaps them, exchanges keep what they began with.
  std::shared_ptr<const exchange::Pipeline> pipeline{};
  LimitsConfig limits{};
  h2::Http2Config http2{};
  bool draining = false;
  h2::Allowance flood_lines{10};  // of the log, for clients that send what brings nothing
  /// The other front that takes requests of HTTP/2 which are calls of gRPC; empty: none does.
  struct Call {
    h2::Server& server;
    std::int32_t stream;
    h2::RequestHead head;
    const std::string& client_address;
    const std::vector<std::string>& client_names;
    std::function<void()> ended;  // to be told when nothing of it runs any more
  };
  bool (*is_call)(const h2::RequestHead& head) = nullptr;
  std::function<h2::HandlerPtr(Call)> call{};
  /// The other front that takes connections over, by path; empty: none does. `fields` gets header
  /// fields of the answer.
  bool (*upgrades)(std::string_view path) = nullptr;
  std::function<Result<std::unique_ptr<Admission>>(const Upgrade&, std::string& fields)> upgrade{};
  /// What counts as a client connection of this worker.
  Places places{};
  std::optional<Places::Place> take_place(const std::string& address) {
    return places.take(address, {limits.connections_max, limits.connections_per_address_max});
  }
};

/// Serves one exchange after the other: the way of a request, whatever version of HTTP it came by.
/// What is behind it, a connection of HTTP/1.1 or a stream of HTTP/2, writes the answer and gives
/// the body.
class Serving : protected net::HangupWatch, protected exchange::RequestBody, protected net::Source {
 public:
  virtual ~Serving() = default;

 protected:
  /// @param client_address  outlives it
  /// @param listener  where it came from
  Serving(Services& services, const std::string& client_address, std::uint32_t listener)
      : services_(services),
        limits_(services.limits),
        client_address_(client_address),
        listener_(listener) {}

  /// The rules in force; not to be kept over a wait.
  const WebAccess& web() const { return *services_.web[listener_]; }
  std::optional<Error> foreign_page() const { return web().refusal(head_, !client_names_.empty()); }

  // The way of one exchange: serve.cpp.
  Task<bool> serve();
  void hung_up() override;

  // --- what the version of HTTP does

  /// Who is told when the client is gone.
  virtual void watch_hangup(net::HangupWatch* watch) = 0;
  virtual bool peer_gone() const = 0;
  /// Whose turn is waited for where the reactor is busy, so that writes leave together; null: this
  /// one's writes do anyway.
  virtual net::Channel* in_turns() = 0;
  /// What an event of a stream touches; null: nothing that is worth asking for.
  virtual const net::Companion* touched() const { return nullptr; }
  struct Begin {
    generation::AnswerHead& head;  // outlives the first write(), which may change its fields
    bool keep_alive = true;
    bool head_only = false;  // the request was HEAD
  };
  /// Makes the head; it goes out with the first write().
  virtual void begin_answer(const Begin& begin) = 0;
  /// Writes content; `last` ends the answer. False: the client is gone or takes nothing.
  virtual Task<bool> write(std::string_view bytes, bool last) = 0;
  /// Whether the client did not take a write at once since it was asked last.
  virtual bool lagged() = 0;
  /// Whether another request may follow on the connection.
  virtual bool goes_on() const = 0;
  virtual std::uint64_t bytes_out() const = 0;
  /// The answer is cut, and the cut must tell.
  virtual void cut() = 0;

  /// Errors: too_large, timeout, connection, cancelled, invalid_request
  Task<Result<>> load(exchange::Request& request) override;
  virtual Task<Result<>> load_whole(exchange::Request& request, std::size_t size_max) = 0;
  Task<Result<>> collect(exchange::Request& request, std::size_t size_max);
  /// What the connection's bodies hold.
  virtual net::ConnectionBytes& connection_bytes() = 0;
  static Error too_large(std::uint64_t most);
  virtual std::uint64_t body_bytes() const = 0;
  /// Whether nothing of the request's body is left.
  virtual bool body_consumed(const exchange::Exchange& exchange) const = 0;
  enum class Rest : std::uint8_t { none, left, malformed };
  /// Reads and drops what is left of a small body, so that the connection can go on.
  virtual Task<Rest> skip_rest_of_body() = 0;
  /// Lets a client that still sends read its answer.
  virtual Task<> linger() = 0;
  /// Lets go of the request's bytes: an open stream holds none of them, and no memory for them.
  virtual void release_request(bool keep_memory) = 0;

  Services& services_;
  const LimitsConfig& limits_;  // those in force
  const std::string& client_address_;
  const std::uint32_t listener_;
  std::vector<std::string> client_names_{};  // of its certificate
  wire::RequestHead head_{};
  std::string named_{};  // id, method and path of the exchange; their memory is used again
  Clock::time_point arrived_{};
  exchange::Exchange* exchange_ = nullptr;  // under way
  generation::Reader* reader_ = nullptr;    // of the answer under way, where it is recorded
  std::unique_ptr<dialect::ResponseProgress> progress_{};  // null: not a stream of responses
  std::unique_ptr<LoadedBody> loaded_{};                   // until the request is released
  std::uint64_t body_max_ = 0;
  bool between_events_ = false;  // of an event stream: what is written now stands alone

 private:
  LoadedBody& loaded();
  net::ByteLease lease(net::MemoryKind kind);
  Result<coding::Coding> content_coding();
  Result<> begin_decoding(exchange::Request& request, coding::Coding coding);
  Task<bool> serve_exchange();
  Task<Task<bool>> answer(exchange::Exchange& exchange);
  /// An answer of our own in front of the pipeline.
  struct Early {
    int status = 200;
    std::string fields{};
    std::string body{};
    std::optional<Error> error{};  // in place of the body
  };
  Task<bool> answer_early(Early early);
  Task<bool> answer_ourselves();
  Task<bool> answer_preflight();
  void describe(exchange::Exchange& exchange);
  static void append_own_fields(const exchange::Exchange& exchange, std::string& out);
  Task<bool> relay(exchange::Exchange& exchange, generation::GenerationPtr answer);
  Task<bool> relay_content(exchange::Exchange& exchange, generation::GenerationPtr answer);
  Task<bool> relay_events(exchange::Exchange& exchange, generation::GenerationPtr answer);
  struct Form;
  Task<bool> write_events(generation::Reader& reader, generation::Batch& batch, Form form,
                          bool lags);
  /// How the events of a recorded answer go out.
  struct Form {
    bool event_stream;
    bool event_ids;
    dialect::Api api;
    milliseconds heartbeat;
  };
  Task<bool> write_batch(generation::Reader& reader, generation::Batch& batch, Form form);
  Task<bool> write_heartbeat(Form form, std::uint64_t seq);
  Task<bool> refuse(exchange::Exchange& exchange, Error error);
  Task<bool> break_off(exchange::Exchange& exchange, bool event_stream, Error error,
                       dialect::Api api = dialect::Api::other);
};

}  // namespace hawser::front::http
