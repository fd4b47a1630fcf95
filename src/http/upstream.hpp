#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "http/body_reader.hpp"
#include "net/connect.hpp"

namespace hawser::net {
class Resolver;
}

namespace hawser::http {

class Http1Connection;
class Http2Connection;
class OriginPool;

/// What carries one exchange to a provider, on the worker that opened it: an HTTP/1.1 connection,
/// or a stream of an HTTP/2 one. Dropped in the middle it ends the call there.
class UpstreamConnection : protected net::HangupWatch {
 public:
  UpstreamConnection() = default;
  virtual ~UpstreamConnection() = default;
  UpstreamConnection(const UpstreamConnection&) = delete;
  UpstreamConnection& operator=(const UpstreamConnection&) = delete;

  /// The connection, where this exchange has it alone; null: others are on it, too.
  virtual net::Stream* own_stream() { return nullptr; }
  virtual int fd() const = 0;
  /// What all waits of the exchange end with.
  virtual net::Waiter& waiter() = 0;
  void cancel() { waiter().complete(net::IoStatus::cancelled); }
  /// @param companion  what is touched when something comes; outlives its place here
  virtual void accompany(const net::Companion* companion) { (void)companion; }
  /// Whether an earlier exchange went over the connection.
  virtual bool reused() const = 0;

  /// Whether a body of unknown length goes out in chunks; else as it is.
  virtual bool chunks() const = 0;
  /// Sends `parts` (at most net::Stream::parts_max), whose bytes must stay where they are: first
  /// the head as HTTP/1.1 has it, empty once it is out, then body.
  /// @param last  the request ends with them; until then the connection is not used again
  virtual Task<net::IoStatus> send(std::span<const std::string_view> parts, bool last,
                                   Clock::time_point deadline) = 0;
  /// Whether something of a final answer is there, or the connection ended.
  virtual bool has_input() = 0;
  /// Whether nobody wants the rest of the request: the provider refused it, or is gone.
  virtual bool refuses_rest() = 0;
  /// Whether provably nobody read the last `bytes` that were sent.
  virtual bool unread(std::size_t bytes) const = 0;
  /// Why the other side ended a connection, where TLS told it; empty: it did not.
  virtual std::string alert() const = 0;

  struct HeadRead {
    net::IoStatus status = net::IoStatus::ok;
    bool malformed = false;
    bool answered = false;  // at least one byte of an answer came
  };
  /// Reads up to the final (not 1xx) head; then head() holds it, until anything waits.
  virtual Task<HeadRead> read_head(std::string_view method, Clock::time_point deadline) = 0;
  const wire::ResponseHead& head() const;
  /// Ends the views of head(); the body follows.
  virtual void begin_body() = 0;
  /// See BodyReader.
  virtual Result<net::Piece> next_now() = 0;
  /// See BodyReader. False: it cannot; who asks keeps the bytes.
  virtual bool take_back(std::size_t bytes) { return bytes == 0; }
  virtual net::Waiter::Wait wait(Clock::time_point deadline) = 0;
  Task<Result<net::Piece>> next(Clock::time_point deadline);

 protected:
  virtual OriginPool& pool() const = 0;
  void hung_up() override {}

 private:
  friend class OriginPool;
  /// Null: it is a stream of an HTTP/2 connection.
  virtual Http1Connection* http1() { return nullptr; }
};

using UpstreamPtr = std::unique_ptr<UpstreamConnection>;

/// What a worker's connections share.
struct UpstreamParts {
  net::Reactor& reactor;
  net::Resolver& resolver;
  net::BlockPool& blocks;
};

/// What is counted of HTTP/2 connections.
struct Http2Figures {
  std::uint64_t connections = 0;  // open now
  std::uint64_t streams = 0;      // open now
  std::uint64_t refused = 0;      // requests that the provider provably did not run
  std::uint64_t lost = 0;         // connections that gave no sign of life
};

/// Connections of one worker to one origin. Those of HTTP/1.1 are kept last in first out: the
/// warmest is used next and the rest grow old and are closed. Those of HTTP/2 are shared: the one
/// with the fewest streams is used next; who finds none with room waits while another is opened.
class OriginPool : public std::enable_shared_from_this<OriginPool> {
 public:
  OriginPool(UpstreamParts parts, net::Origin origin, net::PoolConfig config, net::SslContext tls);
  ~OriginPool();

