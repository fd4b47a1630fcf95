#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "dialect/usage.hpp"
#include "generation/log.hpp"
#include "net/reactor.hpp"

namespace hawser::generation {

/// Some events in a row; views live until the next read.
struct Batch {
  std::span<const Event> events{};
  bool last = false;
};

/// A cursor into a generation. Transports are encoders over it.
class Reader {
 public:
  static constexpr std::size_t batch_bytes_max = 64 * 1024;
  virtual ~Reader() = default;

  /// The next events, as soon as there is one; an empty batch that is not the last: `patience` is
  /// over.
  /// Errors: how the generation failed; cancelled when somebody stopped it or this wait.
  virtual Task<Result<Batch>> read(Clock::time_point patience) = 0;

  virtual const std::string& id() const = 0;
  virtual std::uint32_t epoch() const = 0;
  virtual dialect::Usage usage() const = 0;
  /// The transport wrote the last batch.
  virtual void delivered() = 0;
  /// What ends a read under way.
  virtual net::Waiter& waiter() = 0;
};

}  // namespace hawser::generation
