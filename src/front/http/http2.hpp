#pragma once

#include <memory>
#include <string>

#include "front/http/serving.hpp"
#include "h2/server.hpp"

namespace hawser::front::http {

class Http2;

/// One request of an HTTP/2 connection. Owned by the connection and by the coroutine that serves
/// it.
class Http2Stream final : public h2::Handler, private Serving {
 public:
  Http2Stream(Http2& connection, std::int32_t stream, const h2::RequestHead& head);

  /// Serves it to its end, and until the client has all of the answer.
  Task<> run();

  void input(std::string_view bytes) override;
  void input_end() override;
  Output output(std::span<char> to) override;
  void over(h2::Over how) override;

 private:
  wire::HeadOutcome take_head(const h2::RequestHead& head);
  Task<> refuse_head(const wire::HeadOutcome& outcome);
  Task<> finish();
  Task<bool> wait_for_room();
  void send_head(bool ends);

  void watch_hangup(net::HangupWatch* watch) override { watch_ = watch; }
  bool peer_gone() const override { return server_ == nullptr; }
  Task<bool> wait_turn() override { return true; }
  void begin_answer(const Begin& begin) override;
  Task<bool> write(std::string_view bytes, bool last) override;
  bool lagged() override { return std::exchange(lagged_, false); }
  bool goes_on() const override { return true; }
  std::uint64_t bytes_out() const override { return bytes_out_; }
  void cut() override;

  Task<Result<>> load_whole(exchange::Request& request, std::size_t size_max) override {
    return collect(request, size_max);
  }
  Task<Result<net::Piece>> next() override;
  std::uint64_t body_bytes() const override { return body_bytes_; }
  bool body_consumed(const exchange::Exchange&) const override { return true; }
  Task<Rest> skip_rest_of_body() override { return Rest::none; }
  Task<> linger() override { return {}; }
  void release_request(bool keep_memory) override;

  h2::Server* server_;  // null: the stream is over
  net::Stream& socket_;
  std::int32_t stream_;
  std::string head_text_;  // as HTTP/1.1 has it: `head_` points into it
  wire::HeadOutcome head_outcome_{};
  net::HangupWatch* watch_ = nullptr;
  bool resumable_ = false;

  std::string in_;     // came, and nobody asked for it yet
  std::string piece_;  // was asked for last
  bool in_ended_ = false;
  std::uint64_t body_bytes_ = 0;
  net::Waiter more_in_;

  generation::AnswerHead* answer_ = nullptr;  // whose head is not out
  bool bodiless_ = false;
  std::string out_;
  std::size_t out_at_ = 0;
  bool out_ended_ = false;
  bool lagged_ = false;
  std::uint64_t bytes_out_ = 0;
  net::Waiter room_;
};

/// What an HTTP/2 connection begins with.
struct Opened {
  net::Stream& stream;
  net::InBuffer& in;
  const std::string& client_address;
  const std::vector<std::string>& client_names;
};

/// A connection that speaks HTTP/2.
class Http2 final : public Upgraded {
 public:
  Http2(Services& services, const Opened& opened);

  Task<> run() override;
  void drain() override { server_.drain(); }

 private:
  friend class Http2Stream;
  h2::HandlerPtr open(std::int32_t stream, const h2::RequestHead& head);
  Task<> serve(std::shared_ptr<Http2Stream> stream);

  Services& services_;
  Opened opened_;
  h2::Server server_;
  std::size_t running_ = 0;
  net::Waiter last_;
};

}  // namespace hawser::front::http
