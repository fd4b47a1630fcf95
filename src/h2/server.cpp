#include "h2/server.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "wire/http1.hpp"

namespace hawser::h2 {

using net::IoStatus;

namespace {

constexpr std::size_t passed_over_max = 16;  // gaps; of older ones the heads are dropped
constexpr int reads_in_a_row = 8;            // some 256 KiB, then others have their turn
constexpr auto lingering_silence = 1s;       // of a client whose connection was ended
constexpr auto lingering_time = 5s;
constexpr std::size_t field_overhead = 32;  // of each field (RFC 9113, 6.5.2)

nghttp2_nv pair_of(std::string_view name, std::string_view value) {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
          value.size(), NGHTTP2_NV_FLAG_NONE};
}

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

bool costs_only(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_PING:
    case NGHTTP2_SETTINGS:
      return (frame.hd.flags & NGHTTP2_FLAG_ACK) == 0;
    case NGHTTP2_WINDOW_UPDATE:
    case NGHTTP2_PRIORITY:
      return true;
    case NGHTTP2_DATA:
      return frame.hd.length == 0 && (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0;
    default:
      return false;
  }
}

}  // namespace

/// What nghttp2 calls. `self` is the Server.
struct Server::Callbacks {
  static Server& of(void* self) { return *static_cast<Server*>(self); }

  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    Server& server = of(self);
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) server.streams_[frame->hd.stream_id];
    server.head_open_ = frame->hd.stream_id;
    server.head_since_ = server.reactor().now();
    return 0;
  }
  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* self) {
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      of(self).take_field(frame->hd.stream_id, text_of(name, name_size),
                          text_of(value, value_size));
    }
    return 0;
  }
  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    Server& server = of(self);
    const auto stream = frame->hd.stream_id;
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (costs_only(*frame)) server.spend(server.controls_);
    if (frame->hd.type == NGHTTP2_RST_STREAM) server.spend(server.resets_);
    if (frame->hd.type == NGHTTP2_HEADERS) server.head_open_ = 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      server.head_complete(stream, ends);
    } else if (ends && (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS)) {
      if (Handler* const handler = server.find(stream)) handler->input_end();
    }
    return 0;
  }
  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* frame, void* self) {
    if (frame->type == NGHTTP2_HEADERS) of(self).take_number(frame->stream_id);
    return 0;
  }
  static int sent(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    Server& server = of(self);
    // Streams that a client makes us break off are as good as those it breaks off itself.
    const bool fault = frame->hd.type == NGHTTP2_RST_STREAM &&
                       frame->rst_stream.error_code != NGHTTP2_NO_ERROR &&
                       frame->rst_stream.error_code != NGHTTP2_CANCEL;
    if (fault) server.spend(server.resets_);
    if (frame->hd.type == NGHTTP2_DATA) server.controls_.earn(2);
    server.answer_sent(*frame);
    return 0;
  }
  static int chunk(nghttp2_session* h2, std::uint8_t, std::int32_t stream,
                   const std::uint8_t* bytes, std::size_t size, void* self) {
    Server& server = of(self);
    const auto found = server.streams_.find(stream);
    if (found == server.streams_.end() || !found->second.handler) {
      nghttp2_session_consume(h2, stream, size);
      return 0;
    }
    found->second.untaken += size;
    const HandlerPtr handler = found->second.handler;  // what it does may end the stream
    handler->input(text_of(bytes, size));
    return 0;
  }
  static int close(nghttp2_session*, std::int32_t stream, std::uint32_t code, void* self) {
    of(self).close(stream, code);
    return 0;
  }
  static ssize_t read(nghttp2_session* h2, std::int32_t stream, std::uint8_t* to, std::size_t size,
                      std::uint32_t* flags, nghttp2_data_source*, void* self) {
    Server& server = of(self);
    Handler* const handler = server.find(stream);
    if (handler == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const auto output = handler->output({reinterpret_cast<char*>(to), size});
    if (output.ends) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (!output.trailers.empty()) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        std::vector<nghttp2_nv> pairs;
        for (const auto& field : output.trailers) pairs.push_back(pair_of(field.name, field.value));
        nghttp2_submit_trailer(h2, stream, pairs.data(), pairs.size());
      }
    } else if (output.size == 0) {
      return NGHTTP2_ERR_DEFERRED;
    }
    return static_cast<ssize_t>(output.size);
  }

  static nghttp2_session* make(Server& server) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, sent);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, close);
    nghttp2_option* options = nullptr;
    nghttp2_option_new(&options);
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_session* h2 = nullptr;
    nghttp2_session_server_new2(&h2, callbacks, &server, options);
    nghttp2_option_del(options);
    nghttp2_session_callbacks_del(callbacks);
    return h2;
  }
};

