#pragma once

#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "dialect/usage.hpp"
#include "generation/log.hpp"
#include "net/reactor.hpp"

namespace hawser::generation {

/// Some events in a row; views live until the next call of the reader.
struct Batch {
  EventRun run{};  // count 0: none
  bool last = false;
  bool more = false;  // the next call gives more without waiting
};

/// A cursor into a generation. Transports are encoders over it.
class Reader {
 public:
  virtual ~Reader() = default;

  /// What is there; without events and not the last: nothing yet, wait() first.
  /// Errors: how the generation failed; cancelled when somebody stopped it.
  virtual Result<Batch> next() = 0;
  /// Until there may be something, or `patience` is over.
  net::Waiter::Wait wait(Clock::time_point patience) { return waiter().wait(patience); }

  virtual std::string_view id() const = 0;
  virtual std::uint32_t epoch() const = 0;
  virtual dialect::Usage usage() const = 0;
  /// Whether what was read is all of the answer, though its stream may go on for a moment.
  virtual bool has_answer() const { return false; }
  /// The transport wrote the last batch.
  virtual void delivered() = 0;
  /// Its owner wants no more of it: stops the generation, unless others read it too.
  virtual void cancel_generation() = 0;
  /// @param next  what is touched when it reads something; outlives the reading. Null: nothing
  virtual void lead_to(const net::Companion* next) { (void)next; }
  /// What wait() waits with.
  virtual net::Waiter& waiter() = 0;
};

}  // namespace hawser::generation
