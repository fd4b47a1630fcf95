#include "transport.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

namespace hawser {

CancelToken::CancelToken() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
CancelToken::~CancelToken() {
  if (descriptor_ >= 0) ::close(descriptor_);
}
void CancelToken::cancel() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto wrote = ::write(descriptor_, &one, sizeof one);
}
bool CancelToken::cancelled() const noexcept {
  pollfd entry{descriptor_, POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

namespace sdk {
namespace {

constexpr std::size_t small_request = 32 * 1024;

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, 3'600'000));
}

}  // namespace

std::string target_below(const Url& url, std::string_view path) {
  std::string_view base = url.path;
  if (path.starts_with("/v1beta/") && base.ends_with("/v1")) base.remove_suffix(3);
  return std::string(base).append(path);
}

Url parse_url(std::string_view text) {
  Url url;
  const std::string whole(text);
  if (text.starts_with("https://")) {
    url.tls = true;
    text.remove_prefix(8);
  } else if (text.starts_with("http://")) {
    text.remove_prefix(7);
  } else {
    throw std::invalid_argument("base URL must begin with http:// or https://: " + whole);
  }
  const auto slash = std::min(text.find('/'), text.size());
  std::string_view authority = text.substr(0, slash);
  url.path = text.substr(slash);
  while (url.path.ends_with('/')) url.path.pop_back();
  url.port = url.tls ? "443" : "80";
  const auto bracket = authority.rfind(']');
  const auto colon = authority.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    url.port = authority.substr(colon + 1);
    authority = authority.substr(0, colon);
  }
  if (authority.starts_with('[')) authority = authority.substr(1, authority.size() - 2);
  url.host = authority;
  if (url.host.empty() || url.port.empty()) {
    throw std::invalid_argument("base URL has no host: " + whole);
  }
  return url;
}

// --- Connection

Connection::~Connection() {
  if (ssl_ != nullptr) SSL_free(ssl_);
  ::close(fd_);
}

Io Connection::wait(short events, Clock::time_point deadline) const {
  pollfd entries[2] = {{fd_, events, 0}, {cancel_ ? cancel_->descriptor() : -1, POLLIN, 0}};
  for (;;) {
    const int ready = ::poll(entries, 2, milliseconds_until(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) return Io::timeout;
    return entries[1].revents != 0 ? Io::cancelled : Io::ok;
  }
}

/// Waits for what OpenSSL wants; ok means: try again.
Io Connection::after(int returned, Clock::time_point deadline) {
  switch (SSL_get_error(ssl_, returned)) {
    case SSL_ERROR_WANT_READ:
      return wait(POLLIN, deadline);
    case SSL_ERROR_WANT_WRITE:
      return wait(POLLOUT, deadline);
    case SSL_ERROR_ZERO_RETURN:
      return Io::closed;
    default:
      return Io::failed;
  }
}

Io Connection::secure(SSL_CTX& context, const std::string& host, Clock::time_point deadline) {
  ssl_ = SSL_new(&context);
  SSL_set_fd(ssl_, fd_);
  unsigned char address[16];
  const bool numeric = inet_pton(AF_INET, host.c_str(), address) == 1 ||
                       inet_pton(AF_INET6, host.c_str(), address) == 1;
  if (numeric) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl_, host.c_str());
    SSL_set1_host(ssl_, host.c_str());
  }
  for (;;) {
    ERR_clear_error();
    const int returned = SSL_connect(ssl_);
    if (returned == 1) return Io::ok;
    const Io status = after(returned, deadline);
    if (status != Io::ok) return status;
  }
}

Io Connection::write_now(std::string_view& bytes) {
  while (!bytes.empty()) {
    if (ssl_ != nullptr) {
      ERR_clear_error();
      const int most = static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 30));
      const int sent = SSL_write(ssl_, bytes.data(), most);
      if (sent <= 0) {
        const int why = SSL_get_error(ssl_, sent);
        const bool later = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
        return later ? Io::timeout : Io::failed;
      }
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      return Io::timeout;
    } else if (errno != EINTR) {
      return Io::failed;
    }
  }
  return Io::ok;
}

Io Connection::write(std::string_view bytes, Clock::time_point deadline) {
  for (;;) {
    Io status = write_now(bytes);
    if (status != Io::timeout) return status;
    const bool wants_read = ssl_ != nullptr && SSL_want_read(ssl_);
    status = wait(wants_read ? POLLIN : POLLOUT, deadline);
    if (status != Io::ok) return status;
  }
}

void Connection::expect_acknowledgement(bool soon) const {
  const unsigned int most = soon ? 4'500 : 0;  // ms; 0: as long as the kernel goes on
  ::setsockopt(fd_, IPPROTO_TCP, TCP_USER_TIMEOUT, &most, sizeof most);
}

