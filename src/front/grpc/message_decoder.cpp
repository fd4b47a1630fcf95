#include "front/grpc/message_decoder.hpp"

#include <algorithm>
#include <array>

#include "coding/decoder.hpp"

namespace hawser::front::grpc {

using Kind = MessageDecoder::Next::Kind;

MessageDecoder::Next MessageDecoder::next() {
  Next out;
  out.kind = fault_;
  if (fault_ != Kind::none || waiting() < prefix_size) return out;
  const auto byte = [this](std::size_t i) { return static_cast<unsigned char>(bytes_[at_ + i]); };
  std::size_t size = 0;
  for (std::size_t i = 1; i < prefix_size; ++i) size = size << 8 | byte(i);
  const bool packed = byte(0) == 1;
  out.kind = fault_ = judge(packed, byte(0), size);
  if (fault_ != Kind::none || waiting() - prefix_size < size) return out;
  const std::string_view content = std::string_view(bytes_).substr(at_ + prefix_size, size);
  if (packed) {
    out.kind = fault_ = unpack(content, out.bytes);
    if (fault_ != Kind::none) return out;
  } else {
    out.bytes = content;
  }
  out.kind = Kind::message;
  out.size = prefix_size + size;
  out.held = std::move(share_);
  at_ += out.size;
  if (at_ == bytes_.size()) {
    clear();
  } else if (at_ >= bytes_.size() / 2) {  // each byte is moved once at most, whatever the cuts
    bytes_.erase(0, at_);
    at_ = 0;
  }
  return out;
}

/// A message by what stands in front of it; takes its part of the budget: of the connection what
/// is announced, of others what is there. none: it may come.
Kind MessageDecoder::judge(bool packed, unsigned char flag, std::size_t size) {
  if (flag > 1) return Kind::malformed;
  if (packed && options_.coding == coding::Coding::identity) return Kind::compressed;
  if (size > options_.message_max) return Kind::too_large;
  if (options_.budget == nullptr) return Kind::none;
  if (share_.size() == 0) share_ = options_.budget->share(options_.leases);
  if (share_.size() < size && !share_.announce(size - share_.size())) return Kind::no_room;
  return share_.came(std::min(size, waiting() - prefix_size)) ? Kind::none : Kind::no_room;
}

/// A few bytes must not become many: what comes out takes its part of the budget piece by piece.
Kind MessageDecoder::unpack(std::string_view packed, std::string& out) {
  coding::DecodeLimits limits;
  limits.size_max = options_.message_max;
  coding::Decoder decoder(options_.coding, limits);
  std::array<char, 16 * 1024> buffer;
  bool room = true;
  const auto fed = decoder.feed(packed, buffer, [&](std::string_view plain) {
    room = room && share_.grow(plain.size());
    if (room) out.append(plain);
  });
  if (!room) return Kind::no_room;
  if (!fed) return fed.error().code == Code::too_large ? Kind::too_large : Kind::malformed;
  return decoder.finish() ? Kind::none : Kind::malformed;
}

void MessageDecoder::clear() {
  bytes_.clear();
  if (bytes_.capacity() > 4096) std::string().swap(bytes_);
  at_ = 0;
  share_ = {};
}

}  // namespace hawser::front::grpc
