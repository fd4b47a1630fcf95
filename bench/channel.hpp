#pragma once

#include <openssl/ssl.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace hawser::bench {

/// What one non-blocking call did.
struct Moved {
  enum class State : std::uint8_t { some, later, closed };
  State state = State::closed;
  std::size_t bytes = 0;
};

/// TLS 1.3 with one suite and one curve, so that every server does the same work.
class TlsClient {
 public:
  /// @param resume  later connections offer the session tickets of earlier ones
  explicit TlsClient(bool resume);
  SSL* connect(int fd);  // the caller frees it

 private:
  struct ContextFree {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  struct SessionFree {
    void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
  };
  static int keep_session(SSL* ssl, SSL_SESSION* session);

  bool resume_;
  std::unique_ptr<SSL_CTX, ContextFree> context_;
  using Session = std::unique_ptr<SSL_SESSION, SessionFree>;
  std::vector<Session> sessions_{};  // each is used once (RFC 8446, C.4), the newest first
};

/// A client's connection, plain or TLS. Non-blocking; owns its socket.
class Channel {
 public:
  /// @param tls  null: plain
  Channel(int fd, TlsClient* tls);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  int fd() const { return fd_; }
  bool resumed() const { return ssl_ != nullptr && SSL_session_reused(ssl_) == 1; }
  /// Connects and shakes hands on the way when that is not done yet.
  Moved write(std::string_view bytes);
  Moved read(char* into, std::size_t size);
  /// Why it is closed.
  const char* reason() const { return reason_; }

 private:
  Moved moved_plain(ssize_t result);
  Moved moved_tls(int result);

  int fd_;
  SSL* ssl_ = nullptr;
  const char* reason_ = "";
};

}  // namespace hawser::bench