  const net::Origin& origin() const { return dial_.origin; }
  Clock::time_point now() const { return parts_.reactor.now(); }
  void configure(const net::PoolConfig& config, net::SslContext tls);

  /// An idle connection, or a stream of one that has room; or null.
  UpstreamPtr take();
  /// A new connection, or a stream of the next one that has room.
  Task<Result<UpstreamPtr>> open(net::ConnectTimeouts timeouts, net::Cancellation& cancellation);
  /// Keeps a reusable connection; closes any other.
  void give_back(UpstreamPtr connection);
  /// Closes what grew old and opens what prewarming asks for. Called about once a second.
  void tend(Clock::time_point now);
  void close_idle();
  std::size_t idle() const { return idle_.size() + shared_.size(); }
  /// Whether nobody holds it but the list of pools and its own connections.
  bool forgotten() const {
    return static_cast<std::size_t>(weak_from_this().use_count()) == 1 + idle();
  }
  void add_figures(Http2Figures& sum) const;

 private:
  friend class UpstreamConnection;
  friend class Http1Connection;
  friend class Http2Connection;
  friend class Http2Stream;

  /// Who waits for a stream.
  struct Waiting {
    explicit Waiting(OriginPool& of) : pool(of), news(of.parts_.reactor) {
      pool.waiting_.push_back(this);
    }
    ~Waiting() { std::erase(pool.waiting_, this); }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    bool served() const { return got || error || alone; }

    OriginPool& pool;
    net::Waiter news;
    UpstreamPtr got{};
    std::optional<Error> error{};
    bool alone = false;  // it is HTTP/1.1: a connection of one's own is needed
  };

  bool shares() const;
  bool speaks_http2(const net::Stream& stream) const;
  Task<Result<UpstreamPtr>> open_own(net::ConnectTimeouts timeouts,
                                     net::Cancellation& cancellation);
  Task<Result<UpstreamPtr>> open_shared(net::ConnectTimeouts timeouts,
                                        net::Cancellation& cancellation);
  std::unique_ptr<Http1Connection> keep_alone(std::unique_ptr<net::Stream> stream);
  void drop(Http1Connection* connection);
  Task<> warm_one();

  // --- HTTP/2
  Task<> dial_shared();
  void arrived(std::unique_ptr<net::Stream> stream);
  void share(std::unique_ptr<net::Stream> stream);
  UpstreamPtr take_stream();
  std::size_t usable() const;
  std::size_t streams_expected() const;
  void dial_for_waiting();
  void serve_waiting();
  void announce_room();
  void serve(const Error& error);
  void wake_all(const std::function<void(Waiting&)>& tell);
  void gone(const Http2Connection& connection);
  void tend_shared(Clock::time_point now);

  UpstreamParts parts_;
  net::Dial dial_;
  net::PoolConfig config_;
  std::vector<std::unique_ptr<Http1Connection>> idle_;
  wire::ResponseHead head_;  // of the answer that is being taken apart: none waits for more bytes
  std::uint32_t open_ = 0;
  std::uint32_t warming_ = 0;
  net::ConnectTimeouts warm_timeouts_{};
  std::vector<std::shared_ptr<Http2Connection>> shared_;
  std::deque<Waiting*> waiting_;
  std::uint32_t dialing_ = 0;
  std::uint32_t peer_streams_max_ = ~0u;  // as its last connection said
  bool http1_only_ = false;               // so it chose at the last handshake
  bool announced_ = false;
  bool closing_ = false;
  std::uint64_t refused_ = 0;
  std::uint64_t lost_ = 0;
};

inline const wire::ResponseHead& UpstreamConnection::head() const {
  return pool().head_;
}

/// All origins of one worker. They survive a reload of the configuration.
class UpstreamPools {
 public:
  explicit UpstreamPools(UpstreamParts parts) : parts_(parts) {}

  /// The pool of exactly that origin, made when there is none yet.
  std::shared_ptr<OriginPool> at(const net::Origin& origin, const net::PoolConfig& config,
                                 const net::SslContext& tls);
  /// Tends all; forgets those that no configuration uses any more.
  void tend(Clock::time_point now);
  void close_idle();
  /// Of all; those that were forgotten are counted still.
  Http2Figures figures() const;

 private:
  UpstreamParts parts_;
  std::vector<std::shared_ptr<OriginPool>> pools_;
  Http2Figures past_;
};

}  // namespace hawser::http
