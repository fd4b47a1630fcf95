#include "stage/attempt/reattachment.hpp"

#include <algorithm>

#include "stage/attempt/tries.hpp"
#include "telemetry/log.hpp"

namespace hawser::stage::attempt {
namespace {

constexpr auto stop_patience = 30s;
constexpr auto opening_patience = 6s;  // an answer without an event yet is taken behind 5 s

/// Ends a call whose answer does not begin in time: a gateway that promised heartbeats answers at
/// once, so its connection is dead though nobody was told.
struct Watchdog {
  Watchdog(net::Reactor& reactor, exchange::Call& watched) : over(reactor), call(&watched) {}
  net::Waiter over;
  exchange::Call* call;  // null: its answer began, or failed
  bool bit = false;
};

Task<> watch(std::shared_ptr<Watchdog> dog, Clock::time_point until) {
  const auto waited = co_await dog->over.wait(until);
  if (waited != net::IoStatus::timeout || dog->call == nullptr) co_return;
  dog->bit = true;
  dog->call->cancel();
}

/// The watch over one call, while its answer is waited for.
class Leash {
 public:
  /// @param silence  max(): nobody watches
  Leash(net::Reactor& reactor, exchange::Call& call, milliseconds silence) {
    if (silence == milliseconds::max()) return;
    dog_ = std::make_shared<Watchdog>(reactor, call);
    auto watching = watch(dog_, Clock::now() + silence);
    spawn(std::move(watching), [](std::exception_ptr) {});
  }
  ~Leash() { let_go(); }
  Leash(const Leash&) = delete;
  Leash& operator=(const Leash&) = delete;

  /// @return whether the call was ended for being late
  bool let_go() {
    if (!dog_) return false;
    const auto dog = std::exchange(dog_, nullptr);
    dog->call = nullptr;
    dog->over.complete(net::IoStatus::ok);
    return dog->bit;
  }

 private:
  std::shared_ptr<Watchdog> dog_;
};

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

Reattachment::Reattachment(std::shared_ptr<Tries> tries, const exchange::Exchange& exchange,
                           const exchange::Target& target, std::string generation,
                           milliseconds silence)
    : tries_(std::move(tries)),
      decided_(exchange),
      target_(target),
      api_(exchange.request.endpoint.api),
      generation_(std::move(generation)),
      silence_(silence),
      pause_(tries_->reactor()) {
  given_.id = exchange.id;
  given_.client_address = exchange.request.client_address;
  for (const auto& field : exchange.request.head->fields) {
    if (wire::same_token(field.name, "content-type")) continue;
    if (wire::same_token(field.name, "last-event-id")) continue;
    given_.fields.emplace_back(field.name, field.value);
  }
}

Reattachment::~Reattachment() {
  if (whole_) return;
  auto stopping = stop(tries_, decided_, call_of("POST", "/cancel"), target_);
  spawn(std::move(stopping), [](std::exception_ptr) {});
}

exchange::Call::Given Reattachment::call_of(std::string_view method, std::string_view verb) const {
  exchange::Call::Given given = given_;
  given.method = method;
  given.target = "/v1/generations/" + generation_ + std::string(verb);
  return given;
}

Task<> Reattachment::stop(std::shared_ptr<Tries> tries, exchange::Decided decided,
                          exchange::Call::Given given, exchange::Target target) {
  const auto call = decided.call(std::move(given), Clock::now(), nullptr);
  call->exchange().latest = Clock::now() + stop_patience;
  co_await tries->once(call->exchange(), target);
}

bool Reattachment::see(net::Piece& piece) {
  piece.bytes = lines_.take_out(piece.bytes);
  whole_ = piece.last;
  return true;
}

Task<Reattachment::Found> Reattachment::ask() {
  auto given = call_of("GET", "/events");
  if (auto cursor = lines_.cursor(); !cursor.empty()) {
    given.fields.emplace_back("last-event-id", std::move(cursor));
  }
  call_ = decided_.call(std::move(given), Clock::now(), nullptr);
  exchange::Exchange& exchange = call_->exchange();
  exchange.request.endpoint.api = api_;
  // Behind its head an answer is watched by its heartbeats, and may be silent for a while.
  const auto patience = silence_ == milliseconds::max() ? silence_ : silence_ + opening_patience;
  Leash leash(tries_->reactor(), *call_, patience);
  Tried tried = co_await tries_->once(exchange, target_);
  if (leash.let_go() && !cancelled_) co_return Found::nothing;
  if (tried.nothing_left) co_return Found::end;
  if (tried.stream != nullptr && tried.failure.reached == Reached::content_out) {
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
  if (answer_) dialect::merge_usage(past_, answer_->content().usage());
  answer_.reset();
  const auto deadline = Clock::now() + tries_->reattach_for();
  Found found = Found::nothing;
  while (found == Found::nothing && !cancelled_ && Clock::now() < deadline) {
    const milliseconds wait = backoff_.next(tries_->chance());
    if (wait > 0ms && co_await pause_.wait(Clock::now() + wait) == net::IoStatus::cancelled) {
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
      backoff_.progress();
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
  if (answer_) {
    answer_->content().cancel();
  } else if (call_) {
    call_->cancel();
  }
  pause_.complete(net::IoStatus::cancelled);
}

dialect::Usage Reattachment::usage() const {
  dialect::Usage sum = past_;
  if (answer_) dialect::merge_usage(sum, answer_->content().usage());
  return sum;
}

}  // namespace hawser::stage::attempt
