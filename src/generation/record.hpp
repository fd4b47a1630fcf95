#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/lazy.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "dialect/api.hpp"
#include "dialect/usage.hpp"
#include "generation/generation.hpp"
#include "generation/log.hpp"
#include "generation/reader.hpp"
#include "generation/rules.hpp"
#include "net/cancellation.hpp"

namespace hawser::generation {

enum class State : std::uint8_t { running, detached, done, failed, cancelled, expired };
std::string_view name_of(State state);

/// Who may come back to a generation.
struct Owner {
  std::string tenant{};
  /// The key's name; where others may read it too, these stand behind it: most generations are
  /// their owner's alone and hold nothing for it.
  std::string key{};

  bool is(const Owner& other) const;
  /// @param team  of `other`, who comes back
  bool admits(const Owner& other, std::string_view team) const;
  void share(Sharing sharing, std::string_view team);
};

/// Under what an answer was made. It is given only to who may still get it so.
struct Terms {
  /// What it had to pass: filters, guards, residency. Others let other things pass.
  std::uint64_t rules = 0;
  std::string model{};  // as its client named it
};

class LocalReader;
class Directory;
class Shelf;

/// What a request looks like, for finding the same one again: SHA-256 under a key of this process.
using Fingerprint = std::array<unsigned char, 32>;

/// A generation and its life: the log, who reads it, and what becomes of it when nobody does. Lives
/// on the worker that began it; held by its writer, its readers and the worker's shelf.
class Record final : public net::Companion {
 public:
  struct Limits {
    milliseconds grace{};     // how long it runs on without a reader
    std::size_t log_max = 0;  // beyond it the oldest events go, and waiting for readers begins
    std::uint64_t detached_max = 0;  // events that it may make without a reader
    bool finish = false;             // without a reader: to its end, however long
    bool cancel = false;             // without a reader: stop at once
  };
  /// As its shelf makes it: its worker, and what nobody guesses.
  using Id = std::array<char, 2 + 2 + 26>;
  /// @param lease  of the memory of its log
  Record(const Id& id, Owner owner, dialect::Api api, const Limits& limits,
         net::ByteLease lease = {});
  Record(const Record&) = delete;
  Record& operator=(const Record&) = delete;
  ~Record();

  std::string_view id() const { return {id_.data(), id_.size()}; }
  const Owner& owner() const { return owner_; }
  const Terms& terms() const { return terms_; }
  void made_under(Terms terms) { terms_ = std::move(terms); }
  dialect::Api api() const { return api_; }
  State state() const { return state_; }
  bool ended() const { return state_ > State::detached; }
  /// Set once, by the writer, before the first event.
  const std::optional<AnswerHead>& head() const { return head_; }
  const Log& log() const { return log_; }
  /// Null unless it ended badly.
  const Error* error() const { return error_.get(); }
  const dialect::Usage& usage() const { return usage_.get(); }
  std::uint32_t epoch() const { return 1; }
  /// What was read of its log to tell its status; a look goes on where the one before ended.
  struct Digest {
    std::uint64_t next = 0;  // seq of the first event that was not read
    std::string text{};
    std::string response{};  // the last one that an event carried whole: JSON
  };
  /// Reads on, a bounded part of the log. @return whether all of it is read
  bool digest();
  const Digest& digested() const { return *digest_; }
  /// Whether a reader got the end.
  bool delivered() const { return delivered_; }
  /// When it stops or is forgotten, unless a reader comes.
  Clock::time_point deadline() const { return deadline_; }
  Clock::time_point ended_at() const { return ended_at_; }
  const Limits& limits() const { return limits_; }

  /// Lets those find it who repeat its request, while nobody reads.
  /// @param body  what its body is known by, where `by` is of a name only; else 0
  void be_found(Directory& directory, const Fingerprint& by, std::uint64_t body = 0);
  /// Another name to be asked for by, as long as it is kept.
  void be_named(Directory& directory, const Fingerprint& name);
  /// From now on, whether somebody reads or not. @return the id of one that is found already
  std::optional<std::string> lead();