void Connection::watch(bool on) const {
  const int asks = on ? 1 : 0;
  ::setsockopt(fd_, SOL_SOCKET, SO_KEEPALIVE, &asks, sizeof asks);
  if (!on) return;
  const int idle = 2, every = 1, count = 2;  // s, s, probes: dead behind 4 s of silence
  ::setsockopt(fd_, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  ::setsockopt(fd_, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
  ::setsockopt(fd_, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

Io Connection::read_now(std::string& into) {
  char block[16 * 1024];
  if (ssl_ != nullptr) {
    ERR_clear_error();
    const int got = SSL_read(ssl_, block, sizeof block);
    if (got > 0) {
      into.append(block, static_cast<std::size_t>(got));
      return Io::ok;
    }
    const int why = SSL_get_error(ssl_, got);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return Io::timeout;
    return why == SSL_ERROR_ZERO_RETURN ? Io::closed : Io::failed;
  }
  for (;;) {
    const ssize_t got = ::recv(fd_, block, sizeof block, 0);
    if (got > 0) {
      into.append(block, static_cast<std::size_t>(got));
      return Io::ok;
    }
    if (got == 0) return Io::closed;
    if (errno == EAGAIN) return Io::timeout;
    if (errno != EINTR) return Io::failed;
  }
}

Io Connection::read(std::string& into, Clock::time_point deadline) {
  for (;;) {
    if (cancel_ != nullptr && cancel_->cancelled()) return Io::cancelled;
    Io status = read_now(into);
    if (status != Io::timeout) return status;
    const bool wants_write = ssl_ != nullptr && SSL_want_write(ssl_);
    status = wait(wants_write ? POLLOUT : POLLIN, deadline);
    if (status != Io::ok) return status;
  }
}

bool Connection::stale() const {
  pollfd entry{fd_, POLLIN | POLLRDHUP, 0};
  if (::poll(&entry, 1, 0) == 0) return false;
  return ssl_ == nullptr || (entry.revents & (POLLRDHUP | POLLERR | POLLHUP)) != 0;
}

// --- Exchange

Io Exchange::send(std::string_view head, std::string_view body, Clock::time_point deadline) {
  std::string whole;
  whole.reserve(head.size() + body.size());
  whole.append(head).append(body);
  // What fits any receiver's window is acknowledged soon or never; more may wait for its reader.
  connection_->expect_acknowledgement(whole.size() <= small_request);
  return connection_->write(whole, deadline);
}

Io Exchange::read_head(std::string_view method, Clock::time_point deadline) {
  const wire::HeadLimits limits{.head_max = 256 * 1024, .target_max = 0, .fields_max = 256};
  std::size_t searched = 0;
  for (;;) {
    const auto outcome = wire::parse_response_head(in_, searched, method, limits, head_);
    if (outcome.state == wire::HeadOutcome::State::malformed) return Io::failed;
    if (outcome.state == wire::HeadOutcome::State::complete) {
      const bool interim = head_.status < 200;
      head_bytes_ = in_.substr(0, outcome.consumed);
      in_.erase(0, outcome.consumed);
      searched = 0;
      if (interim) continue;
      std::size_t unused = 0;
      wire::parse_response_head(head_bytes_, unused, method, limits, head_);
      left_ = head_.content_length;
      return Io::ok;
    }
    const Io status = connection_->read(in_, deadline);
    if (status != Io::ok) return status;
  }
}

std::string_view Exchange::header(std::string_view name) const {
  const auto* field = head_.find(name);
  return field == nullptr ? std::string_view() : field->value;
}

/// Takes the content that is there. @return whether the body is at its end
bool Exchange::take_content(std::string& into) {
  switch (head_.framing) {
    case wire::Framing::none:
      return true;
    case wire::Framing::until_close:
      into.append(in_);
      in_.clear();
      return false;
    case wire::Framing::length: {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in_.size()));
      into.append(in_, 0, size);
      in_.erase(0, size);
      left_ -= size;
      return left_ == 0;
    }
    case wire::Framing::chunked:
      break;
  }
  std::size_t at = 0;
  while (at < in_.size() && !chunks_.done() && !malformed_) {
    const auto step = chunks_.feed(std::string_view(in_).substr(at));
    malformed_ = step.state == wire::ChunkDecoder::State::malformed;
    into.append(step.data);
    at += step.consumed;
  }
  in_.erase(0, at);
  return chunks_.done();
}

Io Exchange::read_body(std::string& into, bool& done, Clock::time_point deadline) {
  const std::size_t before = into.size();
  for (;;) {
    done = done_ = take_content(into);
    if (malformed_) return Io::failed;
    if (done || into.size() > before) return Io::ok;
    const Io status = connection_->read(in_, deadline);
    if (status == Io::closed && head_.framing == wire::Framing::until_close) {
      done = done_ = true;
      return Io::ok;
    }
    if (status != Io::ok) return status;
  }
}

}  // namespace sdk
}  // namespace hawser
