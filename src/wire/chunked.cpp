// The chunked transfer coding (RFC 9112, 7.1).
#include <algorithm>

#include "wire/characters.hpp"
#include "wire/http1.hpp"

namespace hawser::wire {

namespace {
constexpr std::uint32_t line_max = 8 * 1024;

unsigned hex_value(char c) {
  if (c <= '9') return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>(lower(c) - 'a') + 10;
}
}  // namespace

ChunkDecoder::Phase ChunkDecoder::after_size(char c) {
  if (c == '\r') return Phase::size_lf;
  if (c == ';') return Phase::extension_first;
  return Phase::broken;
}

ChunkDecoder::Phase ChunkDecoder::next_phase(char c) {
  switch (phase_) {
    case Phase::size_first:
      left_ = 0;
      line_ = 0;
      if (!is(hex, c)) return Phase::broken;
      left_ = hex_value(c);
      return Phase::size;
    case Phase::size:
      if (!is(hex, c)) return after_size(c);
      if (left_ >> 59 != 0) return Phase::broken;  // a chunk of that size cannot be meant
      left_ = left_ * 16 + hex_value(c);
      return ++line_ < 16 ? Phase::size : Phase::broken;
    case Phase::extension_first:
      return is(token, c) ? Phase::extension : Phase::broken;
    case Phase::extension:
      if (c == '\r') return Phase::size_lf;
      return is(value, c) && ++line_ < line_max ? Phase::extension : Phase::broken;
    case Phase::size_lf:
      if (c != '\n') return Phase::broken;
      return left_ == 0 ? Phase::trailer_start : Phase::data;
    case Phase::data_cr:
      return c == '\r' ? Phase::data_lf : Phase::broken;
    case Phase::data_lf:
      return c == '\n' ? Phase::size_first : Phase::broken;
    case Phase::trailer_start:
      if (c == '\r') return Phase::end_lf;
      return is(token, c) ? Phase::trailer_name : Phase::broken;
    case Phase::trailer_name:
      if (++line_ >= line_max) return Phase::broken;
      if (c == ':') return Phase::trailer;
      return is(token, c) ? Phase::trailer_name : Phase::broken;
    case Phase::trailer:
      if (++line_ >= line_max) return Phase::broken;
      if (c == '\r') return Phase::trailer_lf;
      return is(value, c) ? Phase::trailer : Phase::broken;
    case Phase::trailer_lf:
      return c == '\n' ? Phase::trailer_start : Phase::broken;
    case Phase::end_lf:
      return c == '\n' ? Phase::done : Phase::broken;
    case Phase::data:
    case Phase::done:
    case Phase::broken:
      break;
  }
  return Phase::broken;
}

/// The usual way from one chunk to the next, "\r\n" and a short size without extension, in one go.
/// @return bytes that it took; 0: not that way, the grammar goes byte by byte
std::size_t ChunkDecoder::skip_to_data(std::string_view bytes) {
  std::size_t at = 0;
  if (phase_ == Phase::data_cr && bytes.starts_with("\r\n")) at = 2;
  if (at == 0 && phase_ != Phase::size_first) return 0;
  std::uint64_t size = 0;
  std::size_t digits = at;
  for (; digits < bytes.size() && digits < at + 7 && is(hex, bytes[digits]); ++digits) {
    size = size * 16 + hex_value(bytes[digits]);
  }
  if (digits == at || size == 0 || !bytes.substr(digits).starts_with("\r\n")) return 0;
  left_ = size;
  line_ = 0;
  phase_ = Phase::data;
  return digits + 2;
}

ChunkDecoder::Step ChunkDecoder::feed(std::string_view bytes) {
  Step step;
  step.consumed = skip_to_data(bytes);
  while (step.consumed < bytes.size() && phase_ != Phase::done && phase_ != Phase::broken) {
    if (phase_ == Phase::data) {
      const auto there = bytes.size() - step.consumed;
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, there));
      step.data = bytes.substr(step.consumed, size);
      step.consumed += size;
      left_ -= size;
      if (left_ == 0) phase_ = Phase::data_cr;
      break;
    }
    phase_ = next_phase(bytes[step.consumed++]);
  }
  if (phase_ == Phase::done) step.state = State::done;
  if (phase_ == Phase::broken) step.state = State::malformed;
  return step;
}

std::size_t write_chunk_head(char* out, std::size_t size) {
  char digits[16];
  std::size_t count = 0;
  do {
    digits[count++] = "0123456789abcdef"[size & 15];
    size >>= 4;
  } while (size != 0);
  for (std::size_t i = 0; i < count; ++i) out[i] = digits[count - 1 - i];
  out[count] = '\r';
  out[count + 1] = '\n';
  return count + 2;
}

}  // namespace hawser::wire
