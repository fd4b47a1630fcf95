#pragma once

#include <cstddef>
#include <cstdint>

namespace hawser::filter {

/// Follows a PEM block behind its opening line to the end of its closing one: RFC 7468, also as it
/// stands quoted in code and in one line. Gives up where prose goes on.
class PemTail {
 public:
  static constexpr std::size_t size_max = 16'384;

  enum class Step : std::uint8_t {
    inside,   // the byte belongs to the block
    last,     // and is its last
    outside,  // it does not belong to it
  };
  Step take(char c);

 private:
  bool close(char c);
  bool is_prose(char c);

  std::uint16_t size_ = 0;
  std::uint8_t dashes_ = 0;       // in a row, at most 5
  std::uint8_t matched_ = 0;      // of "END "
  bool closing_ = false;          // behind "-----END "
  std::uint8_t word_ = 0;         // bytes since the last blank, at most 255
  std::uint8_t short_words_ = 0;  // in a row
};

}  // namespace hawser::filter
