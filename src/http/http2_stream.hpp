#pragma once

#include <array>
#include <memory>
#include <string>

#include "http/http2_connection.hpp"

namespace hawser::http {

/// One exchange on an HTTP/2 connection. What comes for it waits here, at most one window, until
/// its reader takes it: only then may the provider send more.
class Http2Stream final : public UpstreamConnection {
 public:
  Http2Stream(std::shared_ptr<Http2Connection> connection, bool first);
  ~Http2Stream() override;

  int fd() const override { return connection_->fd(); }
  net::Waiter& waiter() override { return waiter_; }
  bool reused() const override { return !first_ || refused_; }
  bool chunks() const override { return false; }
  Task<net::IoStatus> send(std::span<const std::string_view> parts, bool last,
                           Clock::time_point deadline) override;
  bool has_input() override { return head_whole_ || !in_.empty(); }
  bool refuses_rest() override { return ended_ || over_ || (head_whole_ && status_ >= 400); }
  bool unread(std::size_t bytes) const override;
  std::string alert() const override;
  Task<HeadRead> read_head(std::string_view method, Clock::time_point deadline) override;
  void begin_body() override { std::string().swap(fields_); }
  Result<net::Piece> next_now() override;
  net::Waiter::Wait wait(Clock::time_point deadline) override;

 private:
  friend class Http2Connection;
  OriginPool& pool() const override { return connection_->pool(); }
  Task<net::IoStatus> wait_until_sent(Clock::time_point deadline);
  void read_fields(std::string_view method);
  void abandon_rest() { pending_at_ = pending_count_ = 0; }

  // --- its connection
  /// Moves up to `size` bytes of what waits to `to`.
  std::size_t take_out(char* to, std::size_t size);
  bool sent_all() const { return pending_at_ == pending_count_; }
  /// False: the head is not good.
  bool add_field(std::string_view name, std::string_view value);
  void head_ended();
  void take_in(std::string_view bytes) { in_.append(bytes); }
  /// The answer is whole.
  void ended() { ended_ = true; }
  void closed(std::uint32_t code);
  void lost(bool nonsense);

  std::shared_ptr<Http2Connection> connection_;
  net::Waiter waiter_;
  std::int32_t id_ = 0;  // 0: not begun
  // request
  std::array<std::string_view, net::Stream::parts_max> pending_{};
  std::size_t pending_at_ = 0;
  std::size_t pending_count_ = 0;
  std::string small_{};            // a body that is copied, so that nobody waits for it to go out
  std::uint64_t sent_behind_ = 0;  // bytes of the connection that were out before it
  bool last_ = false;
  // answer
  std::string fields_{};  // "name: value\r\n"...
  int status_ = 0;
  std::string in_{};
  std::string lent_{};
  bool first_;
  bool counted_ = true;  // among those begun, not yet among those that run
  bool noted_ = false;
  bool head_whole_ = false;
  bool ended_ = false;
  bool over_ = false;
  bool malformed_ = false;
  bool refused_ = false;  // the provider provably did not run it
  bool reset_by_peer_ = false;
};

}  // namespace hawser::http
