#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hawser/client.hpp"
#include "wire/http1.hpp"

namespace hawser::sdk {

using Clock = std::chrono::steady_clock;

struct Address;

struct Url {
  bool tls = false;
  std::string host{};
  std::string port{};
  std::string path{};  // without a slash at its end
};
/// @throws std::invalid_argument
Url parse_url(std::string_view text);
/// The target of a call: its path behind that of the base URL; Gemini's version stands beside it.
std::string target_below(const Url& url, std::string_view path);

/// How reading or writing ended.
enum class Io : std::uint8_t { ok, closed, failed, timeout, cancelled };

/// A blocking connection, plain or TLS. Every wait has a deadline and ends when cancelled.
class Connection {
 public:
  Connection(int fd, const CancelToken* cancel) : fd_(fd), cancel_(cancel) {}
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Io secure(SSL_CTX& context, const std::string& host, Clock::time_point deadline);
  Io write(std::string_view bytes, Clock::time_point deadline);
  /// Writes what goes out now and takes it from `bytes`; `timeout`: no more does.
  Io write_now(std::string_view& bytes);
  /// Reads what is there; `timeout`: nothing is.
  Io read_now(std::string& into);
  int descriptor() const { return fd_; }
  /// Reads at least one byte.
  Io read(std::string& into, Clock::time_point deadline);
  void use(const CancelToken* cancel) { cancel_ = cancel; }
  /// While an answer is waited for the kernel asks a silent peer, and gives a dead one up within
  /// 5 s; an idle connection costs nothing.
  void watch(bool on) const;
  /// Whether what is sent from now on is taken within seconds where the path is whole.
  void expect_acknowledgement(bool soon) const;
  /// Whether the peer closed or spoke while nobody asked.
  bool stale() const;
  SSL* ssl() const { return ssl_; }

 private:
  Io wait(short events, Clock::time_point deadline) const;
  Io after(int returned, Clock::time_point deadline);

  int fd_;
  SSL* ssl_ = nullptr;
  const CancelToken* cancel_;
};

/// One answer being read.
class Exchange {
 public:
  Exchange(std::unique_ptr<Connection> connection, bool reused)
      : connection_(std::move(connection)), reused_(reused) {}

  Io send(std::string_view head, std::string_view body, Clock::time_point deadline);
  Io read_head(std::string_view method, Clock::time_point deadline);
  const wire::ResponseHead& head() const { return head_; }
  std::string_view header(std::string_view name) const;
  /// Appends the content of what one read brought; `done` says whether it was the end.
  Io read_body(std::string& into, bool& done, Clock::time_point deadline);

  bool reused() const { return reused_; }
  bool reusable() const { return done_ && head_.keep_alive; }
  bool answered() const { return !in_.empty() || !head_bytes_.empty(); }
  std::unique_ptr<Connection> take_connection() { return std::move(connection_); }

 private:
  bool take_content(std::string& into);

  std::unique_ptr<Connection> connection_;
  bool reused_;
  std::string in_;
  std::string head_bytes_;
  wire::ResponseHead head_;
  wire::ChunkDecoder chunks_;
  std::uint64_t left_ = 0;
  bool done_ = false;
  bool malformed_ = false;
};

/// How connections are made.
struct Dial {
  std::string ca_file{};
  std::vector<std::string> pins{};  // "sha256/BASE64"
  std::string proxy{};              // as in ClientOptions
  bool http2 = false;               // asked for by ALPN
};

/// Opens and keeps connections to one host.
class Connector {
 public:
  /// @throws std::invalid_argument for roots, pins or a proxy that cannot be used
  Connector(Url url, const Dial& dial);
  ~Connector();

  /// A kept connection if `fresh` is not asked for and there is one; else a new one.
  struct Opened {
    Io status = Io::ok;
    std::unique_ptr<Exchange> exchange{};
    std::string problem{};
  };
  Opened open(bool fresh, Clock::time_point deadline, const CancelToken* cancel);
  void give_back(Exchange& exchange);
  /// One broke: those that are kept went the same way, and may be dead without knowing it.
  void forget_kept();
  const Url& url() const { return url_; }
  /// A new connection, with TLS where the URL asks for it.
  struct Raw {
    Io status = Io::ok;
    std::unique_ptr<Connection> connection{};
    std::string problem{};
  };
  Raw connect(Clock::time_point deadline, const CancelToken* cancel);

 private:
  std::vector<Address> resolve(bool anew, std::string& problem);
  Io through_proxy(Connection& connection, Clock::time_point deadline, std::string& problem) const;
  bool pinned(Connection& connection) const;

  Url url_;
  std::optional<Url> proxy_;
  std::string proxy_login_{};  // base64
  std::vector<std::string> pins_;
  bool http2_ = false;
  std::shared_ptr<SSL_CTX> tls_;
  std::atomic<bool> unreached_{false};  // the last attempt failed: names are asked for anew
  std::mutex mutex_;                    // of all below
  std::vector<std::unique_ptr<Connection>> kept_;
  std::vector<Address> addresses_;
  Clock::time_point resolved_{};
};

}  // namespace hawser::sdk
