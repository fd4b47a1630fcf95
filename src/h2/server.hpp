#pragma once

#include <nghttp2/nghttp2.h>

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "h2/allowance.hpp"
#include "h2/config.hpp"
#include "net/connection_budget.hpp"
#include "net/stream.hpp"

/// HTTP/2 from the server's side (RFC 9113), on nghttp2: framing, flow control, and what a client
/// may ask of a connection. What requests are is not known here.
namespace hawser::h2 {

struct Field {
  std::string name{};
  std::string value{};
};

/// The head of a request, as it came: nghttp2 has checked what RFC 9113, 8 asks of it.
struct RequestHead {
  std::string method{};
  std::string scheme{};
  std::string authority{};
  std::string path{};
  std::string protocol{};  // of an extended CONNECT (RFC 8441)
  std::vector<Field> fields{};
  bool ends = false;   // no body follows
  bool large = false;  // more fields or bytes than allowed: some are missing here
};

/// How a stream ended for the one who serves it.
enum class Over : std::uint8_t {
  done,
  cancelled,  // by the client's RST_STREAM, or by a fault of the stream
  lost,       // the connection is gone
};

/// What is served on one stream. The connection owns it until the stream is over.
class Handler {
 public:
  virtual ~Handler() = default;
  /// Content of the request. So much of it may come as was counted as taken by
  /// Server::consumed(): count bytes when whoever they are for takes them, not before.
  virtual void input(std::string_view bytes) = 0;
  virtual void input_end() = 0;

  /// What goes out next, into `to`.
  struct Output {
    std::size_t size = 0;
    bool ends = false;              // nothing follows; else a size of 0 waits for Server::resume()
    std::vector<Field> trailers{};  // of the end
  };
  virtual Output output(std::span<char> to) = 0;
  /// The last call.
  virtual void over(Over how) = 0;
};
using HandlerPtr = std::shared_ptr<Handler>;

/// What is served where all was said: it takes no input and has no output.
class Nothing final : public Handler {
 public:
  void input(std::string_view) override {}
  void input_end() override {}
  Output output(std::span<char>) override { return {.size = 0, .ends = true, .trailers = {}}; }
  void over(Over) override {}
};

/// One connection.
class Server final : private net::Turn {
 public:
  struct Limits {
    Http2Config config{};
    std::size_t head_max = 64 * 1024;  // bytes of all fields
    std::size_t fields_max = 128;      // crumbs of a cookie count each
    milliseconds head_timeout{10'000};
    milliseconds first_timeout{75'000};  // to the first request
    milliseconds idle_timeout{75'000};   // between requests
    milliseconds write_timeout{60'000};
    milliseconds keepalive{30'000};  // a silent connection is asked for a sign of life so often
    std::size_t bodies_max = 64 * 1024 * 1024;  // what bodies() may hold
    bool extended_connect = false;
  };
  /// Makes what serves a request; null: it is reset as refused.
  using Open = std::function<HandlerPtr(Server&, std::int32_t stream, RequestHead head)>;

  Server(net::Stream& stream, net::InBuffer& in, Limits limits, Open open);
  ~Server();

  /// Until the connection is over and every stream has been told.
  Task<> run();
  /// No new streams; the connection ends with the last one.
  void drain();

  /// Sends a head; what follows is asked for by Handler::output(), unless it `ends`.
  /// @param fields  names in small letters
  void respond(std::int32_t stream, int status, const std::vector<Field>& fields, bool ends);
  /// There is output again.
  void resume(std::int32_t stream);
  /// So many bytes of the input were taken: as many may come. What a stream leaves untaken at its
  /// end is given back by itself.
  void consumed(std::int32_t stream, std::size_t size);
  /// Breaks the stream off.
  void reset(std::int32_t stream, std::uint32_t code);

  net::Reactor& reactor() const { return stream_.reactor(); }
  /// What the bodies of its requests may hold together, beyond what waits within the windows.
  net::ConnectionBudget& bodies() { return bodies_; }
  /// Whether it was ended because its client sent too much of what costs and brings nothing.
  bool flooded() const { return flooded_; }

 private:
  struct Callbacks;
  struct SessionFree {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };
  struct Stream {
    RequestHead head{};
    std::size_t head_bytes = 0;
    std::size_t fields = 0;
    HandlerPtr handler{};
    std::size_t untaken = 0;  // bytes of its body that still count against the windows
    bool answered = false;
  };

  struct Numbers {
    std::int32_t first = 0;
    std::int32_t last = 0;
  };

  void turn() override { flush(); }
  void soon();
  void flush();
  bool pull();
  bool has_room() const { return out_.size() - out_at_ < out_max; }
  Task<bool> pause();
  Task<> linger();
  Task<> next_turn();
  bool attend();
  Clock::time_point next_deadline() const;
  Clock::time_point dead_at() const;
  Clock::time_point idle_since() const { return asked_ ? std::max(heard_, progressed_) : begun_; }
  milliseconds idle_timeout() const {
    return asked_ ? limits_.idle_timeout : limits_.first_timeout;
  }
  void answer_sent(const nghttp2_frame& frame);
  void take_number(std::int32_t stream);
  void take_field(std::int32_t stream, std::string_view name, std::string_view value);
  void head_complete(std::int32_t stream, bool ends);
  void close(std::int32_t stream, std::uint32_t code);
  void spend(Allowance& allowance);
  void calm();
  Handler* find(std::int32_t stream) const;

  static constexpr std::size_t out_max = 256 * 1024;  // that waits for the socket

  net::Stream& stream_;
  net::InBuffer& in_;
  Limits limits_;
  Open open_;
  std::unique_ptr<nghttp2_session, SessionFree> h2_;
  std::unordered_map<std::int32_t, Stream> streams_;
  net::ConnectionBudget bodies_;
  Allowance resets_;
  Allowance controls_;
  std::string out_{};
  std::size_t out_at_ = 0;
  bool flushing_ = false;
  bool receiving_ = false;  // nghttp2 is in our callbacks
  bool over_ = false;
  bool said_all_ = false;  // and heard all: over in peace
  bool draining_ = false;
  bool flooded_ = false;
  bool pinged_ = false;
  bool asked_ = false;             // there was a request
  std::int32_t head_open_ = 0;     // the stream whose head is not complete; 0: none
  std::int32_t last_number_ = -1;  // the highest stream that was opened
  std::vector<Numbers> passed_over_{};
  Clock::time_point begun_{};
  Clock::time_point head_since_{};
  Clock::time_point heard_{};
  Clock::time_point progressed_{};
};

}  // namespace hawser::h2
