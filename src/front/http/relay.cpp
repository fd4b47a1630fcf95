// The answer of a recorded generation, as server-sent events or as it is.
#include <charconv>
#include <cstring>

#include "front/http/session.hpp"

namespace hawser::front::http {

using exchange::Exchange;
using generation::AnswerHead;
using generation::Batch;
using generation::Event;
using net::IoStatus;

namespace {

/// Fills a block with events, each after its id line where ids are wanted.
class EventText {
 public:
  /// @param id_start  "id: GENERATION.EPOCH."; empty: no ids
  EventText(net::BlockPool& blocks, std::string_view id_start)
      : blocks_(blocks), block_(blocks.take()), id_start_(id_start) {}
  ~EventText() { blocks_.give_back(std::move(block_)); }
  EventText(const EventText&) = delete;
  EventText& operator=(const EventText&) = delete;

  /// False: it does not fit behind what is there.
  bool add(const Event& event) {
    const bool named = event.data && !id_start_.empty();
    const std::size_t id_max = named ? id_start_.size() + 21 : 0;
    if (size_ + id_max + event.bytes.size() > net::BlockPool::block_size) return false;
    if (named) add_id(event.seq);
    std::memcpy(block_.get() + size_, event.bytes.data(), event.bytes.size());
    size_ += event.bytes.size();
    return true;
  }
  /// For an event that is longer than a block: its id alone.
  void add_id_of(const Event& event) {
    if (event.data && !id_start_.empty()) add_id(event.seq);
  }
  std::string_view text() const { return {block_.get(), size_}; }
  void clear() { size_ = 0; }

 private:
  void add_id(std::uint64_t seq) {
    char* at = block_.get() + size_;
    std::memcpy(at, id_start_.data(), id_start_.size());
    at = std::to_chars(at + id_start_.size(), at + id_start_.size() + 20, seq).ptr;
    *at++ = '\n';
    size_ = static_cast<std::size_t>(at - block_.get());
  }

  net::BlockPool& blocks_;
  net::BlockPool::Block block_;
  std::string_view id_start_;
  std::size_t size_ = 0;
};

}  // namespace

/// Writes one batch. False: the client is gone or takes nothing.
Task<bool> Session::write_batch(ResponseWriter& writer, const Batch& batch,
                                std::string_view id_start) {
  if (batch.events.size() == 1 && id_start.empty()) {
    co_return co_await writer.write(batch.events.front().bytes, batch.last);
  }
  EventText text(services_.blocks, id_start);
  for (const Event& event : batch.events) {
    if (text.add(event)) continue;
    if (!text.text().empty() && !co_await writer.write(text.text(), false)) co_return false;
    text.clear();
    if (text.add(event)) continue;
    text.add_id_of(event);
    if (!text.text().empty() && !co_await writer.write(text.text(), false)) co_return false;
    text.clear();
    if (!co_await writer.write(event.bytes, false)) co_return false;
  }
  co_return co_await writer.write(text.text(), batch.last);
}

/// A comment for the proxies on the way. Without an empty line behind it: openai-python takes one
/// for an event once it saw an id.
Task<bool> Session::write_heartbeat(ResponseWriter& writer, const AnswerHead& head,
                                    std::uint64_t seq) {
  if (!head.event_stream) co_return true;
  const std::string line = ": hb " + std::to_string(seq) + "\n";
  co_return co_await writer.write(line, false);
}

/// Reads a generation as it grows. The generation does not depend on this client: when it goes,
/// only its reader goes.
Task<bool> Session::relay_events(Exchange& exchange, generation::Reader& reader, AnswerHead& head) {
  auto batch = co_await reader.read(services_.reactor.now() + head.heartbeat);
  exchange.trail.first_content = Clock::now();
  if (!batch && batch.error().code != Code::cancelled && !head.event_stream) {
    co_return co_await refuse(exchange, batch.error());  // nothing is out yet
  }
  append_own_fields(exchange, head.fields);
  ResponseWriter writer(*stream_, limits_.write_timeout);
  writer.begin({.head = head,
                .minor_version = head_.minor_version,
                .keep_alive = head_.keep_alive && !services_.draining && body_consumed(exchange)});
  exchange.trail.status = head.status;
  const bool whole = batch && batch->last;
  release_request(whole);
  services_.shard.add(services_.metrics.streams);
  const std::string id_start =
      head.event_ids ? "id: " + reader.id() + "." + std::to_string(reader.epoch()) + "." : "";
  bool goes_on = true;
  std::uint64_t seq = 0;
  for (;;) {
    if (!batch) {
      goes_on = co_await break_off(exchange, writer, head, batch.error());
      break;
    }
    goes_on = !services_.reactor.busy() || co_await stream_->wait_turn() == IoStatus::ok;
    if (!batch->events.empty()) seq = batch->events.back().seq;
    const bool silent = batch->events.empty() && !batch->last;
    if (goes_on && silent) goes_on = co_await write_heartbeat(writer, head, seq);
    if (goes_on && !silent) goes_on = co_await write_batch(writer, *batch, id_start);
    if (goes_on && batch->last) {
      reader.delivered();
      break;
    }
    // Between two waits nobody was there to be told that it is gone.
    if (!goes_on || stream_->peer_gone()) {
      exchange.trail.error = Code::cancelled;
      goes_on = false;
      break;
    }
    if (!head.fields.empty()) std::string().swap(head.fields);  // it is out
    batch = co_await reader.read(services_.reactor.now() + head.heartbeat);
  }
  services_.shard.add(services_.metrics.streams, -1);
  exchange.trail.bytes_out = writer.bytes();
  exchange.trail.usage = reader.usage();
  co_return goes_on&& writer.keep_alive();
}

void Session::hung_up() {
  if (exchange_ == nullptr) return;
  if (exchange_->outlives != nullptr && exchange_->outlives->client_gone(*exchange_)) return;
  exchange_->cancellation.cancel();
}

}  // namespace hawser::front::http
