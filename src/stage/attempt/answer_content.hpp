#pragma once

#include <memory>
#include <string>

#include "dialect/stream_reader.hpp"
#include "exchange/exchange.hpp"
#include "generation/generation.hpp"
#include "health/load.hpp"
#include "http/upstream.hpp"
#include "net/byte_budget.hpp"
#include "stage/attempt/deadlines.hpp"
#include "wire/sse.hpp"

namespace hawser::stage::attempt {

class Continuation;

/// The content of a provider's answer as it comes in. Owns the connection: whole and kept alive, it
/// goes back to its pool; dropped in the middle, it is closed, which cancels the call there.
///
/// Of an event stream it gives whole events only: a stream that breaks can then still be ended by
/// an error event, and its bytes are those of the provider.
class AnswerContent final : public net::Companion, public generation::Content {
 public:
  struct Limits {
    Deadline stall{};
    Due whole{};
    ShortMilliseconds ending{};  // from the end of the answer to that of its stream
    /// Of the connection: another gateway promised to be heard from in between.
    ShortMilliseconds silence = ShortMilliseconds::max();
    /// Another gateway keeps it: what is lost of it behind its finish is asked for again.
    bool kept_there = false;
  };
  /// What is expected of it.
  struct Expected {
    dialect::AnswerFormat format = dialect::AnswerFormat::other;
    bool events = false;        // by its label
    bool streams = false;       // what was asked for: then its first bytes tell, not its label
    bool counts = true;         // its usage is that of this exchange
    bool strips_usage = false;  // its client did not ask for the chunk of usage
    std::uint32_t choices = 1;
  };
  /// @param payer  of what it must hold of a long event: its client
  AnswerContent(std::shared_ptr<http::OriginPool> pool, http::UpstreamPtr connection,
                const Expected& expected, const Limits& limits, net::ByteLease::Origin payer);
  ~AnswerContent() override;

  /// Errors: connection (broken, or ended without its terminal event), timeout, cancelled,
  /// upstream, rate_limit and overloaded (no room for an event)
  Task<Result<net::Piece>> next() override;
  dialect::Usage usage() const override;
  bool spliced() const override;
  bool finished() const override {
    return !continuation_ && events_ && reader_.finished() && !read_ahead();
  }
  void lead_to(const net::Companion* next) override;
  void prefetch(int turns) const override;
  void cancel() override;

  /// What the call has taken of its limits; told what it used, at the end also by its own death.
  void hold(std::unique_ptr<exchange::Reservation> reservation) {
    reservation_ = std::move(reservation);
    if (read_ahead()) reservation_->see(aside_->early, aside_->early_events);
  }

  /// Counts it at its target until it is over.
  void count_as(health::Load load) { load_ = std::move(load); }
  /// Ends a next() under way, and all later ones, when the client is gone.
  void be_cancelled_by(net::Cancellation& cancellation) {
    if (connection_) cancellation.bind_answer(connection_->waiter());
  }

  /// From here on a break is not the end.
  void continue_by(std::unique_ptr<Continuation> continuation);

  /// Where a stream may come: reads until the first event with data is there, so that error events
  /// and empty streams can be told before anything goes to the client; next() gives what was read.
  /// Without such an event it stops at `patience`, as a success, or at `deadline`, as a timeout,
  /// whichever is earlier.
  struct Opening {
    bool error_event = false;
    bool empty = false;
    bool events = false;  // it is a stream, whatever its label
  };
  Task<Result<Opening>> open_events(Clock::time_point patience, Clock::time_point deadline);

  /// What open_events() read, which next() gives.
  std::string& read_ahead_text() { return aside().early; }

  /// Reads the whole content if it is at most `size_max`; nothing when it is longer: then next()
  /// gives it from the start.
  Task<Result<std::optional<std::string>>> read_whole(std::size_t size_max,
                                                      Clock::time_point patience);
  /// Behind read_whole(): next() gives this.
  void give_again(std::string text) { aside().early = std::move(text); }

 private:
  Task<Result<net::Piece>> next_of_this();
  Task<Result<net::Piece>> next_continued();
  Task<bool> begin_continuation();
  Result<net::Piece> without_rest(Result<net::Piece> broken, bool finished);
  Task<bool> begin_call(exchange::NotesPtr notes);
  Task<Result<net::Piece>> next_at_hand();
  Task<Result<net::Piece>> read_piece(Clock::time_point deadline);
  Task<Result<net::Piece>> wait_for_piece(Clock::time_point deadline);
  Clock::time_point heard_by(Clock::time_point deadline) const;
  Error fell_silent();
  Clock::time_point patience() const;
  void tell_form(std::string_view bytes);
  net::Piece plain(const net::Piece& piece);
  net::Piece without_usage(net::Piece events);
  bool opens() const;
  Opening opening() const;
  std::optional<Result<net::Piece>> piece_now();
  Result<net::Piece> whole_events(net::Piece piece);
  Result<> hold_back(std::string_view rest);
  Result<net::Piece> ending() const;
  bool may_end_early(bool broke) const;
  Result<net::Piece> end_early();
  exchange::Told told_here() const;
  exchange::Told told() const;
  Error broken(const Error& error);
  void finish();

  /// Bytes that do not stand where they came. A stream that is silent has none.
  struct Aside {
    std::string early{};  // read ahead of the first next(): bounded
    std::uint32_t early_events = 0;
    std::string held{};  // the beginning of an event whose end has not come, where it is long
    std::string joined{};
    net::ByteLease lease{};
  };
  Aside& aside();
  bool read_ahead() const { return aside_ && !aside_->early.empty(); }
  bool holds() const { return aside_ && !aside_->held.empty(); }

  const net::Companion* next_ = nullptr;
  std::unique_ptr<Continuation> continuation_;
  std::unique_ptr<exchange::Reservation> reservation_;
  std::shared_ptr<http::OriginPool> pool_;
  http::UpstreamPtr connection_;
  wire::SseScanner scanner_;
  dialect::StreamReader reader_;
  bool events_;
  bool form_told_;  // by its first bytes
  bool may_stream_;
  bool json_ = false;
  bool counts_;
  bool strips_usage_;
  bool done_ = false;       // no more of it comes
  bool body_done_ = false;  // no more comes behind it either: the connection is free
  Limits limits_;
  Clock::time_point ending_by_ = Clock::time_point::max();
  health::Load load_{};
  std::uint32_t scanned_ = 0;  // bytes at the front of the next piece: they were taken back
  std::unique_ptr<Aside> aside_{};
  net::ByteLease::Origin payer_;
};

}  // namespace hawser::stage::attempt
