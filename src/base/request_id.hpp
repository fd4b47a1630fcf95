#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/secure_random.hpp"

namespace hawser {

/// Makes ids such as "req_0g8k...": 128 random bits in Crockford's base 32. The id of a generation
/// is a capability where several users share a key, so no id can be computed from others. One a
/// worker.
class IdSource {
 public:
  static constexpr std::size_t size = 4 + 26;
  /// The next id; the view lives until the call after it.
  std::string_view next() {
    static constexpr char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    std::uint64_t high = random_(), low = random_();
    for (std::size_t i = 0; i < 13; ++i, high >>= 5, low >>= 5) {
      text_[4 + i] = digits[high & 31];
      text_[17 + i] = digits[low & 31];
    }
    return {text_.data(), size};
  }

 private:
  SecureRandom random_;
  std::array<char, size> text_{'r', 'e', 'q', '_'};
};

/// Whether a client's own id may be taken over: 1 to 128 of [A-Za-z0-9._:-].
bool valid_request_id(std::string_view id);

}  // namespace hawser
