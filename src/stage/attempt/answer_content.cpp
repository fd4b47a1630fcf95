#include "stage/attempt/answer_content.hpp"

#include <algorithm>
#include <utility>

#include "http/http1_connection.hpp"
#include "stage/attempt/continuation.hpp"

namespace hawser::stage::attempt {

using net::Piece;

namespace {
constexpr std::size_t event_max = 16 * 1024 * 1024;  // a longer one goes out in parts
constexpr std::size_t taken_back_max = 2048;         // longer parts of one are copied less often
constexpr std::size_t early_max = 64 * 1024;         // read ahead of an answer's beginning
constexpr std::size_t drained_max = 64 * 1024;       // behind an answer's end
constexpr std::size_t unpaid_max = 16 * 1024;        // of an event, held without a lease

/// Reads what is behind the end of an answer; a connection that says more than a little is closed.
Task<> drain(std::shared_ptr<http::OriginPool> pool, http::UpstreamPtr connection,
             Clock::time_point until) {
  for (std::size_t read = 0; read <= drained_max;) {
    const auto piece = connection->next_now();
    if (!piece || piece->last) break;
    read += piece->bytes.size();
    if (!piece->bytes.empty()) continue;
    if (co_await connection->wait(until) != net::IoStatus::ok) break;
  }
  pool->give_back(std::move(connection));
}

}  // namespace

AnswerContent::AnswerContent(std::shared_ptr<http::OriginPool> pool, http::UpstreamPtr connection,
                             const Expected& expected, const Limits& limits,
                             net::ByteLease::Origin payer)
    : pool_(std::move(pool)),
      connection_(std::move(connection)),
      reader_(expected.format, expected.choices),
      events_(expected.events),
      form_told_(false),
      may_stream_(expected.events || expected.streams),
      counts_(expected.counts),
      strips_usage_(expected.strips_usage),
      limits_(limits),
      payer_(payer) {
  net::Stream* const own = may_stream_ ? connection_->own_stream() : nullptr;
  if (own != nullptr) own->delay_acks();
}

AnswerContent::~AnswerContent() {
  if (reservation_) reservation_->settle(told());
  finish();
}

/// Of this answer alone, without what it is gone on with.
exchange::Told AnswerContent::told_here() const {
  exchange::Told told;
  told.usage = counts_ ? reader_.usage() : dialect::Usage();
  told.whole = done_ && (!events_ || reader_.complete());
  const bool text = events_ && dialect::generates(reader_.format());
  told.final = text ? reader_.usage_final() : told.whole;
  return told;
}

/// Of the call that the reservation is for.
exchange::Told AnswerContent::told() const {
  if (!continuation_ || !continuation_->begun()) return told_here();
  exchange::Told told;
  told.usage = continuation_->spliced() ? continuation_->usage() : usage();
  told.whole = told.final = done_ || continuation_->whole();
  return told;
}

/// The answer is over or is wanted no more. Behind the end of a stream its connection is read for a
/// moment more: then it can be used again.
void AnswerContent::finish() {
  if (!connection_) return;
  connection_->accompany(nullptr);
  if (events_ && done_ && reader_.finished() && !body_done_) {
    const auto until = pool_->now() + limits_.ending;
    auto rest = drain(pool_, std::move(connection_), until);
    spawn(std::move(rest), [](std::exception_ptr) {});
    return;
  }
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
  if (!events_ || reader_.complete()) return Piece{.last = true};
  return Error{.code = Code::connection,
               .message = "the provider ended the stream before the answer was complete"};
}

/// Whether the answer is all there, so that how its stream ends does not matter any more.
/// @param broke  it ended before its last event, which another gateway may still have: its usage
bool AnswerContent::may_end_early(bool broke) const {
  return events_ && reader_.finished() && !(broke && limits_.kept_there);
}

/// The answer is all there, and its provider did not end the stream: a client that waits for the
/// last word of a chat is told it all the same.
Result<Piece> AnswerContent::end_early() {
  done_ = true;
  const bool chat = reader_.format() == dialect::AnswerFormat::chat ||
                    reader_.format() == dialect::AnswerFormat::completions;
  if (!chat || reader_.ended()) return ending();
  return Piece{.bytes = "data: [DONE]\n\n", .last = true, .events = 1};
}

dialect::Usage AnswerContent::usage() const {
  dialect::Usage usage = counts_ ? reader_.usage() : dialect::Usage();
  if (continuation_) dialect::add_usage(usage, continuation_->usage());
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
  if (reservation_ && continuation_->calls_again()) return begin_call(std::move(notes));
  return continuation_->begin(std::move(notes));
}

/// Both calls are paid for, and each is charged for itself.
Task<bool> AnswerContent::begin_call(exchange::NotesPtr notes) {
  if (!reservation_->answers_again(told_here())) {
    reservation_.reset();
    co_return false;
  }
  const bool begun = co_await continuation_->begin(std::move(notes));
  if (!begun) {
    reservation_->not_answered_again(continuation_->not_charged());
    reservation_.reset();
  }
  co_return begun;
}

Task<Result<Piece>> AnswerContent::next_continued() {
  if (continuation_->begun()) {
    auto piece = co_await continuation_->next();
    if (!piece) co_return without_rest(std::move(piece), continuation_->finished());
    if (reservation_) reservation_->see(piece->bytes, piece->events);
    co_return piece;
  }
  auto piece = co_await next_of_this();
  if (piece) {
    if (!continuation_->see(*piece)) continuation_.reset();
    co_return piece;
  }
  const Code code = piece.error().code;
  const bool no_room = code == Code::rate_limit || code == Code::overloaded;
  if (code == Code::cancelled || no_room) co_return piece;
  finish();
  done_ = false;  // however it ended, it goes on
  if (!co_await begin_continuation()) {
    continuation_.reset();
    co_return without_rest(std::move(piece), false);
  }
  auto more = co_await continuation_->next();
  if (more && reservation_) reservation_->see(more->bytes, more->events);
  co_return more;
}

/// A stream that broke and cannot be taken up: without its rest it may be whole all the same.
/// @param finished  what came since it was taken up told the answer's finish
Result<Piece> AnswerContent::without_rest(Result<Piece> broken, bool finished) {
  const bool cancelled = broken.error().code == Code::cancelled;
  if (cancelled || !(finished || may_end_early(false))) return broken;
  return end_early();
}

Task<Result<Piece>> AnswerContent::next_of_this() {
  if (read_ahead() || done_) return next_at_hand();
  if (aside_ && !aside_->joined.empty()) std::string().swap(aside_->joined);  // it is out
  if (aside_ && !holds()) aside_.reset();  // silence holds no memory
  return read_piece(Clock::time_point::max());
}

Task<Result<Piece>> AnswerContent::next_at_hand() {
  if (!read_ahead()) co_return ending();
  aside_->joined = std::exchange(aside_->early, {});
  co_return Piece{.bytes = aside_->joined,
                  .last = done_ && ending().has_value(),
                  .events = std::exchange(aside_->early_events, 0)};
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

/// How long is waited for more. Whatever comes is a sign of life, comments too; behind the end of
/// the answer there is little to wait for.
Clock::time_point AnswerContent::patience() const {
  Due due = limits_.whole;
  due.sooner(limits_.stall, pool_->now());
  return std::min(due.at, ending_by_);
}

// What is there already needs no coroutine.
/// @param deadline  max(): patience(), again with everything that comes
Task<Result<Piece>> AnswerContent::read_piece(Clock::time_point deadline) {
  auto piece = piece_now();
  if (!piece) return wait_for_piece(deadline);
  return std::move(*piece);
}

Task<Result<Piece>> AnswerContent::wait_for_piece(Clock::time_point deadline) {
  for (;;) {
    const auto within = deadline == Clock::time_point::max() ? patience() : deadline;
    const auto until = heard_by(within);
    const net::IoStatus waited = co_await connection_->wait(until);
    if (waited != net::IoStatus::ok) {
      const bool late = waited == net::IoStatus::timeout;
      const bool silent = late && until < within;
      if (waited != net::IoStatus::cancelled && may_end_early(!late || silent)) {
        co_return end_early();
      }
      if (silent) co_return fell_silent();
      co_return broken(http::BodyReader::error_of(waited));
    }
    // Not on the frame, which each silent stream has: it is looked at before anybody else runs.
    thread_local std::optional<Result<Piece>> piece;
    piece = piece_now();
    if (piece) co_return *std::exchange(piece, std::nullopt);
  }
}

/// When something is to be heard of the peer, be it a heartbeat.
Clock::time_point AnswerContent::heard_by(Clock::time_point deadline) const {
  if (limits_.silence == ShortMilliseconds::max()) return deadline;
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
    if (!piece) {
      if (may_end_early(true)) return end_early();
      return broken(piece.error());
    }
    if (piece->bytes.empty() && !piece->last) return std::nullopt;
    if (!form_told_) tell_form(piece->bytes);
    done_ = body_done_ = piece->last;
    if (!events_) return plain(*piece);
    auto taken = whole_events(*piece);
    if (!taken) return taken.error();  // there is no room for it
    Piece whole = *taken;
    if (strips_usage_ && reader_.usage_chunk().size > 0) whole = without_usage(whole);
    if (reader_.closed()) done_ = true;
    if (reader_.finished() && reader_.data_now()) ending_by_ = pool_->now() + limits_.ending;
    whole.last = done_ && reader_.complete();
    if (reservation_ && !whole.bytes.empty()) reservation_->see(whole.bytes, whole.events);
    if (!whole.bytes.empty()) return whole;
    if (done_) return ending();
  }
}

/// What it is, by its first bytes: where a stream may come its label is not believed.
void AnswerContent::tell_form(std::string_view bytes) {
  const auto form = dialect::form_of(bytes);
  if (form == dialect::ContentForm::unknown) return;
  form_told_ = true;
  json_ = form == dialect::ContentForm::json;
  if (dialect::generates(reader_.format()) && may_stream_) {
    events_ = form == dialect::ContentForm::events || (events_ && !json_);
  }
}

Piece AnswerContent::plain(const Piece& piece) {
  if (json_ && counts_) reader_.read_document(piece.bytes, piece.last);
  if (reservation_) reservation_->see(piece.bytes, 0);
  return piece;
}

/// The same events without the chunk that only we asked for.
Piece AnswerContent::without_usage(Piece events) {
  const auto [at, size] = reader_.usage_chunk();
  if (std::size_t{at} + size > events.bytes.size()) return events;  // it was cut off
  std::string& joined = aside().joined;
  if (events.bytes.data() == joined.data()) {
    joined.resize(events.bytes.size());
  } else {
    joined.assign(events.bytes);
  }
  joined.erase(at, size);
  return {.bytes = joined, .events = events.events - std::min(events.events, 1u)};
}

/// Cuts `piece` behind its last whole event and keeps the rest for the next one. At the end of the
/// stream the rest goes out only if it completes the answer: half an event helps nobody.
Result<Piece> AnswerContent::whole_events(Piece piece) {
  const std::size_t scanned = std::exchange(scanned_, 0);
  std::size_t whole = scanner_.feed(piece.bytes.substr(scanned));
  std::uint32_t events = scanner_.ended();
  if (whole > 0) whole += scanned;
  const std::size_t held = holds() ? aside_->held.size() : 0;
  if (held + piece.bytes.size() - whole > event_max) whole = piece.bytes.size();
  const bool half = piece.last && (whole < piece.bytes.size() || (whole == 0 && held > 0));
  std::string_view out = piece.bytes.substr(0, half ? piece.bytes.size() : whole);
  std::size_t whole_out = whole;
  if (held > 0 && (whole > 0 || half)) {
    if (whole > 0) whole_out += held;
    aside_->held.append(out);
    aside_->joined = std::exchange(aside_->held, {});
    out = aside_->joined;
  }
  const std::size_t read = reader_.read(out);
  if (reader_.closed()) {  // what stands behind it is nobody's: the connection is drained of it
    out = out.substr(0, read);
    wire::SseScanner answer;
    answer.feed(out);
    return Piece{.bytes = out, .events = answer.ended() + (half && read > whole_out ? 1 : 0)};
  }
  if (half && reader_.complete()) ++events;
  if (half && !reader_.complete()) out = out.substr(0, whole_out);
  if (!piece.last) {
    if (const auto kept = hold_back(piece.bytes.substr(whole)); !kept) return kept.error();
  }
  return Piece{.bytes = out, .events = events};
}

/// Keeps the beginning of an event for the next piece: where it came, or aside.
/// Errors: those of its lease
Result<> AnswerContent::hold_back(std::string_view rest) {
  if (rest.empty()) return {};
  if (!holds() && rest.size() <= taken_back_max && connection_->take_back(rest.size())) {
    scanned_ = static_cast<std::uint32_t>(rest.size());
    return {};
  }
  std::string& held = aside().held;
  const std::size_t size = held.size() + rest.size();
  if (size > held.capacity()) {
    const std::size_t room = std::max(size, 2 * held.capacity());
    if (room > unpaid_max) {
      if (auto paid = aside_->lease.grow_to(room); !paid) return paid;
    }
    held.reserve(room);
  }
  held.append(rest);
  return {};
}

AnswerContent::Aside& AnswerContent::aside() {
  if (!aside_) {
    aside_ = std::make_unique<Aside>();
    aside_->lease = payer_.lease(net::MemoryKind::copy);
  }
  return *aside_;
}

/// Whether what was read so far tells nothing of the answer yet. A body in place of the events may
/// be an error: that is known at its end only.
bool AnswerContent::opens() const {
  if (done_ || (aside_ && aside_->early.size() >= early_max)) return false;
  if (!form_told_) return true;
  return events_ ? !reader_.any_data() : json_;
}

AnswerContent::Opening AnswerContent::opening() const {
  if (events_) {
    return {.error_event = reader_.failed_first(), .empty = !reader_.any_data(), .events = true};
  }
  const bool error = done_ && json_ && read_ahead() && dialect::tells_error(aside_->early);
  return {.error_event = error, .empty = !read_ahead()};
}

Task<Result<AnswerContent::Opening>> AnswerContent::open_events(Clock::time_point patience,
                                                                Clock::time_point deadline) {
  while (opens()) {
    auto piece = co_await read_piece(std::min(patience, deadline));
    if (!piece && piece.error().code == Code::timeout && patience < deadline) {
      // Comments only, or nothing: the client must hear something now.
      co_return Opening{.events = events_};
    }
    if (!piece) {
      if (done_) co_return Opening{.empty = true, .events = events_};
      co_return piece.error();
    }
    aside().early.append(piece->bytes);
    aside_->early_events += piece->events;
  }
  Opening opened = opening();
  // Comments without an end are no event, but no empty stream either.
  if (!done_) opened.empty = false;
  co_return opened;
}

Task<Result<std::optional<std::string>>> AnswerContent::read_whole(std::size_t size_max,
                                                                   Clock::time_point patience) {
  while (!done_ && aside().early.size() <= size_max) {
    auto piece = co_await read_piece(patience);
    if (!piece) co_return piece.error();
    aside().early.append(piece->bytes);
  }
  if (aside().early.size() > size_max) co_return std::nullopt;
  finish();
  co_return std::optional<std::string>(std::exchange(aside().early, {}));
}

}  // namespace hawser::stage::attempt
