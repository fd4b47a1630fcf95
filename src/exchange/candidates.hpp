#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace hawser::exchange {

/// Where an exchange may be served: one provider and its name of the model.
struct Target {
  std::string name{};        // "openai/gpt-4o-2024-11-20", for logs and figures
  std::size_t provider = 0;  // index into the providers of the configuration
  std::string provider_name{};
  std::string model{};       // empty: as the client wrote it
  std::string model_json{};  // the same as a JSON string, ready to stand in the body
  std::string tags{};        // where it is; the same tags are the same text
};

/// The targets of an exchange, best first: those of its model, or some of them in another order.
/// Owns no target.
class Candidates {
 public:
  static constexpr std::size_t chosen_max = 64;

  Candidates() = default;
  explicit Candidates(std::span<const Target> all) : all_(all), size_(all.size()) {}
  /// @param order   of indices, best first; each below chosen_max
  /// @param chosen  one bit an index
  Candidates(std::span<const Target> all, std::span<const std::uint8_t> order, std::uint64_t chosen)
      : all_(all), order_(new std::uint8_t[chosen_max]) {
    for (const std::uint8_t index : order) {
      if ((chosen >> index & 1) != 0) order_[size_++] = index;
    }
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const Target& operator[](std::size_t i) const { return all_[order_ ? order_[i] : i]; }
  const Target& front() const { return (*this)[0]; }
  /// Passes over the best one; not of none.
  void drop_front() {
    --size_;
    if (order_) {
      for (std::size_t i = 0; i < size_; ++i) order_[i] = order_[i + 1];
    } else {
      all_ = all_.subspan(1);
    }
  }

 private:
  std::span<const Target> all_{};
  std::size_t size_ = 0;
  std::unique_ptr<std::uint8_t[]> order_{};  // of the first size_; null: as they stand
};

}  // namespace hawser::exchange
