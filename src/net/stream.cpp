#include "net/stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

namespace hawser::net {
namespace {

// recv() and send() of the C library are points where a thread may be cancelled, which each call
// pays for. No thread of ours ever is.
ssize_t receive(int fd, char* into, std::size_t size) {
  return ::syscall(SYS_recvfrom, fd, into, size, 0, nullptr, nullptr);
}
ssize_t transmit(int fd, const void* bytes, std::size_t size) {
  return ::syscall(SYS_sendto, fd, bytes, size, MSG_NOSIGNAL, nullptr, 0);
}

}  // namespace

/// OpenSSL's way to the socket. It goes through the channel's flags, so that TLS, too, never makes
/// a system call that is known to block.
struct StreamBio {
  static int write(BIO* bio, const char* bytes, int size) {
    auto* stream = static_cast<Stream*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const std::string_view part(bytes, static_cast<std::size_t>(size));
    const IoResult result = stream->try_write_plain({&part, 1});
    if (result.status == IoStatus::ok && result.bytes > 0) return static_cast<int>(result.bytes);
    if (result.status == IoStatus::would_block || result.status == IoStatus::ok) {
      BIO_set_retry_write(bio);
    }
    return -1;
  }
  static int read(BIO* bio, char* into, int size) {
    auto* stream = static_cast<Stream*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (!stream->readable()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const IoResult result = stream->try_read_plain({into, static_cast<std::size_t>(size)});
    if (result.status == IoStatus::ok) return static_cast<int>(result.bytes);
    if (result.status == IoStatus::would_block) BIO_set_retry_read(bio);
    if (result.status == IoStatus::closed) stream->cut_ = true;
    return result.status == IoStatus::closed ? 0 : -1;
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }
  static int create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }
  static BIO_METHOD* make_method() {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    BIO_meth_set_write(method, write);
    BIO_meth_set_read(method, read);
    BIO_meth_set_ctrl(method, control);
    BIO_meth_set_create(method, create);
    return method;
  }
};

void Stream::secure(SslPtr ssl) {
  static BIO_METHOD* const method = StreamBio::make_method();
  BIO* bio = BIO_new(method);
  BIO_set_data(bio, this);
  SSL_set_bio(ssl.get(), bio, bio);
  ssl_ = std::move(ssl);
}

Task<IoStatus> Stream::handshake(Clock::time_point deadline) {
  for (;;) {
    ERR_clear_error();
    const IoResult result = tls_outcome(SSL_do_handshake(ssl_.get()));
    if (result.status != IoStatus::would_block) co_return result.status;
    const Want want = SSL_want_write(ssl_.get()) ? Want::write : Want::read;
    const IoStatus waited = co_await wait(want, deadline);
    if (waited != IoStatus::ok) co_return waited;
  }
}

void Stream::goodbye() {
  if (!ssl_ || !SSL_is_init_finished(ssl_.get())) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
}

void Stream::reset_on_close() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void Stream::delay_acks() {
  const int at_once = 0;
  ::setsockopt(fd(), IPPROTO_TCP, TCP_QUICKACK, &at_once, sizeof at_once);
}

IoResult Stream::try_read(std::span<char> into) {
  if (!ssl_) return try_read_plain(into);
  ERR_clear_error();
  return tls_outcome(SSL_read(ssl_.get(), into.data(), static_cast<int>(into.size())));
}

IoResult Stream::try_read_plain(std::span<char> into) {
  for (;;) {
    const ssize_t got = receive(fd(), into.data(), into.size());
    if (got > 0) {
      const auto bytes = static_cast<std::size_t>(got);
      if (bytes < into.size()) drained();
      return {IoStatus::ok, bytes};
    }
    if (got == 0) return {IoStatus::closed, 0};
    if (errno == EINTR) continue;
    // A reset behind the peer's end: it had closed in good order before what we sent came.
    if (errno == EPIPE) return {IoStatus::closed, 0};
    if (errno != EAGAIN) return {IoStatus::failed, 0};
    drained();
    return {IoStatus::would_block, 0};
  }
}

IoResult Stream::tls_outcome(int returned) {
  if (returned > 0) return {IoStatus::ok, static_cast<std::size_t>(returned)};
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return {IoStatus::would_block, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {IoStatus::closed, 0};
    default:
      return {IoStatus::failed, 0};
  }
}

IoStatus Stream::read_now(InBuffer& into) {
  if (!may_read()) return IoStatus::would_block;
  const IoResult result = try_read(into.room());
  if (result.status == IoStatus::ok) into.filled(result.bytes);
  return result.status;
}

Task<IoStatus> Stream::read(InBuffer& into, Clock::time_point deadline) {
  const IoStatus status = read_now(into);
  if (status != IoStatus::would_block) return status;
  return read_later(into, deadline);
}

Task<IoStatus> Stream::read_later(InBuffer& into, Clock::time_point deadline) {
  for (;;) {
    into.release_if_empty();
    const IoStatus waited = co_await wait(Want::read, deadline);
    if (waited != IoStatus::ok) co_return waited;
    const IoStatus status = read_now(into);
    if (status != IoStatus::would_block) co_return status;
  }
}

bool Stream::has_input() {
  if (!ssl_) return readable();
  if (!may_read()) return false;
  char unread = 0;
  ERR_clear_error();
  return SSL_peek(ssl_.get(), &unread, 1) > 0;
}

IoResult Stream::try_write(std::span<const std::string_view> parts) {
  if (!ssl_) return try_write_plain(parts);
  if (parts.size() == 1) return try_write_tls(parts[0]);
  // One record for head and body: a record costs more than the copy.
  std::array<char, 16 * 1024> flat;
  std::size_t size = 0;
  for (const auto part : parts) {
    const std::size_t fits = part.copy(flat.data() + size, flat.size() - size);
    size += fits;
    if (fits < part.size()) break;
  }
  return try_write_tls({flat.data(), size});
}

IoResult Stream::try_write_plain(std::span<const std::string_view> parts) {
  std::array<iovec, parts_max> vectors;
  std::array<char, 4096> flat;
  std::size_t total = 0, count = 0;
  for (const auto part : parts) {
    if (part.empty()) continue;
    vectors[count++] = {const_cast<char*>(part.data()), part.size()};
    total += part.size();
  }
  if (count > 1 && total <= flat.size()) {
    // The kernel takes one short run faster than it walks a vector, even with our copy.
    char* at = flat.data();
    for (const auto part : parts) at = std::copy(part.begin(), part.end(), at);
    vectors[0] = {flat.data(), total};
    count = 1;
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  for (;;) {
    const ssize_t sent = count == 1 ? transmit(fd(), vectors[0].iov_base, vectors[0].iov_len)
                                    : ::sendmsg(fd(), &message, MSG_NOSIGNAL);
    if (sent >= 0) {
      const auto bytes = static_cast<std::size_t>(sent);
      if (bytes < total) filled();
      return {IoStatus::ok, bytes};
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return {IoStatus::failed, 0};
    filled();
    return {IoStatus::would_block, 0};
  }
}

IoResult Stream::ssl_write(std::string_view bytes) {
  ERR_clear_error();
  const int size =
      static_cast<int>(std::min<std::size_t>(bytes.size(), std::numeric_limits<int>::max()));
  const IoResult result = tls_outcome(SSL_write(ssl_.get(), bytes.data(), size));
  return result.status == IoStatus::closed ? IoResult{IoStatus::failed, 0} : result;
}

IoResult Stream::flush_tls() {
  while (pending_) {
    const IoResult result = ssl_write(*pending_);
    if (result.status != IoStatus::ok) return result;
    pending_->erase(0, result.bytes);
    if (pending_->empty()) pending_.reset();
  }
  return {IoStatus::ok, 0};
}

IoResult Stream::try_write_tls(std::string_view bytes) {
  const IoResult flushed = flush_tls();
  if (flushed.status != IoStatus::ok || bytes.empty()) return flushed;
  const IoResult result = ssl_write(bytes);
  if (result.status != IoStatus::would_block) return result;
  pending_ = std::make_unique<std::string>(bytes.substr(0, 16 * 1024));
  return {IoStatus::ok, pending_->size()};
}

Waiter::Wait Stream::wait_to_write(Clock::time_point deadline) {
  return wait(ssl_ && SSL_want_read(ssl_.get()) ? Want::read : Want::write, deadline);
}

Task<IoStatus> Stream::send(std::span<const std::string_view> parts, Clock::time_point deadline) {
  const IoResult sent = try_write(parts);
  if (took_all(parts, sent)) return IoStatus::ok;
  return send_rest(parts, sent, deadline);
}

Task<IoStatus> Stream::send_rest(std::span<const std::string_view> parts, IoResult sent,
                                 Clock::time_point deadline) {
  for (std::size_t at = 0; at < parts.size() || !flushed();) {
    if (sent.status != IoStatus::ok && sent.status != IoStatus::would_block) co_return sent.status;
    // `sent` counts from the beginning of part `at`.
    while (at < parts.size() && sent.bytes >= parts[at].size()) sent.bytes -= parts[at++].size();
    if (at == parts.size() && flushed()) break;
    if (!writable() || !flushed()) {
      const IoStatus waited = co_await wait_to_write(deadline);
      if (waited != IoStatus::ok) co_return waited;
    }
    const std::string_view rest = at < parts.size() ? parts[at].substr(sent.bytes) : "";
    const IoResult more = try_write({&rest, 1});
    sent = {more.status, sent.bytes + more.bytes};
  }
  co_return IoStatus::ok;
}

}  // namespace hawser::net
