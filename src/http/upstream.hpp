#pragma once

#include <memory>
#include <span>
#include <vector>

#include "http/body_reader.hpp"
#include "net/connect.hpp"

namespace hawser::http {

class OriginPool;

/// One HTTP/1.1 connection to a provider, on the worker that opened it.
class UpstreamConnection final : private net::HangupWatch {
 public:
  UpstreamConnection(std::shared_ptr<OriginPool> pool, std::unique_ptr<net::Stream> stream,
                     net::BlockPool& blocks);
  ~UpstreamConnection();

  net::Stream& stream() { return *stream_; }
  /// Whether an earlier exchange went over it.
  bool reused() const { return exchanges_ > 1; }

  struct HeadRead {
    net::IoStatus status = net::IoStatus::ok;
    bool malformed = false;
    bool answered = false;  // at least one byte of an answer came
  };
  /// Reads up to the final (not 1xx) head; then head() holds it, until anything waits.
  Task<HeadRead> read_head(std::string_view method, Clock::time_point deadline);
  const wire::ResponseHead& head() const;

  /// Ends the views of head(); the body follows.
  void begin_body();
  BodyReader& body() { return body_; }

  /// Whether the next exchange may use it: the answer was read whole and nobody wants to close.
  bool reusable() const;

 private:
  friend class OriginPool;
  void hung_up() override;
  HeadRead outcome(net::IoStatus status) const { return {status, false, !in_.empty()}; }

  std::shared_ptr<OriginPool> pool_;  // owns the TLS session slot that the stream writes to
  std::unique_ptr<net::Stream> stream_;
  net::InBuffer in_;
  std::size_t head_size_ = 0;
  BodyReader body_;
  bool keep_alive_ = false;
  std::uint32_t exchanges_ = 0;
  Clock::time_point idle_since_{};
};

using UpstreamPtr = std::unique_ptr<UpstreamConnection>;

/// What a worker's connections share.
struct UpstreamParts {
  net::Reactor& reactor;
  net::Resolver& resolver;
  net::BlockPool& blocks;
};

/// Kept connections of one worker to one origin, last in first out: the warmest is used next and
/// the rest grow old and are closed.
class OriginPool : public std::enable_shared_from_this<OriginPool> {
 public:
  OriginPool(UpstreamParts parts, net::Origin origin, net::PoolConfig config, net::SslContext tls);

  const net::Origin& origin() const { return dial_.origin; }
  Clock::time_point now() const { return parts_.reactor.now(); }
  void configure(const net::PoolConfig& config, net::SslContext tls);

  /// An idle connection, or null.
  UpstreamPtr take();
  /// A new connection.
  Task<Result<UpstreamPtr>> open(net::ConnectTimeouts timeouts, net::Cancellation& cancellation);
  /// Keeps a reusable connection; closes any other.
  void give_back(UpstreamPtr connection);
  /// Closes what grew old and opens what prewarming asks for. Called about once a second.
  void tend(Clock::time_point now);
  void close_idle();
  std::size_t idle() const { return idle_.size(); }
  /// Whether nobody holds it but the list of pools and its own idle connections.
  bool forgotten() const {
    return static_cast<std::size_t>(weak_from_this().use_count()) == 1 + idle_.size();
  }

 private:
  friend class UpstreamConnection;
  void drop(UpstreamConnection* connection);
  Task<> warm_one();

  UpstreamParts parts_;
  net::Dial dial_;
  net::PoolConfig config_;
  std::vector<UpstreamPtr> idle_;
  wire::ResponseHead head_;  // of the answer that is being taken apart: none waits for more bytes
  std::uint32_t open_ = 0;
  std::uint32_t warming_ = 0;
  net::ConnectTimeouts warm_timeouts_{};
};

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

 private:
  UpstreamParts parts_;
  std::vector<std::shared_ptr<OriginPool>> pools_;
};

}  // namespace hawser::http
