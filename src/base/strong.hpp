#pragma once

#include <compare>
#include <cstdint>

namespace hawser {

/// A number with a meaning. Two tags never mix, and nothing converts by accident.
template <class Tag, class Rep>
class Strong {
 public:
  constexpr Strong() = default;
  constexpr explicit Strong(Rep value) : value_(value) {}

  constexpr Rep count() const { return value_; }
  auto operator<=>(const Strong&) const = default;

  constexpr Strong& operator+=(Strong other) {
    value_ += other.value_;
    return *this;
  }
  constexpr Strong& operator-=(Strong other) {
    value_ -= other.value_;
    return *this;
  }
  friend constexpr Strong operator+(Strong a, Strong b) { return a += b; }
  friend constexpr Strong operator-(Strong a, Strong b) { return a -= b; }

 private:
  Rep value_{};
};

using Bytes = Strong<struct BytesTag, std::uint64_t>;
using Tokens = Strong<struct TokensTag, std::int64_t>;  // may go below 0 while a lease settles

}  // namespace hawser
