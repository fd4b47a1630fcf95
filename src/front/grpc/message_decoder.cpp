#include "front/grpc/message_decoder.hpp"

namespace hawser::front::grpc {

MessageDecoder::Next MessageDecoder::next() {
  using Kind = Next::Kind;
  Next out;
  if (waiting() < prefix_size) return out;
  const auto byte = [this](std::size_t i) { return static_cast<unsigned char>(bytes_[at_ + i]); };
  std::size_t size = 0;
  for (std::size_t i = 1; i < prefix_size; ++i) size = size << 8 | byte(i);
  if (byte(0) != 0) {
    out.kind = byte(0) == 1 ? Kind::compressed : Kind::malformed;
    return out;
  }
  if (size > message_max_) {
    out.kind = Kind::too_large;
    return out;
  }
  if (budget_ != nullptr && share_.size() < size) {
    if (share_.size() == 0) share_ = budget_->share();
    if (!share_.grow(size - share_.size())) {
      out.kind = Kind::no_room;
      return out;
    }
  }
  if (waiting() - prefix_size < size) return out;
  out.kind = Kind::message;
  out.bytes = bytes_.substr(at_ + prefix_size, size);
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

void MessageDecoder::clear() {
  bytes_.clear();
  if (bytes_.capacity() > 4096) std::string().swap(bytes_);
  at_ = 0;
  share_ = {};
}

}  // namespace hawser::front::grpc
