#include "transport.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>

#include "base/base64.hpp"

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

constexpr std::size_t kept_max = 8;

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, 3'600'000));
}

struct AddressFree {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

/// Connects to one address; -1 with `status` when that fails.
int connect_to(const addrinfo& address, Clock::time_point deadline, const CancelToken* cancel,
               Io& status) {
  const int fd = ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  status = Io::failed;
  if (::connect(fd, address.ai_addr, address.ai_addrlen) == 0) {
    status = Io::ok;
  } else if (errno == EINPROGRESS) {
    pollfd entries[2] = {{fd, POLLOUT, 0}, {cancel ? cancel->descriptor() : -1, POLLIN, 0}};
    const int ready = ::poll(entries, 2, milliseconds_until(deadline));
    int problem = 0;
    socklen_t size = sizeof problem;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size);
    if (ready == 0)
      status = Io::timeout;
    else if (entries[1].revents != 0)
      status = Io::cancelled;
    else if (problem == 0)
      status = Io::ok;
  }
  if (status == Io::ok) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

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

Io Connection::write(std::string_view bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    if (ssl_ != nullptr) {
      ERR_clear_error();
      const int returned = SSL_write(
          ssl_, bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 30)));
      if (returned > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(returned));
        continue;
      }
      const Io status = after(returned, deadline);
      if (status != Io::ok) return status;
      continue;
    }
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      const Io status = wait(POLLOUT, deadline);
      if (status != Io::ok) return status;
    } else if (errno != EINTR) {
      return Io::failed;
    }
  }
  return Io::ok;
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

// --- Connector

namespace {

/// Whether `host` is one that $NO_PROXY names: "a.com,.b.com,*".
bool goes_direct(std::string_view host) {
  if (host == "localhost" || host.starts_with("127.") || host == "::1") return true;
  const char* list = std::getenv("NO_PROXY");
  if (list == nullptr) list = std::getenv("no_proxy");
  std::string_view rest = list == nullptr ? "" : list;
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    std::string_view name = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (name == "*" || (!name.empty() && name == host)) return true;
    if (name.starts_with('.')) name.remove_prefix(1);
    if (!name.empty() && host.size() > name.size() && host.ends_with(name) &&
        host[host.size() - name.size() - 1] == '.') {
      return true;
    }
  }
  return false;
}

std::string proxy_for(const Url& url, const std::string& given) {
  if (given == "direct") return {};
  if (!given.empty()) return given;
  if (goes_direct(url.host)) return {};
  for (const char* name :
       {url.tls ? "HTTPS_PROXY" : "HTTP_PROXY", url.tls ? "https_proxy" : "http_proxy"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return {};
}

/// "sha256/BASE64" of a certificate's public key (RFC 7469, 2.4).
std::string pin_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  std::array<unsigned char, 32> digest{};
  if (size > 0)
    EVP_Digest(der, static_cast<std::size_t>(size), digest.data(), nullptr, EVP_sha256(), nullptr);
  OPENSSL_free(der);
  std::string pin = "sha256/";
  append_base64(pin, {reinterpret_cast<const char*>(digest.data()), digest.size()});
  return pin;
}

}  // namespace