Server::Server(net::Stream& stream, net::InBuffer& in, Limits limits, Open open)
    : stream_(stream),
      in_(in),
      limits_(limits),
      open_(std::move(open)),
      h2_(Callbacks::make(*this)),
      bodies_(limits_.bodies_max, {}),
      resets_(limits_.config.resets_max),
      controls_(limits_.config.control_frames_max) {
  const auto window = static_cast<std::uint32_t>(limits_.config.window.count());
  std::vector<nghttp2_settings_entry> settings{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits_.config.streams_max},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits_.head_max)}};
  if (limits_.extended_connect) {
    settings.push_back({NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1});
  }
  nghttp2_submit_settings(h2_.get(), NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  const auto all = static_cast<std::int32_t>(limits_.config.connection_window.count());
  nghttp2_session_set_local_window_size(h2_.get(), NGHTTP2_FLAG_NONE, 0, all);
}

Server::~Server() {
  stream_.reactor().leave_line(*this);
}

Task<> Server::run() {
  net::Reactor& reactor = stream_.reactor();
  begun_ = heard_ = progressed_ = reactor.now();
  for (int reads = 1;; ++reads) {
    if (!in_.empty()) {
      receiving_ = true;
      const auto taken = nghttp2_session_mem_recv(
          h2_.get(), reinterpret_cast<const std::uint8_t*>(in_.data()), in_.size());
      receiving_ = false;
      in_.consume(in_.size());
      if (taken < 0) {
        // Heads that go on and on, or SETTINGS whose answers nobody takes: nghttp2 counted them.
        if (taken != NGHTTP2_ERR_BAD_CLIENT_MAGIC && taken != NGHTTP2_ERR_NOMEM) calm();
        flush();
        break;
      }
    }
    flush();
    if (over_ || flooded_) break;
    if (!has_room()) {  // it does not read us: so do we not read it
      const bool goes_on = co_await pause();
      if (!goes_on) break;
      continue;
    }
    const IoStatus status = stream_.read_now(in_);
    if (status == IoStatus::ok) {
      heard_ = reactor.now();
      pinged_ = false;
      if (reads % reads_in_a_row != 0) continue;
      if (!attend()) break;  // also where there is always something to read
      co_await next_turn();
      continue;
    }
    if (status != IoStatus::would_block || !attend()) break;
    in_.release_if_empty();
    const IoStatus waited = co_await stream_.wait(net::Channel::Want::either, next_deadline());
    if (waited == IoStatus::cancelled) {
      over_ = true;
      break;
    }
  }
  flush();
  const bool broken = std::exchange(over_, true) && !said_all_;
  for (auto streams = std::exchange(streams_, {}); auto& [id, stream] : streams) {
    if (stream.handler) stream.handler->over(Over::lost);
  }
  if (!broken && !flooded_ && out_.empty()) co_await linger();
  co_return;  // without it GCC 12 takes the end for unreachable
}

/// Lets the last frames arrive: a close with unread input is a reset, which may overtake them.
Task<> Server::linger() {
  stream_.goodbye();
  ::shutdown(stream_.fd(), SHUT_WR);
  const auto end = reactor().now() + lingering_time;
  IoStatus status = IoStatus::ok;
  for (int reads = 1; status == IoStatus::ok && reactor().now() < end; ++reads) {
    in_.consume(in_.size());
    if (reads % reads_in_a_row == 0) co_await next_turn();
    const auto deadline = std::min<Clock::time_point>(end, reactor().now() + lingering_silence);
    status = co_await stream_.read(in_, deadline);
  }
}

