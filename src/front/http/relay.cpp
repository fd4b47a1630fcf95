// The answer of a recorded generation, as server-sent events or as it is.
#include <charconv>

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
constexpr std::string_view heartbeat_field = "x-hawser-heartbeat";
constexpr milliseconds heartbeat_min{500};

/// Promises what a client asks for, in ms, so that it notices a path that died. False: it asks for
/// nothing, or not by a number.
bool promise_heartbeat(const Exchange& exchange, AnswerHead& head) {
  const std::string_view text = exchange.request.header(heartbeat_field);
  if (text.empty() || !head.event_stream) return false;
  milliseconds::rep asked = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), asked);
  if (error != std::errc{} || end != text.data() + text.size() || asked <= 0) return false;
  head.heartbeat = shortened(
      std::min<milliseconds>(head.heartbeat, std::max(milliseconds(asked), heartbeat_min)));
  const auto every = std::to_string(head.heartbeat.count());
  head.fields.append(heartbeat_field).append(": ").append(every).append("\r\n");
  return true;
}

}  // namespace

/// Writes events, each after its id where ids are wanted, as many in one write as there are.
/// @param batch  the first; at the end the last one that was taken
/// @param lags   the client did not take the last write at once
/// @return false: the client is gone or takes nothing
Task<bool> Serving::write_events(generation::Reader& reader, Batch& batch, Form form, bool lags) {
  EventText text(services_.blocks, form.event_ids ? &reader : nullptr, form.api);
  // A client that does not keep up gets what only adds text in fewer events.
  text.merge_deltas(lags);
  for (;;) {
    const bool fits = text.fill(batch.run);
    if (batch.run.count == 0 && batch.more) {
      auto next = reader.next();
      if (next) batch = *next;
      if (next && progress_) progress_->see(batch.run.bytes);
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
Task<bool> Serving::write_heartbeat(Form form, std::uint64_t seq) {
  if (!form.event_stream) co_return true;
  const std::string line = ": hb " + std::to_string(seq) + "\n";
  co_return co_await write(line, false);
}

/// What goes out for `batch`; of an event stream each event, else bytes.
Task<bool> Serving::write_batch(generation::Reader& reader, Batch& batch, Form form) {
  // What is large enough to go out alone is not put together with what follows.
  if (progress_) progress_->see(batch.run.bytes);
  const bool lags = batch.more && lagged();
  const bool alone = !batch.more || (batch.run.bytes.size() >= alone_min && !lags);
  const bool as_it_is = !form.event_stream || (!form.event_ids && alone);
  if (as_it_is) return write(batch.run.bytes, batch.last);
  return write_events(reader, batch, form, lags);
}

/// Reads a generation as it grows. The generation does not depend on this client: when it goes,
/// only its reader goes.
Task<bool> Serving::relay_events(Exchange& exchange, generation::GenerationPtr answer) {
  const auto reader = answer->take_reader();
  reader_ = reader.get();
  reader->lead_to(touched());
  // Who wants to know soon whether its path is whole hears of us at once.
  IoStatus waited = promise_heartbeat(exchange, answer->head()) ? IoStatus::timeout : IoStatus::ok;
  append_own_fields(exchange, answer->head().fields);
  begin_answer({.head = answer->head(),
                .keep_alive = head_.keep_alive && !services_.draining && body_consumed(exchange)});
  exchange.trail.status = answer->head().status;
  release_request(false);
  services_.shard.add(services_.metrics.streams);
  // What each event looks at stands in this frame: with a thousand streams all else is cold.
  const Form form{answer->head().event_stream, answer->head().event_ids, answer->head().api,
                  answer->head().heartbeat};
  if (answer->head().progress) {
    progress_ = std::make_unique<dialect::ResponseProgress>(*answer->head().progress);
  }
  net::Reactor& reactor = services_.reactor;
  between_events_ = form.event_stream;
  bool goes_on = true;
  bool all_out = false;  // the answer, though its stream goes on
  std::uint64_t seq = 0;
  for (;;) {
    auto batch = reader->next();
    const bool silent = batch && batch->run.count == 0 && !batch->last;
    const bool some = batch && !silent;
    if (some && answer) exchange.trail.first_content = Clock::now();
    net::Channel* const turns = some && reactor.busy() ? in_turns() : nullptr;
    if (turns != nullptr) waited = co_await turns->wait_turn();
    const bool given_up = waited != IoStatus::ok && waited != IoStatus::timeout;
    if (given_up) {
      goes_on = false;
    } else if (!silent || waited == IoStatus::timeout) {
      auto writing = !batch   ? break_off(exchange, form.event_stream, batch.error(), form.api)
                     : silent ? write_heartbeat(form, seq)
                              : write_batch(*reader, *batch, form);
      goes_on = co_await std::move(writing);
      if (!batch) break;
    }
    if (some && goes_on) {
      all_out = reader->has_answer();
      answer.reset();  // its head is out
      seq = batch->run.seq;
      if (batch->last) {
        reader->delivered();
        break;
      }
    }
    // Between two waits nobody was there to be told that it is gone.
    if (!goes_on || peer_gone()) {
      if (all_out) {
        reader->delivered();  // who goes then has what it came for
      } else {
        exchange.trail.error = Code::cancelled;
      }
      goes_on = false;
      break;
    }
    waited = IoStatus::ok;
    if (silent) waited = co_await reader->wait(reactor.now() + form.heartbeat);
  }
  services_.shard.add(services_.metrics.streams, -1);
  reader_ = nullptr;
  between_events_ = false;
  exchange.trail.bytes_out = bytes_out();
  exchange.trail.usage.set(reader->usage());
  co_return goes_on&& this->goes_on();
}

void Serving::hung_up() {
  if (exchange_ != nullptr) exchange_->lose_client();
}

}  // namespace hawser::front::http
