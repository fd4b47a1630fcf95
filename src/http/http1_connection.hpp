#pragma once

#include "http/upstream.hpp"

namespace hawser::http {

/// One HTTP/1.1 connection to a provider.
class Http1Connection final : public UpstreamConnection {
 public:
  Http1Connection(std::shared_ptr<OriginPool> pool, std::unique_ptr<net::Stream> stream,
                  net::BlockPool& blocks);
  ~Http1Connection() override;

  net::Stream* own_stream() override { return stream_.get(); }
  int fd() const override { return stream_->fd(); }
  net::Waiter& waiter() override { return stream_->waiter(); }
  void accompany(const net::Companion* companion) override { stream_->accompany(companion); }
  bool reused() const override { return exchanges_ > 1; }
  bool chunks() const override { return true; }
  Task<net::IoStatus> send(std::span<const std::string_view> parts, bool last,
                           Clock::time_point deadline) override;
  bool has_input() override;
  bool refuses_rest() override;
  bool unread(std::size_t bytes) const override;
  std::string alert() const override;
  Task<HeadRead> read_head(std::string_view method, Clock::time_point deadline) override;
  void begin_body() override;
  Result<net::Piece> next_now() override { return body_.next_now(); }
  bool take_back(std::size_t bytes) override {
    body_.take_back(bytes);
    return true;
  }
  net::Waiter::Wait wait(Clock::time_point deadline) override { return body_.wait(deadline); }

 private:
  friend class OriginPool;
  Http1Connection* http1() override { return this; }
  OriginPool& pool() const override { return *pool_; }
  void hung_up() override;
  /// Whether the next exchange may use it: the request went out whole, the answer was read whole
  /// and nobody wants to close. What is left of a request would be taken for the next one.
  bool reusable() const;
  Task<net::IoStatus> send_rest(std::span<const std::string_view> parts, bool last,
                                net::IoResult sent, Clock::time_point deadline);
  bool only_interim();
  HeadRead outcome(net::IoStatus status) const { return {status, false, !in_.empty()}; }

  std::shared_ptr<OriginPool> pool_;  // owns the TLS session slot that the stream writes to
  std::unique_ptr<net::Stream> stream_;
  net::InBuffer in_;
  BodyReader body_;
  std::uint32_t head_size_ = 0;
  std::uint32_t exchanges_ = 0;
  bool request_whole_ = true;  // no request went over it, or the last one to its last byte
  bool keep_alive_ = false;
  Clock::time_point idle_since_{};
};

}  // namespace hawser::http
