#include "stage/attempt/answer_content.hpp"

#include <utility>

#include "http/http1_connection.hpp"
#include "stage/attempt/continuation.hpp"

namespace hawser::stage::attempt {

using net::Piece;

namespace {
constexpr std::size_t event_max = 16 * 1024 * 1024;  // a longer one goes out in parts
constexpr std::size_t taken_back_max = 2048;         // longer parts of one are copied less often
}  // namespace

AnswerContent::AnswerContent(std::shared_ptr<http::OriginPool> pool, http::UpstreamPtr connection,
                             dialect::Api api, bool events, const Limits& limits)
    : pool_(std::move(pool)),
      connection_(std::move(connection)),
      end_(api),
      events_(events),
      counts_tokens_(api != dialect::Api::other && api != dialect::Api::models),
      counts_early_(api == dialect::Api::messages),
      limits_(limits) {
  net::Stream* const own = events ? connection_->own_stream() : nullptr;
  if (own != nullptr) own->delay_acks();
}

AnswerContent::~AnswerContent() {
  if (reservation_) reservation_->settle(usage(), whole());
  finish();
}

/// Whether it came to its end.
bool AnswerContent::whole() const {
  if (continuation_ && continuation_->begun()) return continuation_->whole();
  return done_ && (!events_ || end_.complete());
}

void AnswerContent::finish() {
  if (!connection_) return;
  connection_->accompany(nullptr);
  pool_->give_back(std::move(connection_));
}

void AnswerContent::prefetch(int turns) const {
  if (turns == turns_max) {
    fetch(connection_.get(), sizeof(http::Http1Connection));
    fetch(next_, 192);  // what it is cannot be asked yet: it is cold itself
  } else if (next_ != nullptr) {
    next_->prefetch(turns);
  }
}

/// What is left to say once everything was read.
Result<Piece> AnswerContent::ending() const {
  if (!events_ || end_.complete()) return Piece{.last = true};
  return Error{.code = Code::connection,
               .message = "the provider ended the stream before the answer was complete"};
}

dialect::Usage AnswerContent::usage() const {
  dialect::Usage usage = usage_;
  if (continuation_) {
    const dialect::Usage second = continuation_->usage();
    usage.known = usage.known || second.known;
    usage.input += second.input;
    usage.output += second.output;
  }
  return usage;
}

bool AnswerContent::spliced() const {
  return continuation_ && continuation_->spliced();
}

void AnswerContent::lead_to(const net::Companion* next) {
  next_ = next;
  if (connection_) connection_->accompany(this);
  if (continuation_) continuation_->lead_to(next);
}

void AnswerContent::cancel() {
  if (connection_) {
    connection_->cancel();
  } else if (continuation_) {
    continuation_->cancel();
  }
}

void AnswerContent::continue_by(std::unique_ptr<Continuation> continuation) {
  continuation_ = std::move(continuation);
}

// Not a coroutine: a silent stream would hold one more.
Task<Result<Piece>> AnswerContent::next() {
  if (continuation_) return next_continued();
  return next_of_this();
}

// Not a coroutine: a silent stream would hold more.
Task<bool> AnswerContent::begin_continuation() {
  exchange::NotesPtr notes;
  if (reservation_) notes = reservation_->notes();
  return continuation_->begin(std::move(notes));
}

Task<Result<Piece>> AnswerContent::next_continued() {
  if (continuation_->begun()) {
    auto piece = co_await continuation_->next();
    if (piece && reservation_) reservation_->see(piece->bytes, piece->events);
    co_return piece;
  }
  auto piece = co_await next_of_this();
  if (piece) {
    if (!continuation_->see(*piece)) continuation_.reset();
    co_return piece;
  }
  if (piece.error().code == Code::cancelled) co_return piece;
  finish();
  if (!co_await begin_continuation()) {
    continuation_.reset();
    co_return piece;
  }
  co_return co_await continuation_->next();
}

Task<Result<Piece>> AnswerContent::next_of_this() {
  if (!early_.empty() || done_) return next_at_hand();
  if (!joined_.empty()) std::string().swap(joined_);  // it is out: silence holds no memory
  Due due = limits_.whole;
  due.sooner(limits_.stall, pool_->now());
  return read_piece(due.at);
}

Task<Result<Piece>> AnswerContent::next_at_hand() {
  if (early_.empty()) co_return ending();
  joined_ = std::exchange(early_, {});
  co_return Piece{.bytes = joined_,
                  .last = done_ && ending().has_value(),
                  .events = std::exchange(early_events_, 0)};
}

Error AnswerContent::broken(const Error& error) {
  if (error.code != Code::cancelled) load_.broke(pool_->now());
  switch (error.code) {
    case Code::cancelled:
      return error;
    case Code::timeout:
      return pool_->now() < limits_.whole.at ? limits_.stall.error()
                                             : limits_.whole.deadline.error();
    case Code::invalid_request:
      return {.code = Code::upstream, .message = "the provider's answer is malformed"};
    default:
      return {.code = Code::connection,
              .message = "the connection to the provider broke in the middle of the answer"};
  }
}

// What is there already needs no coroutine.
Task<Result<Piece>> AnswerContent::read_piece(Clock::time_point deadline) {
  auto piece = piece_now();
  if (!piece) return wait_for_piece(deadline);
  return std::move(*piece);
}

Task<Result<Piece>> AnswerContent::wait_for_piece(Clock::time_point deadline) {
  for (;;) {
    const auto until = heard_by(deadline);
    const net::IoStatus waited = co_await connection_->wait(until);
    if (waited == net::IoStatus::timeout && until < deadline) co_return fell_silent();
    if (waited != net::IoStatus::ok) co_return broken(http::BodyReader::error_of(waited));
    auto piece = piece_now();
    if (piece) co_return std::move(*piece);
  }
}

/// When something is to be heard of the peer, be it a heartbeat.
Clock::time_point AnswerContent::heard_by(Clock::time_point deadline) const {
  if (limits_.silence == milliseconds::max()) return deadline;
  return std::min<Clock::time_point>(deadline, pool_->now() + limits_.silence);
}

/// The path is dead, whatever becomes of what runs at its other end.
Error AnswerContent::fell_silent() {
  load_.broke(pool_->now());
  return {.code = Code::connection, .message = "the connection to the gateway fell silent"};
}

/// The next piece, the end, or how it broke; nothing: more has to come first.
std::optional<Result<Piece>> AnswerContent::piece_now() {
  for (;;) {
    auto piece = connection_->next_now();
    if (!piece) return broken(piece.error());
    if (piece->bytes.empty() && !piece->last) return std::nullopt;
    done_ = piece->last;
    if (!events_) {
      if (counts_tokens_) dialect::see_usage(piece->bytes, usage_);
      if (reservation_) reservation_->see(piece->bytes, 0);
      return *piece;
    }
    Piece whole = whole_events(*piece);
    // Counts stand in the last events, and with some in the first.
    const bool may_count = end_.complete() || (counts_early_ && !usage_.known);
    if (counts_tokens_ && may_count) dialect::see_usage(whole.bytes, usage_);
    whole.last = done_ && end_.complete();
    if (reservation_ && !whole.bytes.empty()) reservation_->see(whole.bytes, whole.events);
    if (!whole.bytes.empty()) return whole;
    if (done_) return ending();
  }
}

/// Cuts `piece` behind its last whole event and keeps the rest for the next one. At the end of the
/// stream the rest goes out only if it completes the answer: half an event helps nobody.
Piece AnswerContent::whole_events(Piece piece) {
  const std::size_t scanned = std::exchange(scanned_, 0);
  std::size_t whole = scanner_.feed(piece.bytes.substr(scanned));
  std::uint32_t events = scanner_.ended();
  if (whole > 0) whole += scanned;
  if (held_.size() + piece.bytes.size() - whole > event_max) whole = piece.bytes.size();
  end_.see(piece.bytes.substr(0, whole));
  if (piece.last && whole < piece.bytes.size() + held_.size()) {
    end_.see(piece.bytes.substr(whole));
    if (end_.complete()) {
      whole = piece.bytes.size();
      ++events;
    }
  }
  std::string_view out = piece.bytes.substr(0, whole);
  const bool joins = !held_.empty() && (whole > 0 || (piece.last && end_.complete()));
  if (joins) {
    joined_.assign(held_).append(out);
    held_.clear();
    out = joined_;
  }
  if (joins) end_.see(out);  // a mark may have been cut in two
  if (!piece.last) hold_back(piece.bytes.substr(whole));
  return {.bytes = out, .events = events};
}

/// Keeps the beginning of an event for the next piece: where it came, or aside.
void AnswerContent::hold_back(std::string_view rest) {
  if (rest.empty()) return;
  if (held_.empty() && rest.size() <= taken_back_max && connection_->take_back(rest.size())) {
    scanned_ = static_cast<std::uint32_t>(rest.size());
  } else {
    held_.append(rest);
  }
}

Task<Result<AnswerContent::Opening>> AnswerContent::open_events(Clock::time_point patience,
                                                                Clock::time_point deadline) {
  while (!end_.any_data() && !done_) {
    auto piece = co_await read_piece(std::min(patience, deadline));
    if (!piece && piece.error().code == Code::timeout && patience < deadline) {
      co_return Opening{};  // comments only, or nothing: the client must hear something now
    }
    if (!piece) {
      if (done_) co_return Opening{.empty = true};
      co_return piece.error();
    }
    early_.append(piece->bytes);
    early_events_ += piece->events;
  }
  co_return Opening{.error_event = dialect::starts_with_error(early_), .empty = !end_.any_data()};
}

Task<Result<std::optional<std::string>>> AnswerContent::read_whole(std::size_t size_max,
                                                                   Clock::time_point patience) {
  while (!done_ && early_.size() <= size_max) {
    auto piece = co_await read_piece(patience);
    if (!piece) co_return piece.error();
    early_.append(piece->bytes);
  }
  if (early_.size() > size_max) co_return std::nullopt;
  finish();
  co_return std::optional<std::string>(std::exchange(early_, {}));
}

}  // namespace hawser::stage::attempt