  // --- the writer's side
  void begin(AnswerHead head);
  /// @param bytes   whole events of an event stream, or any run of another content
  /// @param events  how many; 0: not known
  /// @param finishes  the answer is all there with them, though its stream may go on for a moment
  void append(std::string_view bytes, std::uint32_t events, bool finishes = false);
  void end(State state, const Error* error, const dialect::Usage& usage);
  /// Whether the log is full of what a reader has not taken yet: the writer waits for room.
  bool full();
  /// The record, where it is appended to, and the first reader, with who waits for it.
  void prefetch(int turns) const override;
  /// What cancel() ends: the writer's wait.
  /// @param stopped  has a cancel(); it is there until it has ended, or the record is told of
  /// another
  template <class Stopped>
  void on_cancel(Stopped& stopped) {
    stop_ = {[](void* of) { static_cast<Stopped*>(of)->cancel(); }, &stopped};
  }
  /// It is there no longer.
  void forget(const void* stopped) {
    if (stop_.of == stopped) stop_ = {};
  }
  net::Waiter* room = nullptr;   // of a writer that waits for readers
  const void* writer = nullptr;  // the writer's memory: asked for ahead

  // --- everybody's
  /// Stops the writer; readers are told `state`.
  void cancel(State state);
  /// Nobody came to read, or nobody will: the grace begins.
  void detach_unless_read();

 private:
  friend class LocalReader;
  friend class Shelf;
  void deliver();
  void wake_readers();
  void attach(LocalReader& reader);
  void detach(LocalReader& reader);
  std::uint64_t trim();
  /// Its own limit, or the memory that all logs, or those of its key, may hold.
  bool over_limits() const { return log_.memory() > limits_.log_max || log_.short_of_memory(); }
  void detach();
  void offer();
  void withdraw();

  // What each event touches stands together.
  State state_ = State::running;
  bool event_stream_ = false;
  bool delivered_ = false;
  bool begun_ = false;  // a reader took an event
  dialect::Api api_;
  LocalReader* readers_ = nullptr;
  Log log_;
  std::uint64_t finished_at_ = ~0ull;  // seq of the event behind the answer's end
  std::uint64_t detached_since_ = 0;   // seq of the next event when the last reader went
  Limits limits_;

  Id id_;
  Owner owner_;
  Terms terms_;
  std::optional<AnswerHead> head_{};
  std::unique_ptr<Error> error_{};
  Lazy<dialect::Usage> usage_{};  // told at the end
  Shelf* shelf_ = nullptr;
  Clock::time_point deadline_ = Clock::time_point::max();
  Clock::time_point ended_at_ = Clock::time_point::max();
  struct Stop {
    void (*cancel)(void* of) = nullptr;
    void* of = nullptr;
  } stop_{};
  Directory* directory_ = nullptr;
  Fingerprint found_by_{};
  std::uint64_t body_ = 0;
  std::unique_ptr<Fingerprint> name_{};
  std::unique_ptr<Digest> digest_{};  // of those whose status was asked for
};
using RecordPtr = std::shared_ptr<Record>;

/// A reader on the worker of its generation.
class LocalReader final : public Reader {
 public:
  /// @param from  log().first() <= from <= log().next()
  LocalReader(net::Reactor& reactor, RecordPtr record, std::uint64_t from);
  ~LocalReader() override;

  Result<Batch> next() override;
  std::string_view id() const override { return record_->id(); }
  std::uint32_t epoch() const override { return record_->epoch(); }
  dialect::Usage usage() const override { return record_->usage(); }
  net::Waiter& waiter() override { return waiter_; }
  void delivered() override { record_->deliver(); }
  bool has_answer() const override { return position_.seq >= record_->finished_at_; }
  void cancel_generation() override;
  void lead_to(const net::Companion* next) override { leads_to_ = next; }

  /// Waits until the head is known or the generation ended without one.
  Task<Result<>> wait_for_head(Clock::time_point deadline);

 private:
  friend class Record;
  bool has_news() const;

  RecordPtr record_;
  net::Waiter waiter_;
  Log::Position position_;
  std::uint64_t held_ = 0;  // first event whose view may still be in use
  bool head_only_ = false;  // waits for the head
  const net::Companion* leads_to_ = nullptr;
  LocalReader* next_ = nullptr;
  LocalReader* previous_ = nullptr;
};

}  // namespace hawser::generation