Connector::Connector(Url url, const Dial& dial)
    : url_(std::move(url)), pins_(dial.pins), http2_(dial.http2) {
  for (const auto& pin : pins_) {
    const auto bytes =
        pin.starts_with("sha256/") ? decode_base64(std::string_view(pin).substr(7)) : std::nullopt;
    if (!bytes || bytes->size() != 32)
      throw std::invalid_argument("a pin must be sha256/BASE64: " + pin);
  }
  std::string proxy = proxy_for(url_, dial.proxy);
  if (!proxy.empty()) {
    const auto at = proxy.rfind('@');
    if (const auto slashes = proxy.find("//");
        at != std::string::npos && slashes != std::string::npos && slashes < at) {
      append_base64(proxy_login_, std::string_view(proxy).substr(slashes + 2, at - slashes - 2));
      proxy.erase(slashes + 2, at - slashes - 1);
    }
    proxy_ = parse_url(proxy);
    if (proxy_->tls) throw std::invalid_argument("a proxy must be http://HOST:PORT");
  }
  if (!url_.tls) return;
  tls_ = std::shared_ptr<SSL_CTX>(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  SSL_CTX_set_min_proto_version(tls_.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(tls_.get(), SSL_VERIFY_PEER, nullptr);
  if (http2_) {
    SSL_CTX_set_alpn_protos(tls_.get(), reinterpret_cast<const unsigned char*>("\x02h2"), 3);
  }
  const int loaded = dial.ca_file.empty()
                         ? SSL_CTX_set_default_verify_paths(tls_.get())
                         : SSL_CTX_load_verify_file(tls_.get(), dial.ca_file.c_str());
  if (loaded != 1) throw std::invalid_argument("trusted roots cannot be loaded: " + dial.ca_file);
}

/// Asks the proxy for a way to the server (RFC 9110, 9.3.6).
Io Connector::through_proxy(Connection& connection, Clock::time_point deadline,
                            std::string& problem) const {
  const bool v6 = url_.host.find(':') != std::string::npos;
  const std::string authority = (v6 ? "[" + url_.host + "]" : url_.host) + ":" + url_.port;
  std::string head = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
  if (!proxy_login_.empty()) head += "Proxy-Authorization: Basic " + proxy_login_ + "\r\n";
  Io status = connection.write(head + "\r\n", deadline);
  std::string answer;
  // Byte by byte would be slow, but nothing follows this head before we speak.
  while (status == Io::ok && answer.find("\r\n\r\n") == std::string::npos &&
         answer.size() < 65536) {
    status = connection.read(answer, deadline);
  }
  problem = "the proxy did not connect us to " + authority;
  if (status != Io::ok) return status;
  const bool agreed = answer.starts_with("HTTP/1.") && answer.size() > 12 && answer[9] == '2';
  if (!agreed) problem += ": " + answer.substr(0, answer.find("\r\n"));
  return agreed ? Io::ok : Io::failed;
}

bool Connector::pinned(Connection& connection) const {
  if (pins_.empty()) return true;
  STACK_OF(X509)* const chain = SSL_get0_verified_chain(connection.ssl());
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    const std::string pin = pin_of(sk_X509_value(chain, i));
    if (std::find(pins_.begin(), pins_.end(), pin) != pins_.end()) return true;
  }
  return false;
}

Connector::Raw Connector::connect(Clock::time_point deadline, const CancelToken* cancel) {
  const Url& at = proxy_ ? *proxy_ : url_;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(at.host.c_str(), at.port.c_str(), &hints, &found);
  if (error != 0) return {Io::failed, nullptr, at.host + ": " + ::gai_strerror(error)};
  const std::unique_ptr<addrinfo, AddressFree> list(found);
  Raw raw{Io::failed, nullptr, "could not connect to " + at.host + ":" + at.port};
  for (const addrinfo* address = list.get(); address != nullptr; address = address->ai_next) {
    const int fd = connect_to(*address, deadline, cancel, raw.status);
    if (raw.status == Io::cancelled) return raw;
    if (fd < 0) continue;
    auto connection = std::make_unique<Connection>(fd, cancel);
    if (proxy_) {
      raw.status = through_proxy(*connection, deadline, raw.problem);
      if (raw.status != Io::ok) return raw;
    }
    if (tls_) {
      raw.status = connection->secure(*tls_, url_.host, deadline);
      raw.problem = "TLS with " + url_.host + " failed";
      if (raw.status != Io::ok) return raw;
      if (!pinned(*connection)) {
        return {Io::failed, nullptr, "no certificate of " + url_.host + " matches a pin"};
      }
    }
    return {Io::ok, std::move(connection), {}};
  }
  return raw;
}

Connector::Opened Connector::open(bool fresh, Clock::time_point deadline,
                                  const CancelToken* cancel) {
  while (!fresh) {
    const std::lock_guard lock(mutex_);
    if (kept_.empty()) break;
    auto connection = std::move(kept_.back());
    kept_.pop_back();
    if (connection->stale()) continue;
    connection->use(cancel);
    return {Io::ok, std::make_unique<Exchange>(std::move(connection), true), {}};
  }
  Raw raw = connect(deadline, cancel);
  if (raw.status != Io::ok) return {raw.status, nullptr, std::move(raw.problem)};
  return {Io::ok, std::make_unique<Exchange>(std::move(raw.connection), false), {}};
}

void Connector::give_back(Exchange& exchange) {
  if (!exchange.reusable()) return;
  const std::lock_guard lock(mutex_);
  if (kept_.size() < kept_max) kept_.push_back(exchange.take_connection());
}

}  // namespace sdk
}  // namespace hawser