/// Lets the worker's other connections have their turn.
Task<> Server::next_turn() {
  net::Waiter turn(reactor());
  reactor().post([&turn] { turn.complete(IoStatus::ok); });
  co_await turn.wait(Clock::time_point::max());
}

/// Until its client takes something. False: the connection is to end.
Task<bool> Server::pause() {
  heard_ = reactor().now();  // its silence is not judged while nobody listens
  if (!attend()) co_return false;
  const IoStatus waited = co_await stream_.wait(net::Channel::Want::either, next_deadline());
  co_return waited != IoStatus::cancelled;
}

void Server::drain() {
  draining_ = true;
  nghttp2_submit_shutdown_notice(h2_.get());
  nghttp2_submit_goaway(h2_.get(), NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(h2_.get()), NGHTTP2_NO_ERROR,
                        nullptr, 0);
  stream_.waiter().complete(IoStatus::ok);
}

// --- streams

/// Streams are opened in the order of their numbers: one that was passed over is closed, and to
/// open it is a fault of the connection (RFC 9113, 5.1.1). nghttp2 takes it for a stream that ended
/// and drops the head, so that its client would wait for ever.
void Server::take_number(std::int32_t stream) {
  if (stream % 2 == 0) return;  // nghttp2 refuses it
  if (stream > last_number_) {
    if (stream > last_number_ + 2) passed_over_.push_back({last_number_ + 2, stream - 2});
    if (passed_over_.size() > passed_over_max) passed_over_.erase(passed_over_.begin());
    last_number_ = stream;
    return;
  }
  const auto holds = [stream](const Numbers& gap) {
    return gap.first <= stream && stream <= gap.last;
  };
  if (std::none_of(passed_over_.begin(), passed_over_.end(), holds)) return;
  nghttp2_session_terminate_session(h2_.get(), NGHTTP2_PROTOCOL_ERROR);
}

Handler* Server::find(std::int32_t stream) const {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? nullptr : found->second.handler.get();
}

void Server::take_field(std::int32_t stream, std::string_view name, std::string_view value) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  Stream& open = found->second;
  RequestHead& head = open.head;
  open.head_bytes += name.size() + value.size() + field_overhead;
  if (!name.starts_with(':')) ++open.fields;
  if (open.head_bytes > limits_.head_max || open.fields > limits_.fields_max) {
    // The block is read to its end, for the coding's state is the connection's; but not for ever.
    head.large = true;
    head.fields.clear();
    if (open.head_bytes > 8 * limits_.head_max || open.fields > 8 * limits_.fields_max) calm();
    return;
  }
  if (name == ":method") {
    head.method = value;
  } else if (name == ":scheme") {
    head.scheme = value;
  } else if (name == ":authority") {
    head.authority = value;
  } else if (name == ":path") {
    head.path = value;
  } else if (name == ":protocol") {
    head.protocol = value;
  } else if (name == "cookie") {
    // Crumbs become one field for those behind us (RFC 9113, 8.2.3).
    const auto jar = std::find_if(head.fields.begin(), head.fields.end(),
                                  [](const Field& field) { return field.name == "cookie"; });
    if (jar == head.fields.end()) {
      head.fields.push_back({"cookie", std::string(value)});
    } else {
      jar->value.append("; ").append(value);
    }
  } else if (!name.starts_with(':')) {
    head.fields.push_back({std::string(name), std::string(value)});
  }
}

void Server::head_complete(std::int32_t stream, bool ends) {
  const auto found = streams_.find(stream);
  if (found == streams_.end() || found->second.handler || flooded_) return;
  RequestHead head = std::exchange(found->second.head, {});
  head.ends = ends;
  HandlerPtr handler = open_(*this, stream, std::move(head));
  asked_ = true;
  if (!handler) {
    reset(stream, NGHTTP2_REFUSED_STREAM);
    return;
  }
  // What serves it may have ended it already.
  const auto still = streams_.find(stream);
  if (still != streams_.end()) still->second.handler = std::move(handler);
}

void Server::close(std::int32_t stream, std::uint32_t code) {
  const auto found = streams_.find(stream);
  if (head_open_ == stream) head_open_ = 0;
  if (found == streams_.end()) return;
  const HandlerPtr handler = std::move(found->second.handler);
  const std::size_t untaken = found->second.untaken;
  streams_.erase(found);
  if (untaken > 0) nghttp2_session_consume_connection(h2_.get(), untaken);
  if (handler) handler->over(code == NGHTTP2_NO_ERROR ? Over::done : Over::cancelled);
}

