#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "generation/shelf.hpp"

namespace hawser::generation {

/// What a client asks when it comes back.
struct Ticket {
  std::string id{};
  Owner owner{};
  std::string team{};
  std::uint64_t rules = 0;            // that are in force, as Terms has them
  std::vector<std::string> models{};  // that who asks may use, or patterns of them; empty: all
  std::uint64_t from = 0;             // seq of the first event that it lacks
  /// In place of `from`: the sequence_number of the last event that it has.
  std::optional<std::uint64_t> after_number{};
};

/// What is known of a generation at one moment.
struct Status {
  std::string id{};
  State state = State::running;
  std::uint32_t epoch = 1;
  std::uint64_t events = 0;  // seq of the event to come
  dialect::Usage usage{};
  std::string text{};      // so far
  std::string response{};  // the last one that an event of the Responses API carried whole: JSON
  std::optional<Code> error{};
};

/// The generations of all workers, as one of them sees them. What lives elsewhere is asked by posts
/// between the two reactors; nothing is locked.
class Generations {
 public:
  Generations(const Directory& directory, Shelf& own) : directory_(directory), own_(own) {}

  /// An answer that begins at the ticket's place, once the generation has a head.
  /// Errors: not_found with status 410 (unknown, forgotten, somebody else's, or that part of the
  /// log is gone), permission (its model is not one of the ticket's), invalid_request (ahead of the
  /// log; with status 409, it was made under other rules), and how the generation failed.
  Task<Result<GenerationPtr>> open(Ticket ticket, net::Cancellation& cancellation,
                                   Clock::time_point deadline);
  Task<Result<Status>> status(const Ticket& ticket);
  /// Stops it, whether or not who asks may still read what it has.
  Task<Result<Status>> cancel(const Ticket& ticket);

 private:
  /// On the thread of a generation; nothing: more is to be read first.
  using Look = std::function<Result<std::optional<Status>>()>;
  Task<Result<Status>> ask_status(Shelf& home, Look look);
  Shelf* home_of(const Ticket& ticket) const;

  const Directory& directory_;
  Shelf& own_;
};

}  // namespace hawser::generation
