#pragma once

#include <nghttp2/nghttp2.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/keepalive.hpp"
#include "http/upstream.hpp"

namespace hawser::http {

class Http2Stream;

/// One HTTP/2 connection to a provider, on nghttp2: framing, flow control, signs of life. Held by
/// its pool, its streams and, until it is over, by the coroutine that reads it.
/// Source: RFC 9113.
class Http2Connection final : public std::enable_shared_from_this<Http2Connection>,
                              private net::Turn {
 public:
  Http2Connection(std::shared_ptr<OriginPool> pool, std::unique_ptr<net::Stream> stream,
                  net::BlockPool& blocks, const net::PoolConfig& config);
  ~Http2Connection() override;

  int fd() const { return stream_->fd(); }
  /// Until the connection is over.
  Task<> run();
  /// Whether more streams may be begun, now or when others have ended.
  bool usable() const { return !over_ && !going_; }
  /// Whether the provider said how many streams it takes. Before that there is one.
  bool settled() const { return settled_; }
  /// Streams that may be begun now.
  std::size_t room() const;
  std::size_t streams() const { return streams_.size() + begun_; }
  Clock::time_point since() const { return since_; }
  /// Since when there is no stream.
  Clock::time_point idle_since() const {
    return streams() > 0 ? Clock::time_point::max() : idle_since_;
  }
  /// Only where there is room.
  UpstreamPtr begin();
  /// @return whether it was, and ends now
  bool close_if_idle();

 private:
  friend class Http2Stream;
  struct Callbacks;
  struct SessionFree {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };

  // --- its streams
  OriginPool& pool() const { return *pool_; }
  net::Reactor& reactor() const { return stream_->reactor(); }
  /// Sends the head of a request. @return whether that can be: else it never goes out
  bool submit(Http2Stream& stream, std::string_view head, bool with_body);
  static nghttp2_data_provider body_of_streams();
  void resume(const Http2Stream& stream);
  void consumed(const Http2Stream& stream, std::size_t bytes);
  void forget(Http2Stream& stream);
  /// It has news: told once nghttp2 is done.
  void note(Http2Stream& stream);
  Http2Stream* find(std::int32_t id) const;

  void turn() override;
  void soon();
  void send_out();
  void flush();
  bool pull();
  bool receive();
  bool attend();
  void see_promise(std::string_view every);
  bool keep_alive(Clock::time_point now);
  Clock::time_point next_deadline() const;
  void tell();
  void end();
  void stop_if_done();
  bool lose();
  std::uint64_t bytes_on_wire() const;
  /// Whether provably nobody read what was sent behind so many bytes, now that it is over: it never
  /// went out, or the peer had closed and its kernel took nothing of it. Behind a reset there is no
  /// telling: what was read may not have been acknowledged yet.
  bool nothing_read_behind(std::uint64_t bytes) const;

  std::shared_ptr<OriginPool> pool_;  // owns the TLS session slot that the stream writes to
  std::unique_ptr<net::Stream> stream_;
  net::InBuffer in_;
  net::PoolConfig config_;
  std::unique_ptr<nghttp2_session, SessionFree> h2_;
  std::unordered_map<std::int32_t, Http2Stream*> streams_;
  std::size_t begun_ = 0;  // taken, and not yet in streams_
  std::uint32_t exchanges_ = 0;
  std::vector<Http2Stream*> told_;  // nullptr: gone
  std::vector<nghttp2_nv> fields_;  // of the head that is being sent
  std::string out_{};
  std::size_t out_at_ = 0;
  std::uint64_t sent_ = 0;  // bytes; without TLS
  std::uint32_t streams_max_ = 1;
  std::string alert_{};
  bool settled_ = false;
  bool going_ = false;  // no new streams
  bool over_ = false;
  bool closing_ = false;
  bool ended_well_ = false;  // by the peer, in good order
  bool nonsense_ = false;    // what came is not HTTP/2
  bool flushing_ = false;
  bool receiving_ = false;  // nghttp2 is in our callbacks
  bool room_news_ = false;
  bool pinged_ = false;
  Clock::time_point pinged_at_{};
  Keepalive keepalive_{};     // while streams are open
  milliseconds promised_{0};  // by another gateway: it is heard from so often
  Clock::time_point since_{};
  Clock::time_point idle_since_{};
  Clock::time_point heard_{};
};

}  // namespace hawser::http