void Server::respond(std::int32_t stream, int status, const std::vector<Field>& fields, bool ends) {
  const auto found = streams_.find(stream);
  if (found == streams_.end() || std::exchange(found->second.answered, true)) return;
  const std::string code = std::to_string(status);
  std::vector<nghttp2_nv> pairs{pair_of(":status", code)};
  for (const Field& field : fields) pairs.push_back(pair_of(field.name, field.value));
  nghttp2_data_provider provider{{.ptr = nullptr}, Callbacks::read};
  nghttp2_submit_response(h2_.get(), stream, pairs.data(), pairs.size(),
                          ends ? nullptr : &provider);
  soon();
}

void Server::resume(std::int32_t stream) {
  nghttp2_session_resume_data(h2_.get(), stream);
  soon();
}

void Server::consumed(std::int32_t stream, std::size_t size) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;  // given back when it ended
  size = std::min(size, found->second.untaken);
  if (size == 0) return;
  found->second.untaken -= size;
  nghttp2_session_consume(h2_.get(), stream, size);
  soon();
}

/// An answer that is whole while its request is not: what is left of the request is not wanted any
/// more, and dropped (RFC 9113, 8.1).
void Server::answer_sent(const nghttp2_frame& frame) {
  const bool content = frame.hd.type == NGHTTP2_HEADERS || frame.hd.type == NGHTTP2_DATA;
  if (!content || (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
  if (nghttp2_session_get_stream_remote_close(h2_.get(), frame.hd.stream_id) != 0) return;
  nghttp2_submit_rst_stream(h2_.get(), NGHTTP2_FLAG_NONE, frame.hd.stream_id, NGHTTP2_NO_ERROR);
}

void Server::reset(std::int32_t stream, std::uint32_t code) {
  nghttp2_submit_rst_stream(h2_.get(), NGHTTP2_FLAG_NONE, stream, code);
  soon();
}

// --- what costs and brings nothing

void Server::spend(Allowance& allowance) {
  if (!allowance.spend(reactor().now())) calm();
}

void Server::calm() {
  if (std::exchange(flooded_, true)) return;
  nghttp2_session_terminate_session(h2_.get(), NGHTTP2_ENHANCE_YOUR_CALM);
  stream_.waiter().complete(IoStatus::ok);
}

// --- deadlines

/// Looks at the deadlines. False: the connection is to end.
bool Server::attend() {
  const auto now = reactor().now();
  if (draining_ && streams_.empty() && out_.empty()) return false;
  if (head_open_ != 0 && now >= head_since_ + limits_.head_timeout) return false;
  if (!out_.empty() && now >= progressed_ + limits_.write_timeout) return false;
  if (now >= dead_at()) return false;
  if (!streams_.empty() && now >= heard_ + limits_.keepalive && !std::exchange(pinged_, true)) {
    nghttp2_submit_ping(h2_.get(), NGHTTP2_FLAG_NONE, nullptr);
    flush();
  }
  if (streams_.empty() && now >= idle_since() + idle_timeout()) {
    nghttp2_session_terminate_session(h2_.get(), NGHTTP2_NO_ERROR);
    return false;
  }
  return true;
}

Clock::time_point Server::next_deadline() const {
  auto next = Clock::time_point::max();
  if (head_open_ != 0) next = std::min(next, head_since_ + limits_.head_timeout);
  if (!out_.empty()) next = std::min(next, progressed_ + limits_.write_timeout);
  if (streams_.empty()) {
    next = std::min(next, idle_since() + idle_timeout());
  } else {
    next = std::min<Clock::time_point>(next, pinged_ ? dead_at() : heard_ + limits_.keepalive);
  }
  return next;
}

/// Two signs of life that stay out: whoever is there is not.
Clock::time_point Server::dead_at() const {
  if (!pinged_) return Clock::time_point::max();
  return heard_ + 2 * limits_.keepalive + limits_.keepalive / 6;
}

}  // namespace hawser::h2
