// How connections are made: the race of attempts, the way through a proxy, TLS, pins.
#include <netdb.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "base/base64.hpp"
#include "race.hpp"
#include "transport.hpp"

namespace hawser::sdk {
namespace {

constexpr std::size_t kept_max = 8;
constexpr auto resolved_for = std::chrono::seconds(30);  // a path that breaks is not a new name

struct AddressFree {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

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
  SSL_CTX_set_mode(tls_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (http2_) {
    SSL_CTX_set_alpn_protos(tls_.get(), reinterpret_cast<const unsigned char*>("\x02h2"), 3);
  }
  const int loaded = dial.ca_file.empty()
                         ? SSL_CTX_set_default_verify_paths(tls_.get())
                         : SSL_CTX_load_verify_file(tls_.get(), dial.ca_file.c_str());
  if (loaded != 1) throw std::invalid_argument("trusted roots cannot be loaded: " + dial.ca_file);
}

Connector::~Connector() = default;

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

/// Addresses of the server, or of its proxy. Where names cannot be asked for now, those that were
/// known before do.
std::vector<Address> Connector::resolve(bool anew, std::string& problem) {
  const Url& at = proxy_ ? *proxy_ : url_;
  {
    const std::lock_guard lock(mutex_);
    if (!anew && !addresses_.empty() && Clock::now() < resolved_ + resolved_for) return addresses_;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(at.host.c_str(), at.port.c_str(), &hints, &found);
  const std::unique_ptr<addrinfo, AddressFree> list(found);
  std::vector<Address> addresses;
  for (const addrinfo* one = list.get(); error == 0 && one != nullptr; one = one->ai_next) {
    if (one->ai_addrlen > sizeof(sockaddr_storage)) continue;
    Address& address = addresses.emplace_back();
    address.size = one->ai_addrlen;
    std::memcpy(&address.bytes, one->ai_addr, one->ai_addrlen);
  }
  const std::lock_guard lock(mutex_);
  if (addresses.empty()) {
    problem = at.host + ": " + (error == 0 ? "no address" : ::gai_strerror(error));
    return addresses_;
  }
  addresses_ = addresses;
  resolved_ = Clock::now();
  return addresses;
}

Connector::Raw Connector::connect(Clock::time_point deadline, const CancelToken* cancel) {
  const Url& at = proxy_ ? *proxy_ : url_;
  Raw raw{Io::failed, nullptr, {}};
  const auto addresses = resolve(unreached_.exchange(true), raw.problem);
  if (addresses.empty()) return raw;
  const int fd = connect_first(addresses, deadline, cancel, raw.status);
  if (fd < 0) {
    const bool late = raw.status == Io::timeout;
    raw.problem =
        at.host + ":" + at.port + (late ? " did not answer in time" : " could not be connected to");
    return raw;
  }
  unreached_ = false;
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

Connector::Opened Connector::open(bool fresh, Clock::time_point deadline,
                                  const CancelToken* cancel) {
  while (!fresh) {
    const std::lock_guard lock(mutex_);
    if (kept_.empty()) break;
    auto connection = std::move(kept_.back());
    kept_.pop_back();
    if (connection->stale()) continue;
    connection->use(cancel);
    connection->watch(true);
    return {Io::ok, std::make_unique<Exchange>(std::move(connection), true), {}};
  }
  Raw raw = connect(deadline, cancel);
  if (raw.status != Io::ok) return {raw.status, nullptr, std::move(raw.problem)};
  raw.connection->watch(true);
  return {Io::ok, std::make_unique<Exchange>(std::move(raw.connection), false), {}};
}

void Connector::forget_kept() {
  const std::lock_guard lock(mutex_);
  kept_.clear();
}

void Connector::give_back(Exchange& exchange) {
  if (!exchange.reusable()) return;
  auto connection = exchange.take_connection();
  connection->watch(false);
  const std::lock_guard lock(mutex_);
  if (kept_.size() < kept_max) kept_.push_back(std::move(connection));
}

}  // namespace hawser::sdk
