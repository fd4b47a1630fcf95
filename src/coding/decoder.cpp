#include "coding/decoder.hpp"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <new>
#include <utility>
#include <variant>

namespace hawser::coding {
namespace {

constexpr int zstd_window_log_max = 23;  // 8 MiB: RFC 9659, 3

/// What one call of a library did.
struct Outcome {
  std::size_t consumed = 0;
  std::size_t written = 0;
  bool broken = false;
};

/// gzip (RFC 1952), of one member or several, and deflate (RFC 1950). Some send deflate without
/// the wrapper that it has (RFC 9110, 8.4.1.2): the first two bytes tell them apart.
class Inflate {
 public:
  explicit Inflate(bool gzip) : gzip_(gzip) {}
  ~Inflate() {
    if (begun_) inflateEnd(&stream_);
  }
  Inflate(const Inflate&) = delete;
  Inflate& operator=(const Inflate&) = delete;

  Outcome step(std::string_view in, std::span<char> out) {
    const std::size_t taken = begun_ ? 0 : begin(in);
    if (!begun_) return {.consumed = taken};
    in.remove_prefix(taken);
    Outcome head;
    if (head_at_ < sizeof head_) {
      head = inflate_some({head_ + head_at_, sizeof head_ - head_at_}, out);
      head_at_ += head.consumed;
      if (head.broken || head_at_ < sizeof head_) {
        return {.consumed = taken, .written = head.written, .broken = head.broken};
      }
    }
    const Outcome rest = inflate_some(in, out.subspan(head.written));
    return {.consumed = taken + rest.consumed,
            .written = head.written + rest.written,
            .broken = rest.broken};
  }
  bool whole() const { return ended_; }

 private:
  /// Takes the two bytes that tell which form it is. @return how many of `in` it took
  std::size_t begin(std::string_view in) {
    const std::size_t taken = std::min(sizeof head_ - head_size_, in.size());
    std::copy_n(in.data(), taken, head_ + head_size_);
    head_size_ += taken;
    if (head_size_ < sizeof head_) return taken;
    const auto first = static_cast<unsigned char>(head_[0]);
    const auto second = static_cast<unsigned char>(head_[1]);
    const bool wrapped = (first & 15) == Z_DEFLATED && (first * 256u + second) % 31 == 0;
    const int bits = gzip_ ? MAX_WBITS + 16 : wrapped ? MAX_WBITS : -MAX_WBITS;
    if (inflateInit2(&stream_, bits) != Z_OK) throw std::bad_alloc();
    begun_ = true;
    return taken;
  }

  Outcome inflate_some(std::string_view in, std::span<char> out) {
    if (ended_) {
      if (in.empty()) return {};
      if (!gzip_ || inflateReset(&stream_) != Z_OK) return {.broken = true};
      ended_ = false;  // another member
    }
    constexpr std::size_t most = std::numeric_limits<uInt>::max();
    const auto in_size = static_cast<uInt>(std::min(in.size(), most));
    const auto out_size = static_cast<uInt>(std::min(out.size(), most));
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = in_size;
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = out_size;
    const int said = inflate(&stream_, Z_NO_FLUSH);
    ended_ = said == Z_STREAM_END;
    return {.consumed = in_size - stream_.avail_in,
            .written = out_size - stream_.avail_out,
            .broken = said != Z_OK && said != Z_STREAM_END && said != Z_BUF_ERROR};
  }

  z_stream stream_{};
  char head_[2]{};
  std::size_t head_size_ = 0;
  std::size_t head_at_ = 0;  // of it, what zlib has taken
  bool gzip_;
  bool begun_ = false;
  bool ended_ = false;
};

/// RFC 7932.
class Brotli {
 public:
  Brotli() : state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {
    if (state_ == nullptr) throw std::bad_alloc();
  }
  ~Brotli() { BrotliDecoderDestroyInstance(state_); }
  Brotli(const Brotli&) = delete;
  Brotli& operator=(const Brotli&) = delete;

  Outcome step(std::string_view in, std::span<char> out) {
    std::size_t in_left = in.size(), out_left = out.size();
    const auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    auto* next_out = reinterpret_cast<std::uint8_t*>(out.data());
    const auto said =
        BrotliDecoderDecompressStream(state_, &in_left, &next_in, &out_left, &next_out, nullptr);
    const std::size_t consumed = in.size() - in_left;
    const bool behind_end = whole() && consumed == 0 && !in.empty();
    return {.consumed = consumed,
            .written = out.size() - out_left,
            .broken = said == BROTLI_DECODER_RESULT_ERROR || behind_end};
  }
  bool whole() const { return BrotliDecoderIsFinished(state_) == BROTLI_TRUE; }

 private:
  BrotliDecoderState* state_;
};

/// RFC 8878, of one frame or several. The library would take its own older formats too, with code
/// that has other bounds: each frame's first bytes are checked before it sees them.
class Zstd {
 public:
  Zstd() : stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, zstd_window_log_max);
  }
  ~Zstd() { ZSTD_freeDStream(stream_); }
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;

