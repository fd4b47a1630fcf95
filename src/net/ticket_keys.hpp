#pragma once

#include <array>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.hpp"

namespace hawser::net {

/// The keys of one listener's session tickets: shared by its workers and by every configuration
/// that follows, so that a reload does not cost each client a full handshake. A key encrypts for
/// one period and is honoured for two more; then what it sealed is out of anybody's reach.
/// Thread-safe; the lock is short and taken by handshakes only.
class TicketKeys {
 public:
  struct Key {
    Key() = default;
    Key(const Key&) = default;
    Key& operator=(const Key&) = default;
    ~Key();  // wipes

    std::array<unsigned char, 16> name{};
    std::array<unsigned char, 32> cipher{};
    std::array<unsigned char, 32> mac{};
    Clock::time_point made{};
  };

  void rotate_every(milliseconds period);
  /// Wipes those that have served, even where nobody asks for one.
  void tend(Clock::time_point now);
  /// The one that encrypts; a new one when it has served its period.
  Key current(Clock::time_point now);
  /// The one of that name, while it is honoured.
  std::optional<Key> find(std::span<const unsigned char, 16> name, Clock::time_point now);

 private:
  void rotate(Clock::time_point now);

  std::mutex mutex_;
  milliseconds period_{12h};
  std::vector<Key> keys_;  // the newest last
};

}  // namespace hawser::net
