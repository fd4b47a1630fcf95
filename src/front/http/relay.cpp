// The answer of a recorded generation, as server-sent events or as it is.
#include "front/http/event_text.hpp"
#include "front/http/serving.hpp"
#include "wire/sse.hpp"

namespace hawser::front::http {

using exchange::Exchange;
using generation::AnswerHead;
using generation::Batch;
using net::IoStatus;

namespace {
constexpr std::size_t alone_min = 4096;
}

/// Writes events, each after its id where ids are wanted, as many in one write as there are.
/// @param batch  the first; at the end the last one that was taken
/// @param lags   the client did not take the last write at once
/// @return false: the client is gone or takes nothing
Task<bool> Serving::write_events(generation::Reader& reader, Batch& batch, bool ids, bool lags) {
  const dialect::Api api = exchange_->request.endpoint.api;
  EventText text(services_.blocks, ids ? &reader : nullptr, api);
  // A client that does not keep up gets what only adds text in fewer events.
  text.merge_deltas(lags);
  for (;;) {
    const bool fits = text.fill(batch.run);
    if (batch.run.count == 0 && batch.more) {
      auto next = reader.next();
      if (next) batch = *next;
      batch.more = batch.more && next.has_value();  // a failure is met again
      continue;
    }
    const bool all = batch.run.count == 0 && text.finish();
    if (!co_await write(text.text(), all && batch.last)) co_return false;
    if (all) co_return true;
    text.clear();
    if (lagged()) text.merge_deltas(true);
    if (fits || batch.run.count == 0) continue;
    const std::size_t size = wire::first_frame(batch.run.bytes).size;
    if (!co_await write(batch.run.bytes.substr(0, size), false)) co_return false;
    batch.run.bytes.remove_prefix(size);
    ++batch.run.seq;
    --batch.run.count;
  }
}

/// A comment for the proxies on the way. Without an empty line behind it: openai-python takes one
/// for an event once it saw an id.
Task<bool> Serving::write_heartbeat(const AnswerHead& head, std::uint64_t seq) {
  if (!head.event_stream) co_return true;
  const std::string line = ": hb " + std::to_string(seq) + "\n";
  co_return co_await write(line, false);
}

/// Reads a generation as it grows. The generation does not depend on this client: when it goes,
/// only its reader goes.
Task<bool> Serving::relay_events(Exchange& exchange, generation::GenerationPtr answer) {
  AnswerHead& head = answer->head();
  generation::Reader& reader = *answer->reader();
  reader_ = &reader;
  reader.lead_to(touched());
  append_own_fields(exchange, head.fields);
  begin_answer({.head = head,
                .keep_alive = head_.keep_alive && !services_.draining && body_consumed(exchange)});
  exchange.trail.status = head.status;
  release_request(false);
  services_.shard.add(services_.metrics.streams);
  // What each event looks at stands in this frame: with a thousand streams all else is cold.
  const bool event_stream = head.event_stream, event_ids = head.event_ids;
  const auto heartbeat = head.heartbeat;
  net::Reactor& reactor = services_.reactor;
  bool begun = false, goes_on = true;
  std::uint64_t seq = 0;
  for (IoStatus waited = IoStatus::ok;;) {
    auto batch = reader.next();
    const bool silent = batch && batch->run.count == 0 && !batch->last;
    if (waited != IoStatus::ok && waited != IoStatus::timeout) {
      goes_on = false;
    } else if (!batch) {
      goes_on = co_await break_off(exchange, head, batch.error());
      break;
    } else if (silent && waited == IoStatus::timeout) {
      goes_on = co_await write_heartbeat(head, seq);
    } else if (!silent) {
      if (!begun) exchange.trail.first_content = Clock::now();
      net::Channel* const turns = reactor.busy() ? in_turns() : nullptr;
      if (turns != nullptr) goes_on = co_await turns->wait_turn() == IoStatus::ok;
      if (goes_on) {
        // What is large enough to go out alone is not put together with what follows.
        const bool lags = batch->more && lagged();
        const bool alone = !batch->more || (batch->run.bytes.size() >= alone_min && !lags);
        const bool as_it_is = !event_stream || (!event_ids && alone);
        goes_on = as_it_is ? co_await write(batch->run.bytes, batch->last)
                           : co_await write_events(reader, *batch, event_ids, lags);
        seq = batch->run.seq;
      }
      if (goes_on && batch->last) {
        reader.delivered();
        break;
      }
      if (!begun) std::string().swap(head.fields);  // it is out
      begun = true;
    }
    // Between two waits nobody was there to be told that it is gone.
    if (!goes_on || peer_gone()) {
      exchange.trail.error = Code::cancelled;
      goes_on = false;
      break;
    }
    waited = IoStatus::ok;
    if (silent) waited = co_await reader.wait(reactor.now() + heartbeat);
  }
  services_.shard.add(services_.metrics.streams, -1);
  reader_ = nullptr;
  exchange.trail.bytes_out = bytes_out();
  exchange.trail.usage = reader.usage();
  co_return goes_on&& this->goes_on();
}

void Serving::hung_up() {
  if (exchange_ == nullptr) return;
  if (exchange_->outlives != nullptr && exchange_->outlives->client_gone(*exchange_)) return;
  exchange_->cancellation.cancel();
}

}  // namespace hawser::front::http
