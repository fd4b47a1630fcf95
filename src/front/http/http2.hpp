#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "front/http/serving.hpp"
#include "h2/server.hpp"

namespace hawser::front::http {

class Http2;
class Http2Socket;

/// "Name: value\r\n"... as fields of HTTP/2, which has none that end at the next hop.
std::vector<h2::Field> fields_of(std::string_view text);

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
  net::Channel* in_turns() override { return nullptr; }
  void begin_answer(const Begin& begin) override;
  Task<bool> write(std::string_view bytes, bool last) override;
  Task<bool> write_part(std::string_view bytes, bool last);
  Task<bool> write_long(std::string_view bytes, bool last);
  bool lagged() override { return std::exchange(lagged_, false); }
  bool goes_on() const override { return true; }
  std::uint64_t bytes_out() const override { return bytes_out_; }
  void cut() override;

  Task<Result<>> load_whole(exchange::Request& request, std::size_t size_max) override {
    return collect(request, size_max);
  }
  net::ConnectionBytes& connection_bytes() override { return connection_bytes_; }
  Task<Result<net::Piece>> next() override;
  std::uint64_t body_bytes() const override { return body_bytes_; }
  bool body_consumed(const exchange::Exchange&) const override { return true; }
  Task<Rest> skip_rest_of_body() override;
  Task<Rest> drop_body();
  Task<> linger() override { return {}; }
  void release_request(bool keep_memory) override;

  h2::Server* server_;  // null: the stream is over
  net::Stream& socket_;
  net::ConnectionBytes& connection_bytes_;  // of the connection, which waits for its streams
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
  std::uint32_t listener = 0;
};

/// A WebSocket on a stream (RFC 8441), for a front that knows sockets only: one end of a pair is
/// its, what comes out at the other end are the stream's contents.
class Http2Socket final : public h2::Handler {
 public:
  Http2Socket(Http2& connection, std::int32_t stream, const h2::RequestHead& head);

  /// Hands it over and passes bytes on, until both sides are through.
  Task<> run();

  void input(std::string_view bytes) override;
  void input_end() override;
  Output output(std::span<char> to) override;
  void over(h2::Over how) override;
  /// Whether it holds sockets for a client that has not shown a key yet.
  bool unproven() const { return front_ != nullptr && !front_->known_client(); }

 private:
  Result<> open_pair();
  Task<> refuse(const Error& error, std::string_view fields);
  Task<> serve();
  Task<> finish();
  Task<> pump();
  bool pass_in();
  bool take_out();

  Http2& connection_;
  Services& services_;
  h2::Server* server_;  // null: the stream is over
  std::int32_t stream_;
  std::string head_text_;
  wire::RequestHead head_{};
  std::unique_ptr<net::Stream> theirs_;
  std::unique_ptr<net::InBuffer> their_in_;
  std::unique_ptr<net::Stream> ours_;
  std::unique_ptr<Upgraded> front_{};  // reads and writes `theirs_`
  std::optional<Places::Place> place_{};
  std::string in_;  // from the client, for the front
  bool in_ended_ = false;
  std::string out_;  // from the front, for the client
  bool out_ended_ = false;
  bool front_over_ = false;
  net::Waiter news_;
};

/// A connection that speaks HTTP/2.
class Http2 final : public Upgraded {
 public:
  Http2(Services& services, const Opened& opened);

  Task<> run() override;
  void drain() override { server_.drain(); }

 private:
  friend class Http2Stream;
  friend class Http2Socket;
  h2::HandlerPtr open(std::int32_t stream, h2::RequestHead head);
  template <class Served>
  Task<> serve(std::shared_ptr<Served> served);
  void ended();
  std::size_t unproven_sockets() const;

  Services& services_;
  Opened opened_;
  net::ConnectionBytes bytes_;
  h2::Server server_;
  std::size_t running_ = 0;
  std::vector<const Http2Socket*> sockets_;  // of WebSockets
  net::Waiter last_;
};

}  // namespace hawser::front::http
