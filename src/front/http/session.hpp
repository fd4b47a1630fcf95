#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/request_id.hpp"
#include "exchange/stage.hpp"
#include "front/http/config.hpp"
#include "front/http/response_writer.hpp"
#include "http/body_reader.hpp"
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
};
/// What it goes on with.
struct Upgrade {
  net::Stream& stream;
  net::InBuffer& in;
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
  /// The policies and limits in force; a reload swaps them, exchanges keep what they began with.
  std::shared_ptr<exchange::Pipeline> pipeline{};
  LimitsConfig limits{};
  bool draining = false;
  /// The other front that takes connections over, by path; empty: none does. `fields` gets header
  /// fields of the answer.
  bool (*upgrades)(std::string_view path) = nullptr;
  std::function<Result<std::unique_ptr<Upgraded>>(const Upgrade&, std::string& fields)> upgrade{};
};

/// One client connection: reads requests, serves each, writes the answers in order.
class Session final : private net::HangupWatch, private exchange::RequestBody, private net::Source {
 public:
  Session(Services& services, std::unique_ptr<net::Stream> stream, std::string client_address);

  /// Serves requests until either side ends the connection.
  Task<> run();
  /// Ends the connection if it waits between two requests.
  void close_if_idle() {
    if (upgraded_) upgraded_->drain();
    if (idle_) stream_->cancel();
  }

 private:
  enum class HeadRead : std::uint8_t { complete, ended, answered };
  Task<HeadRead> read_head();
  Task<> refuse_head(const wire::HeadOutcome& outcome);

  // The way of one exchange: serve.cpp.
  Task<bool> serve();
  Task<bool> answer_ourselves();
  bool asks_for_upgrade() const;
  Task<bool> upgrade();
  Task<> refuse_upgrade(const Error& error, std::string_view fields);
  void describe(exchange::Exchange& exchange);
  static void append_own_fields(const exchange::Exchange& exchange, std::string& out);
  Task<bool> relay(exchange::Exchange& exchange, generation::GenerationPtr answer);
  Task<bool> relay_content(exchange::Exchange& exchange, generation::GenerationPtr answer);
  Task<bool> relay_events(exchange::Exchange& exchange, generation::GenerationPtr answer);
  Task<bool> write_events(ResponseWriter& writer, generation::Reader& reader,
                          generation::Batch& batch, bool ids);
  Task<bool> write_heartbeat(ResponseWriter& writer, const generation::AnswerHead& head,
                             std::uint64_t seq);
  Task<bool> refuse(exchange::Exchange& exchange, const Error& error);
  Task<bool> break_off(exchange::Exchange& exchange, ResponseWriter& writer,
                       const generation::AnswerHead& head, const Error& error);
  void release_request(bool keep_memory);
  bool body_consumed(const exchange::Exchange& exchange) const;
  enum class Rest : std::uint8_t { none, left, malformed };
  Task<Rest> skip_rest_of_body();
  Task<> linger(milliseconds silence_max = milliseconds(5000));

  // The request's body, for the stages: body.cpp.
  Task<Result<>> load(exchange::Request& request) override;
  Task<Result<>> load_whole(exchange::Request& request, std::size_t size_max);
  Task<Result<net::Piece>> next() override;
  Task<bool> say_continue();
  void detach_head();
  Clock::time_point body_deadline() const { return Clock::now() + limits_.body_timeout; }

  void hung_up() override;

  Services& services_;
  std::unique_ptr<net::Stream> stream_;
  std::string client_address_;
  std::vector<std::string> client_names_;  // of its certificate
  net::InBuffer in_;
  wire::RequestHead head_;
  std::size_t head_size_ = 0;                  // of the head that still stands in `in_`
  std::string kept_head_;                      // the head, once its body streams through `in_`
  std::string_view* endpoint_tail_ = nullptr;  // of the exchange: a view into the head too
  hawser::http::BodyReader body_;
  std::string id_, method_, path_;  // of the exchange; their memory is used again
  std::string whole_body_;
  std::uint64_t body_max_ = 0;
  bool continue_owed_ = false;
  bool served_ = false;
  bool idle_ = false;           // waits for another request after the first
  const LimitsConfig& limits_;  // those in force
  Clock::time_point arrived_{};
  exchange::Exchange* exchange_ = nullptr;  // under way
  std::unique_ptr<Upgraded> upgraded_{};
};

}  // namespace hawser::front::http
