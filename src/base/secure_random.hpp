#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace hawser {

/// Random numbers that nobody can predict, whatever they saw of earlier ones: bytes of the kernel's
/// generator (getrandom), fetched a buffer at a time. Everything whose knowledge grants access (the
/// id of a generation, an idempotency name) must come from here, never from a <random> engine: the
/// outputs of those are a linear function of their seed. One a thread; not thread-safe.
/// Satisfies std::uniform_random_bit_generator.
class SecureRandom {
 public:
  using result_type = std::uint64_t;
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~result_type{0}; }

  /// @throws std::runtime_error when the kernel has no random bytes
  result_type operator()() {
    if (at_ == buffer_.size()) fill();
    result_type number = 0;
    std::memcpy(&number, buffer_.data() + at_, sizeof number);
    std::memset(buffer_.data() + at_, 0, sizeof number);  // a memory leak later tells nothing
    at_ += sizeof number;
    return number;
  }

 private:
  void fill();

  std::array<unsigned char, 256> buffer_{};
  std::size_t at_ = buffer_.size();
};

}  // namespace hawser
