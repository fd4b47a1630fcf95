#pragma once

#include <cstddef>
#include <cstdint>

namespace hawser::policy {

/// Where what a request carries may go, beside its targets: one bit a place.
class Grants {
 public:
  enum Place : std::uint8_t { memory_cache, disk_cache, embedding, resume_log, telemetry_body };
  static constexpr std::size_t places = 5;
  static constexpr std::size_t guards_max = 64 - places;

  Grants() = default;
  explicit Grants(std::uint64_t bits) : bits_(bits) {}

  bool allow(Place place) const { return (bits_ >> place & 1) != 0; }
  /// @param index  of the guard in the configuration
  bool allow_guard(std::size_t index) const {
    return index >= guards_max || (bits_ >> (places + index) & 1) != 0;
  }
  std::uint64_t bits() const { return bits_; }

 private:
  std::uint64_t bits_ = ~std::uint64_t{0};
};

}  // namespace hawser::policy
