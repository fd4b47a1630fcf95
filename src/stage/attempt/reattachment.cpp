#include "stage/attempt/reattachment.hpp"

#include <algorithm>

#include "stage/attempt/tries.hpp"
#include "telemetry/log.hpp"

namespace hawser::stage::attempt {
namespace {

constexpr auto stop_patience = 30s;

}  // namespace

std::string_view HopLines::take_out(std::string_view events) {
  kept_.clear();
  bool starts = true;  // an event
  while (!events.empty()) {
    const std::size_t end = std::min(events.find('\n'), events.size() - 1) + 1;
    const std::string_view line = events.substr(0, end);
    events.remove_prefix(end);
    const bool names = starts && line.starts_with("id: g-");
    const bool beats = line.starts_with(": hb ");
    if (names) last_id_ = line.substr(4, line.find_last_not_of("\r\n") - 3);
    if (names || beats) continue;
    kept_.append(line);
    starts = line == "\n" || line == "\r\n";
    if (starts) ++events_;
  }
  return kept_;
}

std::string HopLines::cursor() const {
  if (!last_id_.empty() || events_ == 0) return last_id_;
  return std::to_string(events_ - 1);
}

Reattachment::Reattachment(std::shared_ptr<Tries> tries, const AttemptRequest& request,
                           const exchange::Target& target, std::string generation,
                           milliseconds silence)
    : tries_(std::move(tries)),
      decision_(request.decision()),
      target_(target),
      api_(request.message().endpoint.api),
      generation_(std::move(generation)),
      silence_(silence),
      pause_(tries_->reactor()),
      retry_(tries_->reattach_for()) {
  given_.id = request.id();
  for (const auto& field : request.message().head->fields) {
    if (wire::same_token(field.name, "content-type")) continue;
    if (wire::same_token(field.name, "last-event-id")) continue;
    given_.fields.emplace_back(field.name, field.value);
  }
}

Reattachment::~Reattachment() {
  if (whole_) return;
  auto stopping = stop(tries_, decision_, call_of("POST", "/cancel"), target_);
  spawn(std::move(stopping), [](std::exception_ptr) {});
}

exchange::Call::Given Reattachment::call_of(std::string_view method, std::string_view verb) const {
  exchange::Call::Given given = given_;
  given.method = method;
  given.target = "/v1/generations/" + generation_ + std::string(verb);
  return given;
}

Task<> Reattachment::stop(std::shared_ptr<Tries> tries, Decision decision,
                          exchange::Call::Given given, exchange::Target target) {
  FurtherCall::Terms terms;
  terms.arrived = Clock::now();
  terms.latest = terms.arrived + stop_patience;
  const FurtherCall call(decision, std::move(given), std::move(terms));
  Try one;
  one.target = &target;
  co_await tries->once(call.request(), one);
}

bool Reattachment::see(net::Piece& piece) {
  tries_->link_to(target_).brought(tries_->reactor().now());
  piece.bytes = lines_.take_out(piece.bytes);
  whole_ = piece.last;
  return true;
}

Task<Reattachment::Found> Reattachment::ask() {
  auto given = call_of("GET", "/events");
  if (auto cursor = lines_.cursor(); !cursor.empty()) {
    given.fields.emplace_back("last-event-id", std::move(cursor));
  }
  FurtherCall::Terms terms;
  terms.arrived = Clock::now();
  terms.api = api_;
  // A gateway that promised heartbeats answers at once: else its path is dead, though nobody was
  // told. Behind its head an answer is watched by them, and may be long without an event.
  if (silence_ != milliseconds::max()) terms.latest = Clock::now() + silence_;
  call_ = std::make_unique<FurtherCall>(decision_, std::move(given), std::move(terms));
  Try one;
  one.target = &target_;
  Tried tried = co_await tries_->once(call_->request(), one);
  if (tried.nothing_left) co_return Found::end;
  // An error event is how the generation ended there: it goes on to the client like any other.
  if (tried.stream != nullptr) {
    answer_ = std::move(tried.answer);
    answer_->content().lead_to(leads_to_);
    co_return Found::stream;
  }
  const int status = tried.failure.status;
  const bool refused = status >= 400 && status < 500 && status != 408 && status != 429;
  co_return refused || tried.failure.code == Code::cancelled ? Found::gone : Found::nothing;
}

// It is the same generation, of the same call.
Task<bool> Reattachment::begin(exchange::NotesPtr) {
  return take_up();
}

Task<bool> Reattachment::take_up() {
  begun_ = true;
  if (answer_) {
    dialect::merge_usage(past_, answer_->content().usage());
    finished_ = finished_ || answer_->content().finished();
  }
  answer_.reset();
  const Link& link = tries_->link_to(target_);
  Found found = Found::nothing;
  while (found == Found::nothing && !cancelled_) {
    const auto wait = retry_.next(link, Clock::now(), tries_->chance());
    if (!wait) break;
    if (*wait > 0ms && co_await pause_.wait(Clock::now() + *wait) == net::IoStatus::cancelled) {
      cancelled_ = true;
      break;
    }
    found = co_await ask();
  }
  if (found == Found::end) whole_ = true;
  const bool goes_on = found == Found::stream || found == Found::end;
  log::info("a broken stream of a gateway is taken up", {{"request_id", log::safe(given_.id)},
                                                         {"target", log::safe(target_.name)},
                                                         {"goes_on", goes_on}});
  if (goes_on) tries_->counts.shard->add(tries_->counts.reattached);
  co_return goes_on;
}

Task<Result<net::Piece>> Reattachment::next() {
  for (;;) {
    if (whole_) co_return net::Piece{.bytes = "", .last = true};
    auto piece = co_await answer_->content().next();
    if (piece) {
      retry_.progress();
      see(*piece);
      co_return piece;
    }
    const Error error = piece.error();
    if (cancelled_ || error.code == Code::cancelled) co_return error;
    if (!co_await take_up()) co_return error;
  }
}

void Reattachment::lead_to(const net::Companion* next) {
  leads_to_ = next;
  if (answer_) answer_->content().lead_to(next);
}

void Reattachment::cancel() {
  cancelled_ = true;
  // Whoever waits goes on here and now, and may take this one with him: nothing stands behind it.
  if (pause_.waiting()) return pause_.complete(net::IoStatus::cancelled);
  if (answer_) return answer_->content().cancel();
  if (call_) call_->cancel();
}

bool Reattachment::finished() const {
  return finished_ || (answer_ && answer_->content().finished());
}

dialect::Usage Reattachment::usage() const {
  dialect::Usage sum = past_;
  if (answer_) dialect::merge_usage(sum, answer_->content().usage());
  return sum;
}

}  // namespace hawser::stage::attempt