  Outcome step(std::string_view in, std::span<char> out) {
    std::size_t taken = 0;
    if (magic_size_ < sizeof magic_) {
      taken = take_magic(in);
      if (magic_size_ < sizeof magic_) return {.consumed = taken};
      const Outcome begun =
          known_frame() ? decompress({magic_, sizeof magic_}, out) : Outcome{.broken = true};
      if (begun.broken || begun.consumed < sizeof magic_) return {.broken = true};
      in.remove_prefix(taken);
    }
    if (in.empty() && !more_) return {.consumed = taken};
    const Outcome rest = decompress(in, out);
    return {.consumed = taken + rest.consumed, .written = rest.written, .broken = rest.broken};
  }
  bool whole() const { return magic_size_ == 0; }

 private:
  std::size_t take_magic(std::string_view in) {
    const std::size_t taken = std::min(sizeof magic_ - magic_size_, in.size());
    std::copy_n(in.data(), taken, magic_ + magic_size_);
    magic_size_ += taken;
    return taken;
  }
  /// A frame of data, or one to be skipped (RFC 8878, 3.1).
  bool known_frame() const {
    const auto byte = [&](int at) { return static_cast<unsigned char>(magic_[at]); };
    const std::uint32_t magic =
        byte(0) | byte(1) << 8 | byte(2) << 16 | static_cast<std::uint32_t>(byte(3)) << 24;
    return magic == 0xfd2fb528 || (magic & 0xfffffff0) == 0x184d2a50;
  }
  Outcome decompress(std::string_view in, std::span<char> out) {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    const std::size_t said = ZSTD_decompressStream(stream_, &output, &input);
    if (ZSTD_isError(said) != 0) return {.broken = true};
    more_ = said != 0 && output.pos == output.size;
    if (said == 0) magic_size_ = 0;  // the end of a frame: another one may begin
    return {.consumed = input.pos, .written = output.pos};
  }

  ZSTD_DStream* stream_;
  char magic_[4]{};
  std::size_t magic_size_ = 0;
  bool more_ = false;  // to be written, without more input
};

}  // namespace

struct Decoder::State {
  std::variant<std::monostate, Inflate, Brotli, Zstd> of;
};

Decoder::Decoder(Coding coding, const DecodeLimits& limits) : limits_(limits), coding_(coding) {
  if (coding == Coding::identity) return;
  state_ = std::make_unique<State>();
  switch (coding) {
    case Coding::identity:
      break;
    case Coding::gzip:
    case Coding::deflate:
      state_->of.emplace<Inflate>(coding == Coding::gzip);
      break;
    case Coding::br:
      state_->of.emplace<Brotli>();
      break;
    case Coding::zstd:
      state_->of.emplace<Zstd>();
      break;
  }
}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

Result<> Decoder::check_limits() const {
  if (bytes_out_ > limits_.size_max) {
    return Error{.code = Code::too_large,
                 .message = "The unpacked body is larger than " + std::to_string(limits_.size_max) +
                            " bytes."};
  }
  if (bytes_out_ > limits_.ratio_free && bytes_out_ / limits_.ratio_max > bytes_in_) {
    return Error{.code = Code::too_large,
                 .message = "The body unpacks to more than " + std::to_string(limits_.ratio_max) +
                            " times its size."};
  }
  return {};
}

Result<Decoder::Step> Decoder::step(std::string_view in, std::span<char> out) {
  Outcome outcome;
  if (state_ == nullptr) {
    outcome.consumed = outcome.written = std::min(in.size(), out.size());
    std::copy_n(in.data(), outcome.written, out.data());
  } else {
    outcome = std::visit(
        [&](auto& of) -> Outcome {
          if constexpr (std::is_same_v<std::remove_reference_t<decltype(of)>, std::monostate>) {
            return {.broken = true};
          } else {
            return of.step(in, out);
          }
        },
        state_->of);
  }
  // What makes no step though it could would be called without end.
  const bool stuck = !in.empty() && !out.empty() && outcome.consumed + outcome.written == 0;
  if (outcome.broken || stuck) {
    return Error{.code = Code::invalid_request,
                 .message = "The body is not valid " + std::string(name_of(coding_)) + "."};
  }
  bytes_in_ += outcome.consumed;
  bytes_out_ += outcome.written;
  if (auto within = check_limits(); !within) return within.error();
  return Step{outcome.consumed, outcome.written};
}

Result<> Decoder::finish() const {
  if (state_ == nullptr || bytes_in_ == 0) return {};
  const bool whole = std::visit(
      [](const auto& of) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(of)>, std::monostate>) {
          return true;
        } else {
          return of.whole();
        }
      },
      state_->of);
  if (whole) return {};
  return Error{.code = Code::invalid_request,
               .message = "The " + std::string(name_of(coding_)) + " body ends too early."};
}

Result<std::string> decode_whole(Coding coding, std::string_view in, const DecodeLimits& limits) {
  Decoder decoder(coding, limits);
  std::string out;
  std::string buffer(std::min<std::size_t>(16 * 1024, limits.size_max + 1), '\0');
  const auto fed = decoder.feed(in, buffer, [&](std::string_view piece) { out.append(piece); });
  if (!fed) return fed.error();
  if (auto whole = decoder.finish(); !whole) return whole.error();
  return out;
}

}  // namespace hawser::coding
