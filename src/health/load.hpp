#pragma once

#include <utility>

#include "health/target_health.hpp"

namespace hawser::health {

/// One request at one target, as long as it is under way there: counted with what it is likely to
/// take, by its owner, and no longer once that is gone. An empty one counts nowhere.
class Load {
 public:
  Load() = default;
  Load(TargetHealth& target, const HealthConfig& config, std::uint32_t tokens)
      : target_(&target), config_(&config), tokens_(tokens) {
    target_->began(tokens_);
  }
  Load(Load&& other) noexcept
      : target_(std::exchange(other.target_, nullptr)),
        config_(other.config_),
        tokens_(other.tokens_) {}
  Load& operator=(Load&& other) noexcept {
    std::swap(target_, other.target_);
    std::swap(config_, other.config_);
    std::swap(tokens_, other.tokens_);
    return *this;
  }
  ~Load() {
    if (target_ != nullptr) target_->ended(tokens_);
  }

  /// The answer broke off or fell silent in the middle.
  void broke(Clock::time_point now) {
    if (target_ != nullptr) target_->failed(Fault::target, {}, now, *config_);
  }

 private:
  TargetHealth* target_ = nullptr;
  const HealthConfig* config_ = nullptr;
  std::uint32_t tokens_ = 0;
};

}  // namespace hawser::health
