#pragma once

#include <memory>
#include <optional>
#include <string>

#include "front/http/response_writer.hpp"
#include "front/http/serving.hpp"
#include "http/body_reader.hpp"

namespace hawser::front::http {

/// One client connection: reads requests, serves each, writes the answers in order.
class Session final : private Serving, private net::Companion {
 public:
  /// @param http2_only  speaks nothing else, from the first byte on
  Session(Services& services, std::unique_ptr<net::Stream> stream,
          const std::string& client_address, std::uint32_t listener, bool http2_only = false);

  /// Serves requests until either side ends the connection.
  Task<> run();
  /// The process ends soon: ends the connection if it waits between two requests, and one that
  /// never asked anything if it goes on so.
  void close_if_idle() {
    if (upgraded_) return upgraded_->drain();
    if (idle_ || (!served_ && !last_call_)) stream_->cancel();
  }

  std::size_t place = 0;  // among its worker's sessions

 private:
  Task<bool> shake_hands();
  enum class HeadRead : std::uint8_t { complete, ended, answered, http2 };
  Task<HeadRead> read_head();
  Task<net::IoStatus> await_input(Clock::time_point deadline, bool begun);
  Task<> refuse_head(const wire::HeadOutcome& outcome);
  Task<bool> serve_one();
  Task<> serve_http2();
  bool begins_http2() const;

  // A connection that leaves HTTP: upgrade.cpp.
  bool asks_for_upgrade() const;
  Task<bool> upgrade();
  Task<> refuse_upgrade(const Error& error, std::string_view fields);

  void watch_hangup(net::HangupWatch* watch) override { stream_->watch_hangup(watch); }
  bool peer_gone() const override { return stream_->peer_gone() && !only_input_ended(); }
  void hung_up() override;
  bool only_input_ended() const;
  void ask_whether_it_reads();
  net::Channel* in_turns() override { return stream_.get(); }
  const net::Companion* touched() const override { return this; }
  void prefetch(int) const override {
    fetch(static_cast<const Serving*>(this), 64);
    fetch(stream_.get(), sizeof(net::Stream));
    fetch(&writer_, sizeof writer_);
  }
  void begin_answer(const Begin& begin) override;
  Task<bool> write(std::string_view bytes, bool last) override;
  bool lagged() override { return writer_->lagged(); }
  bool goes_on() const override { return writer_->keep_alive(); }
  std::uint64_t bytes_out() const override { return writer_->bytes(); }
  void cut() override { stream_->reset_on_close(); }

  // The request's body, for the stages: body.cpp.
  std::uint64_t body_bytes() const override { return body_.bytes(); }
  bool body_consumed(const exchange::Exchange& exchange) const override;
  Task<Rest> skip_rest_of_body() override;
  Task<> linger() override { return linger_for(milliseconds(5000)); }
  Task<> linger_for(milliseconds silence_max);
  void release_request(bool keep_memory) override;
  Task<Result<>> load_whole(exchange::Request& request, std::size_t size_max) override;
  Task<Result<net::Piece>> next() override;
  net::ConnectionBytes& connection_bytes() override { return bytes_; }
  Task<bool> say_continue();
  void detach_head();
  Clock::time_point body_deadline() const { return Clock::now() + limits_.body_timeout; }

  std::unique_ptr<net::Stream> stream_;
  net::InBuffer in_;
  net::ConnectionBytes bytes_{};
  std::size_t head_size_ = 0;  // of the head that still stands in `in_`
  std::string kept_head_;      // the head, once its body streams through `in_`
  hawser::http::BodyReader body_;
  std::optional<ResponseWriter> writer_;  // of the answer under way
  std::size_t announced_ = 0;             // bytes of its status line that are out before it
  bool continue_owed_ = false;
  bool http2_only_ = false;
  bool served_ = false;
  bool idle_ = false;       // waits for another request after the first
  bool last_call_ = false;  // never asked anything, and the process ends soon
  std::unique_ptr<Upgraded> upgraded_{};
};

}  // namespace hawser::front::http
