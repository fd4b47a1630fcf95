#pragma once

#include <openssl/ssl.h>
#include <sys/uio.h>

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/buffer.hpp"
#include "net/reactor.hpp"

namespace hawser::net {

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;

/// A connected TCP socket, plain or with TLS on top. Not movable: the reactor knows its address.
class Stream : public Channel {
 public:
  Stream(Reactor& reactor, int fd) : Channel(reactor, fd) {}

  /// Puts TLS on the socket; handshake() must follow.
  void secure(SslPtr ssl);
  bool secured() const { return ssl_ != nullptr; }
  /// Whether TLS ended without the peer's close_notify: who is on the path may have cut it.
  bool cut() const { return cut_; }
  SSL* ssl() const { return ssl_.get(); }
  /// Runs the TLS handshake. `failed`: see tls_problem().
  Task<IoStatus> handshake(Clock::time_point deadline);
  /// Sends close_notify if that is possible at once; the socket closes with the object.
  void goodbye();
  /// Makes the close a reset (RST): for peers that must not take a cut answer for a whole one.
  void reset_on_close();
  /// Lets the kernel acknowledge what comes with what follows it, as long as it comes within 40 ms:
  /// by default each read of a short message sends a packet of its own (tcp(7), TCP_QUICKACK).
  void delay_acks();

  /// Reads once what is there, without waiting.
  IoResult try_read(std::span<char> into);
  /// Reads once into `into` what is known to be there; `would_block`: wait(Want::read) first.
  IoStatus read_now(InBuffer& into);
  /// Waits until there is something to read, then reads once: one system call a message. Holds no
  /// block of an empty buffer while it waits.
  Task<IoStatus> read(InBuffer& into, Clock::time_point deadline);

  /// Whether content is there to be read. TLS's own messages are not content.
  bool has_input();

  static constexpr std::size_t parts_max = 8;
  /// Writes as much of `parts` (at most parts_max) as goes at once; `bytes` says how much was taken
  /// over. What TLS took over may still wait: see flushed().
  IoResult try_write(std::span<const std::string_view> parts);
  bool flushed() const { return !pending_; }
  /// Writes all of `parts`, whose bytes must stay where they are; waits for the peer where needed.
  Task<IoStatus> send(std::span<const std::string_view> parts, Clock::time_point deadline);

  /// What is left to do for send() after a try_write() that ended with `sent`.
  Task<IoStatus> send_rest(std::span<const std::string_view> parts, IoResult sent,
                           Clock::time_point deadline);
  /// Whether such a try_write() took all, so that nothing is left to do.
  bool took_all(std::span<const std::string_view> parts, const IoResult& sent) const {
    std::size_t all = 0;
    for (const auto part : parts) all += part.size();
    return sent.status == IoStatus::ok && sent.bytes == all && flushed();
  }

 private:
  friend struct StreamBio;
  IoResult try_read_plain(std::span<char> into);
  IoResult try_write_plain(std::span<const std::string_view> parts);
  IoResult try_write_tls(std::string_view bytes);
  IoResult flush_tls();
  IoResult ssl_write(std::string_view bytes);
  Task<IoStatus> read_later(InBuffer& into, Clock::time_point deadline);
  Waiter::Wait wait_to_write(Clock::time_point deadline);
  IoResult tls_outcome(int returned);
  bool may_read() const { return readable() || (ssl_ && SSL_has_pending(ssl_.get()) != 0); }

  SslPtr ssl_;
  // A TLS record that OpenSSL began: it must be offered again unchanged. Null: none.
  std::unique_ptr<std::string> pending_{};
};

}  // namespace hawser::net
