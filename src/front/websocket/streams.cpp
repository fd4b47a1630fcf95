#include "front/websocket/streams.hpp"

#include <algorithm>

#include "dialect/error_body.hpp"
#include "dialect/merge_delta.hpp"
#include "telemetry/log.hpp"
#include "wire/sse.hpp"

namespace hawser::front::websocket {

using net::IoStatus;

namespace {

constexpr std::size_t quantum = 4096;     // bytes of one turn
constexpr std::size_t merged_max = 4096;  // bytes of events that were merged for a laggard

void log_bug(std::exception_ptr bug) {
  try {
    std::rethrow_exception(bug);
  } catch (const std::exception& e) {
    log::error("a stream ended by a bug", {{"what", log::redacted(e.what())}});
  }
}

Error stopped() {
  return {.code = Code::cancelled, .message = "the request was cancelled"};
}
Error late() {
  return {.code = Code::timeout, .message = "the request's own time to live is over"};
}

}  // namespace

Streams::Streams(Services& services, Connection& connection, Encoder& encoder)
    : services_(services), connection_(connection), encoder_(encoder), last_(services.reactor) {}

std::optional<net::ConnectionBudget::Share> Streams::hold(std::size_t bytes) {
  auto share = connection_.budget().share();
  if (!share.grow(bytes)) return std::nullopt;
  return share;
}

Error Streams::bodies_full() {
  return {.code = Code::overloaded,
          .message =
              "The requests of this connection hold all the memory that "
              "limits.memory.per_connection, per_key or process gives them."};
}

Stream* Streams::find(const std::string& name) {
  const auto found = streams_.find(name);
  return found == streams_.end() ? nullptr : found->second.get();
}

Stream& Streams::start(Options options) {
  auto stream = std::make_shared<Stream>(std::move(options.name), std::move(options.given),
                                         services_.reactor);
  stream->credit = options.credit;
  stream->held = std::move(options.held);
  stream->lane = std::move(options.lane);
  if (options.ttl > 0ms) stream->deadline = services_.reactor.now() + options.ttl;
  streams_.emplace(stream->name, stream);
  ++running_;
  Stream& started = *stream;
  spawn(serve(std::move(stream)), log_bug);
  return started;
}

Task<> Streams::serve(std::shared_ptr<Stream> stream) {
  struct Leaving {
    Streams& streams;
    Stream& stream;
    ~Leaving() {
      std::erase(streams.waiting_, &stream);
      if (--streams.running_ == 0) streams.last_.complete(IoStatus::ok);
    }
  };
  const Leaving leaving{*this, *stream};
  auto& exchange = stream->call.exchange();
  auto answer = co_await exchange::Pipeline::run(services_.pipeline, exchange);
  Result<> relayed;
  if (answer && !stream->stopped_ && !stream->late_ && !lost_) {
    stream->answer_ = std::make_unique<exchange::AnswerReader>(std::move(*answer));
    relayed = co_await relay(*stream);
    exchange.trail.usage.set(stream->answer_->usage());
  } else if (!answer) {
    relayed = answer.error();
  }
  if (stream->late_) relayed = late();
  if (stream->stopped_) relayed = stopped();
  if (!relayed) {
    exchange.trail.error = relayed.error().code;
    if (exchange.trail.status == 0 && !lost_) {
      exchange.trail.status = dialect::status_of(relayed.error());
    }
    if (!lost_ && !stream->mute) encoder_.failed(*stream, relayed.error());
  }
  forget(*stream);
}

/// The answer from its head to its end. Error: why it broke off.
Task<Result<>> Streams::relay(Stream& stream) {
  exchange::AnswerReader& answer = *stream.answer_;
  auto& trail = stream.call.exchange().trail;
  trail.status = answer.head().status;
  trail.first_content = Clock::now();
  if (!stream.mute) encoder_.head(stream, answer.head());
  std::string().swap(answer.head().fields);
  services_.shard.add(services_.metrics.streams);
  Result<> outcome;
  for (bool last = false; !last;) {
    auto batch = co_await answer.next();
    if (!batch) {
      outcome = batch.error();
      break;
    }
    trail.bytes_out += batch->run.bytes.size();
    if (batch->run.count > 0 && !co_await send_run(stream, *batch)) {
      outcome = stopped();
      break;
    }
    last = batch->last;  // what a laggard lacked was taken with it
  }
  services_.shard.add(services_.metrics.streams, -1);
  if (outcome && !lost_) {
    answer.delivered();
    if (!stream.mute) encoder_.end(stream, answer.usage());
  }
  co_return outcome;
}

/// The next event of a batch; moves on in it.
std::string_view Streams::take_frame(generation::EventRun& run) {
  const std::size_t size = wire::first_frame(run.bytes).size;
  const std::string_view frame = run.bytes.substr(0, size);
  run.bytes.remove_prefix(size);
  ++run.seq;
  --run.count;
  return frame;
}

/// Whether there is another event at hand: of this batch, or of the next one.
bool Streams::more_at_hand(Stream& stream, generation::Batch& batch) {
  if (batch.run.count > 0) return true;
  if (!batch.more || stream.answer_->reader() == nullptr) return false;
  auto next = stream.answer_->reader()->next();
  batch.more = next.has_value();  // a failure is met again
  if (next) batch = *next;
  return batch.run.count > 0;
}

/// Makes one event of `merged` and of those behind it that only add text. @return how many it is
std::uint32_t Streams::merge(Stream& stream, generation::Batch& batch, std::string& merged) {
  const dialect::Api api = stream.call.exchange().request.endpoint.api;
  std::uint32_t count = 1;
  while (merged.size() < merged_max && more_at_hand(stream, batch)) {
    generation::EventRun ahead = batch.run;
    if (!dialect::merge_delta(api, merged, take_frame(ahead))) break;
    batch.run = ahead;
    ++count;
  }
  return count;
}

/// One batch of events, each in its turn. False: the stream is to end.
Task<bool> Streams::send_run(Stream& stream, generation::Batch& batch) {
  const bool events = stream.answer_->head().event_stream;
  std::string merged, scratch;
  std::size_t sent = 0;
  while (batch.run.count > 0) {
    if (lost_ || stream.stopped_ || stream.late_) co_return false;
    const bool over = sent >= quantum && !waiting_.empty();
    if ((over || !may_send(stream)) && !co_await take_turn(stream)) co_return false;
    if (over) sent = 0;
    Event event;
    event.seq = batch.run.seq;
    if (!events) {
      event.data = batch.run.bytes;
      event.piece = true;
      batch.run.count = 0;
      sent += encoder_.event(stream, event);
      continue;
    }
    std::string_view frame = take_frame(batch.run);
    if (stream.lagged_) {
      merged.assign(frame);
      event.merged = merge(stream, batch, merged);
      event.seq += event.merged - 1;
      frame = merged;
    }
    const auto parts = wire::frame_parts(frame, scratch);
    if (!parts.has_data || stream.mute) continue;
    event.name = parts.type;
    event.data = parts.data;
    const std::size_t size = encoder_.event(stream, event);
    stream.credit -= static_cast<std::int64_t>(size);
    credit -= static_cast<std::int64_t>(size);
    sent += size;
  }
  stream.lagged_ = false;
  co_return true;
}

/// Waits behind the others. False: the connection is over, or the stream is.
Task<bool> Streams::take_turn(Stream& stream) {
  stream.lagged_ = !may_send(stream);
  waiting_.push_back(&stream);
  const net::Cancellation::Binding bound(stream.call.exchange().cancellation, stream.turn_);
  if (may_send(stream)) {
    // Only its quantum is spent: the others of this moment go first.
    services_.reactor.post([this, alive = std::weak_ptr<int>(alive_)] {
      if (!alive.expired()) resume();
    });
  }
  const IoStatus waited = co_await stream.turn_.wait(Clock::time_point::max());
  co_return waited == IoStatus::ok;
}

void Streams::resume() {
  if (std::exchange(resuming_, true)) return;
  // Who cannot send keeps its place.
  for (std::size_t looked = waiting_.size(); looked > 0 && !waiting_.empty(); --looked) {
    if (!connection_.has_room() || credit <= 0) break;
    Stream* const stream = waiting_.front();
    waiting_.pop_front();
    if (stream->credit > 0) {
      stream->turn_.complete(IoStatus::ok);
    } else {
      waiting_.push_back(stream);
    }
  }
  resuming_ = false;
}

void Streams::forget(Stream& stream) {
  const auto found = streams_.find(stream.name);
  if (found == streams_.end() || found->second.get() != &stream) return;
  const auto kept = found->second;
  streams_.erase(found);
  if (!lost_) encoder_.ended(*kept);
}

void Streams::stop(Stream& stream) {
  if (std::exchange(stream.stopped_, true)) return;
  if (stream.answer_) stream.answer_->cancel();
  stream.call.cancel();
}

void Streams::stop_all() {
  std::vector<std::shared_ptr<Stream>> all;
  for (const auto& [name, stream] : streams_) all.push_back(stream);
  for (const auto& stream : all) stop(*stream);
}

Clock::time_point Streams::attend(Clock::time_point now) {
  auto next = Clock::time_point::max();
  std::vector<std::shared_ptr<Stream>> overdue;
  for (const auto& [name, stream] : streams_) {
    if (stream->late_) continue;
    if (stream->deadline <= now) {
      overdue.push_back(stream);
    } else {
      next = std::min(next, stream->deadline);
    }
  }
  for (const auto& stream : overdue) {
    stream->late_ = true;
    if (stream->answer_) stream->answer_->cancel();
    stream->call.cancel();
  }
  return next;
}

void Streams::lose() {
  lost_ = true;
  waiting_.clear();
  std::vector<std::shared_ptr<Stream>> all;
  for (const auto& [name, stream] : streams_) all.push_back(stream);
  for (const auto& stream : all) stream->call.lose_client();
}

Task<> Streams::finished() {
  for (IoStatus waited = IoStatus::ok; running_ > 0 && waited == IoStatus::ok;) {
    waited = co_await last_.wait(Clock::time_point::max());
  }
  co_return;  // without it GCC 12 takes the end for unreachable
}

}  // namespace hawser::front::websocket
