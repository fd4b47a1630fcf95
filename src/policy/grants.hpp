#pragma once

#include <cstddef>
#include <cstdint>

namespace hawser::policy {

/// Where what a request carries may go, beside its targets: one bit a place. Without a decision it
/// may go nowhere.
class Grants {
 public:
  enum Place : std::uint8_t { memory_cache, disk_cache, embedding, resume_log, telemetry_body };
  static constexpr std::size_t places = 5;
  static constexpr std::size_t guards_max = 64 - places;

  Grants() = default;
  explicit Grants(std::uint64_t bits) : bits_(bits) {}
  /// Of what no rule concerns.
  static Grants all() { return Grants(~std::uint64_t{0}); }

  bool allow(Place place) const { return (bits_ >> place & 1) != 0; }
  /// @param index  of the guard in the configuration
  bool allow_guard(std::size_t index) const {
    return index >= guards_max || (bits_ >> (places + index) & 1) != 0;
  }
  std::uint64_t bits() const { return bits_; }

 private:
  std::uint64_t bits_ = 0;
};

}  // namespace hawser::policy
