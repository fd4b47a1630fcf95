#include "channel.hpp"

#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace hawser::bench {
namespace {

const char* reason_of(unsigned long error) {
  const char* reason = ERR_reason_error_string(error);
  return reason == nullptr ? "TLS failed" : reason;
}

void require(long result, const char* what) {
  if (result != 1) throw std::runtime_error(what);
}

}  // namespace

TlsClient::TlsClient(bool resume) : resume_(resume), context_(SSL_CTX_new(TLS_client_method())) {
  SSL_CTX* context = context_.get();
  require(context != nullptr ? 1 : 0, "SSL_CTX_new");
  require(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION), "TLS 1.3");
  require(SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256"), "suite");
  require(SSL_CTX_set1_groups_list(context, "P-256"), "curve");
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_sess_set_new_cb(context, keep_session);
  SSL_CTX_set_app_data(context, this);
}

int TlsClient::keep_session(SSL* ssl, SSL_SESSION* session) {
  auto* self = static_cast<TlsClient*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (!self->resume_) return 0;
  constexpr std::size_t kept_max = 1024;
  if (self->sessions_.size() == kept_max) self->sessions_.erase(self->sessions_.begin());
  self->sessions_.emplace_back(session);
  return 1;  // the reference is ours now
}

SSL* TlsClient::connect(int fd) {
  SSL* ssl = SSL_new(context_.get());
  require(ssl != nullptr ? 1 : 0, "SSL_new");
  require(SSL_set_fd(ssl, fd), "SSL_set_fd");
  SSL_set_tlsext_host_name(ssl, "localhost");
  if (!sessions_.empty()) {
    SSL_set_session(ssl, sessions_.back().get());
    sessions_.pop_back();
  }
  SSL_set_connect_state(ssl);
  return ssl;
}

Channel::Channel(int fd, TlsClient* tls)
    : fd_(fd), ssl_(tls == nullptr ? nullptr : tls->connect(fd)) {}

Channel::~Channel() {
  if (ssl_ != nullptr) {
    if (SSL_is_init_finished(ssl_) == 1) SSL_shutdown(ssl_);
    SSL_free(ssl_);
  }
  close(fd_);
}

Moved Channel::moved_plain(ssize_t result) {
  if (result > 0) return {.state = Moved::State::some, .bytes = static_cast<std::size_t>(result)};
  if (result < 0 && (errno == EAGAIN || errno == ENOTCONN)) return {.state = Moved::State::later};
  reason_ = result == 0 ? "end of stream" : std::strerror(errno);
  return {};
}

Moved Channel::moved_tls(int result) {
  if (result > 0) return {.state = Moved::State::some, .bytes = static_cast<std::size_t>(result)};
  const int error = SSL_get_error(ssl_, result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    return {.state = Moved::State::later};
  }
  if (error == SSL_ERROR_SYSCALL) return moved_plain(-1);
  reason_ = error == SSL_ERROR_ZERO_RETURN ? "end of stream" : reason_of(ERR_peek_error());
  return {};
}

Moved Channel::write(std::string_view bytes) {
  if (ssl_ == nullptr) return moved_plain(send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  ERR_clear_error();  // what an earlier call left would be taken for this one's
  return moved_tls(SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())));
}

Moved Channel::read(char* into, std::size_t size) {
  if (ssl_ == nullptr) return moved_plain(recv(fd_, into, size, 0));
  ERR_clear_error();
  return moved_tls(SSL_read(ssl_, into, static_cast<int>(size)));
}

}  // namespace hawser::bench
