// What an HTTP/2 connection sends: from nghttp2 into a bounded buffer, from there to the socket.
#include "h2/server.hpp"

namespace hawser::h2 {

using net::IoStatus;

void Server::soon() {
  if (flushing_ || receiving_ || over_) return;  // what is to be sent is sent behind it
  if (stream_.reactor().busy()) {
    stream_.reactor().join_line(*this);
  } else {
    flush();
  }
}

/// Takes what nghttp2 has to say, up to a bound. False: nothing.
bool Server::pull() {
  bool any = false;
  while (out_.size() - out_at_ < out_max) {
    const std::uint8_t* bytes = nullptr;
    const auto size = nghttp2_session_mem_send(h2_.get(), &bytes);
    if (size < 0) over_ = true;
    if (size <= 0) break;
    out_.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    any = true;
  }
  return any;
}

void Server::flush() {
  if (flushing_ || over_) return;
  flushing_ = true;
  for (;;) {
    const bool more = pull();
    bool blocked = false;
    while (out_at_ < out_.size() || !stream_.flushed()) {
      const std::string_view rest = std::string_view(out_).substr(out_at_);
      const net::IoResult sent = stream_.try_write({&rest, 1});
      blocked = sent.status == IoStatus::would_block;
      over_ = over_ || (!blocked && sent.status != IoStatus::ok);
      if (blocked || over_) break;
      out_at_ += sent.bytes;
      progressed_ = stream_.reactor().now();  // TLS takes one record at a time
    }
    if (out_at_ == out_.size()) {
      out_.clear();
      out_at_ = 0;
      progressed_ = stream_.reactor().now();
    }
    if (blocked || over_ || !more) break;
  }
  if (out_.empty() && out_.capacity() > 4096) std::string().swap(out_);
  flushing_ = false;
  const bool said_all = out_.empty() && nghttp2_session_want_read(h2_.get()) == 0 &&
                        nghttp2_session_want_write(h2_.get()) == 0;
  if (said_all) over_ = said_all_ = true;
  if (over_) stream_.cancel();
}

}  // namespace hawser::h2
