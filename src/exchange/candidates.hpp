#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/clock.hpp"

namespace hawser::health {
class TargetHealth;
}

namespace hawser::exchange {

/// Where an exchange may be served: one provider and its name of the model.
struct Target {
  std::string name{};        // "openai/gpt-4o-2024-11-20", for logs and figures
  std::size_t provider = 0;  // index into the providers of the configuration
  std::string provider_name{};
  std::string model{};                     // empty: as the client wrote it
  std::string model_json{};                // the same as a JSON string, ready to stand in the body
  std::string tags{};                      // where it is; the same tags are the same text
  health::TargetHealth* health = nullptr;  // null: its model has no other target
};

/// A second target is asked as well when the first one is late to begin its answer.
struct Hedge {
  milliseconds after{};       // at the earliest
  std::uint32_t percent = 0;  // of the requests, at most
};

/// The targets of an exchange, best first: those of its model, or some of them in another order.
/// Owns no target. Those of a group are as good as each other.
class Candidates {
 public:
  static constexpr std::size_t chosen_max = 64;

  Candidates() = default;
  explicit Candidates(std::span<const Target> all) : all_(all), size_(all.size()) {}
  /// @param order   of indices, best first; each below chosen_max
  /// @param groups  of the same places, ascending
  /// @param chosen  one bit an index
  Candidates(std::span<const Target> all, std::span<const std::uint8_t> order,
             std::span<const std::uint8_t> groups, std::uint64_t chosen)
      : all_(all), order_(new std::uint8_t[2 * chosen_max]) {
    for (std::size_t at = 0; at < order.size(); ++at) {
      if ((chosen >> order[at] & 1) == 0) continue;
      order_[chosen_max + size_] = groups[at];
      order_[size_++] = order[at];
    }
  }
  /// How they are used: a group's in their order, or the faster ones more often.
  void balance(bool by_latency, const Hedge* hedge) {
    by_latency_ = by_latency;
    hedge_ = hedge;
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const Target& operator[](std::size_t i) const { return all_[order_ ? order_[i] : i]; }
  const Target& front() const { return (*this)[0]; }
  /// Passes over the best one; not of none.
  void drop_front() {
    --size_;
    if (order_) {
      for (std::size_t i = 0; i < size_; ++i) {
        order_[i] = order_[i + 1];
        order_[chosen_max + i] = order_[chosen_max + i + 1];
      }
    } else {
      all_ = all_.subspan(1);
    }
  }
  /// Passes over those that `may(i)`, asked in order, does not allow; of the others at most
  /// chosen_max stay.
  template <class May>
  void keep(May may) {
    std::unique_ptr<std::uint8_t[]> order(new std::uint8_t[2 * chosen_max]);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < size_ && i < 256 && kept < chosen_max; ++i) {
      if (!may(i)) continue;
      order[chosen_max + kept] = order_ ? order_[chosen_max + i] : 0;
      order[kept++] = order_ ? order_[i] : static_cast<std::uint8_t>(i);
    }
    order_ = std::move(order);
    size_ = kept;
  }
  /// Lower first.
  std::size_t group(std::size_t i) const {
    if (!by_latency_) return i;
    return order_ ? order_[chosen_max + i] : 0;
  }
  const Hedge* hedge() const { return hedge_; }

 private:
  std::span<const Target> all_{};
  std::size_t size_ = 0;
  bool by_latency_ = false;
  const Hedge* hedge_ = nullptr;
  // Indices of the first size_, and from chosen_max on their groups; null: as they stand, one
  // group.
  std::unique_ptr<std::uint8_t[]> order_{};
};

}  // namespace hawser::exchange
