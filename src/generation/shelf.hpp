#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/request_id.hpp"
#include "generation/record.hpp"

namespace hawser::generation {

/// @param parts  each counts with its length, so that no two lists look alike
Fingerprint fingerprint_of(std::span<const std::string_view> parts);

/// The records of one worker, by id. Forgets them when their time is over.
class Shelf {
 public:
  struct Limits {
    milliseconds kept{};  // how long an ended generation can be read
    std::uint32_t detached_per_key_max = 0;
    std::size_t delivered_max = 0;  // logs of this worker that a client got to their end
  };
  Shelf(net::Reactor& reactor, std::uint32_t worker) : reactor_(reactor), worker_(worker) {}

  net::Reactor& reactor() { return reactor_; }
  void configure(const Limits& limits) { limits_ = limits; }
  /// Takes the memory of logs from there, and gives logs of ended generations up where there is no
  /// more. Without it, for tests, nothing bounds them together.
  void account_to(net::WorkerBytes& bytes);
  /// Whether a log of `owner` may begin: its key holds not all that it may.
  Result<> room_for(const Owner& owner);

  /// A new record with an id that names this worker.
  RecordPtr add(Owner owner, dialect::Api api, const Record::Limits& limits);
  RecordPtr find(std::string_view id) const;
  void forget(std::string_view id);
  /// A client got this one to its end; beyond the bound the oldest of such are forgotten at once.
  void keep_delivered(std::string_view id);
  /// This one came to its end: of those that did, the oldest are forgotten where memory is short.
  void keep_ended(const Record::Id& id) { ended_.push_back(id); }
  /// Ends what ran out of its grace, forgets what was kept long enough, and keeps the bounds. To be
  /// called a few times a second.
  void tend(Clock::time_point now);
  /// Ends everything: the worker stops.
  void clear();

  std::size_t size() const { return records_.size(); }
  std::size_t memory() const { return memory_; }
  std::size_t running() const { return running_; }
  std::size_t detached() const { return detached_; }

  static constexpr std::size_t id_size = std::tuple_size_v<Record::Id>;
  /// The worker that an id names.
  static std::optional<std::uint32_t> worker_of(std::string_view id);

 private:
  void keep_bounds();
  net::ByteLease lease_for(const Owner& owner);
  void reclaim(std::uint64_t bytes, const net::KeyBytes* of);

  net::Reactor& reactor_;
  std::uint32_t worker_;
  Limits limits_{};
  IdSource ids_;
  /// By id, which stands in the record.
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view id) const { return std::hash<std::string_view>()(id); }
    std::size_t operator()(const RecordPtr& record) const { return (*this)(record->id()); }
  };
  struct Equal {
    using is_transparent = void;
    static std::string_view id_of(std::string_view id) { return id; }
    static std::string_view id_of(const RecordPtr& record) { return record->id(); }
    bool operator()(const auto& a, const auto& b) const { return id_of(a) == id_of(b); }
  };
  std::unordered_set<RecordPtr, Hash, Equal> records_;
  struct Delivered {
    std::string id{};
    std::size_t memory = 0;
  };
  std::deque<Delivered> delivered_;  // oldest first; some are forgotten already
  std::size_t delivered_memory_ = 0;
  std::deque<Record::Id> ended_;  // oldest first; some are forgotten already
  net::WorkerBytes* bytes_ = nullptr;
  std::size_t memory_ = 0;
  std::size_t running_ = 0;
  std::size_t detached_ = 0;
};

/// What the workers share of generations: where each worker's shelf is, and which requests may be
/// taken up again.
class Directory {
 public:
  explicit Directory(std::uint32_t workers) : shelves_(workers) {}
  std::size_t workers() const { return shelves_.size(); }
  /// Before any worker runs.
  void place(std::uint32_t worker, Shelf& shelf) { shelves_[worker] = &shelf; }
  /// Null: no such worker.
  Shelf* shelf(std::uint32_t worker) const {
    return worker < shelves_.size() ? shelves_[worker] : nullptr;
  }

  /// Makes a request findable: by whoever repeats it.
  /// @param body   what its body is known by, where the fingerprint is of a name only; else 0
  /// @param begun  a client got a part of the answer: then only who says that he repeats it finds
  /// it
  void offer(const Fingerprint& fingerprint, std::string_view id, Clock::time_point until,
             std::uint64_t body, bool begun);
  /// Makes it findable unless another one is already: then it gives that one's id. Of those who ask
  /// at the same time, one leads.
  std::optional<std::string> claim(const Fingerprint& fingerprint, std::string_view id,
                                   Clock::time_point until, std::uint64_t body = 0);
  /// Whether what is found by this was asked with another body: its name is taken.
  bool has_other_body(const Fingerprint& fingerprint, std::uint64_t body);
  /// Whether anything is on offer at all: else nobody need compute a fingerprint.
  bool empty() const { return count_.load(std::memory_order_relaxed) == 0; }
  /// @param once     who takes it is the only one
  /// @param repeats  who asks says that he repeats a request
  std::optional<std::string> take(const Fingerprint& fingerprint, bool once, bool repeats);
  /// @param until  one whose request bears a name of its own is found until then
  void withdraw(const Fingerprint& fingerprint, std::string_view id, Clock::time_point until);
  /// The request bears a name of its own (Idempotency-Key): who repeats it behind its end, for what
  /// was written may be lost on its way, gets the same answer while that is kept.
  void keep_named(const Fingerprint& fingerprint, std::string_view id);
  /// It is found no more.
  void forget(const Fingerprint& fingerprint, std::string_view id);

  /// Another name of a generation, such as the id of its response, as long as it is kept.
  void name(const Fingerprint& name, std::string_view id);
  std::optional<std::string> named(const Fingerprint& name);
  void unname(const Fingerprint& name);
  void tend(Clock::time_point now);

 private:
  struct Hash {
    std::size_t operator()(const Fingerprint& fingerprint) const;
  };
  struct Offer {
    std::string id{};
    Clock::time_point until{};
    std::uint64_t body = 0;
    bool named = false;
    bool begun = false;
  };
  Offer* find(const Fingerprint& fingerprint, std::string_view id);
  std::vector<Shelf*> shelves_;
  std::mutex mutex_;  // of offers_ and names_; held for one lookup
  std::unordered_map<Fingerprint, Offer, Hash> offers_;
  std::unordered_map<Fingerprint, std::string, Hash> names_;
  std::atomic<std::size_t> count_{0};
};

}  // namespace hawser::generation
