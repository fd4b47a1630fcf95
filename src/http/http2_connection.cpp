#include "http/http2_connection.hpp"

#include <openssl/bio.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "http/http2_stream.hpp"
#include "net/acknowledged.hpp"

namespace hawser::http {

using net::IoStatus;

namespace {

constexpr std::size_t out_max = 256 * 1024;  // that waits for the socket
constexpr std::uint32_t header_list_max = 128 * 1024;
constexpr std::size_t sent_head_max = 256 * 1024;
// All that comes is taken in at once, into the windows of the streams: one that is not read keeps
// none of the others waiting.
constexpr std::int32_t connection_window = 16 * 1024 * 1024;
constexpr int reads_in_a_row = 64;

}  // namespace

/// What nghttp2 calls. `self` is the Http2Connection.
struct Http2Connection::Callbacks {
  static Http2Connection& of(void* self) { return *static_cast<Http2Connection*>(self); }
  static std::string_view text(const std::uint8_t* bytes, std::size_t size) {
    return {reinterpret_cast<const char*>(bytes), size};
  }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* self) {
    Http2Stream* const stream = of(self).find(frame->hd.stream_id);
    if (stream == nullptr) return 0;
    if (text(name, name_size) == "x-hawser-heartbeat")
      of(self).see_promise(text(value, value_size));
    if (stream->add_field(text(name, name_size), text(value, value_size))) return 0;
    stream->malformed_ = true;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // resets the stream
  }
  /// A field that RFC 9113 forbids.
  static int bad_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t*,
                        std::size_t, const std::uint8_t*, std::size_t, std::uint8_t, void* self) {
    if (Http2Stream* const stream = of(self).find(frame->hd.stream_id)) stream->malformed_ = true;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  static int frame(nghttp2_session* h2, const nghttp2_frame* frame, void* self) {
    Http2Connection& connection = of(self);
    if (frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) {
      connection.streams_max_ =
          nghttp2_session_get_remote_settings(h2, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
      connection.settled_ = connection.room_news_ = true;
    }
    if (frame->hd.type == NGHTTP2_GOAWAY) connection.going_ = connection.room_news_ = true;
    Http2Stream* const stream = connection.find(frame->hd.stream_id);
    if (stream == nullptr) return 0;
    const bool head = frame->hd.type == NGHTTP2_HEADERS;
    if (head && !stream->head_whole_) stream->head_ended();
    if (frame->hd.type == NGHTTP2_RST_STREAM) stream->reset_by_peer_ = true;
    const bool content = head || frame->hd.type == NGHTTP2_DATA;
    if (content && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) stream->ended();
    connection.note(*stream);
    return 0;
  }
  static int bad_frame(nghttp2_session*, const nghttp2_frame* frame, int, void* self) {
    if (Http2Stream* const stream = of(self).find(frame->hd.stream_id)) stream->malformed_ = true;
    return 0;
  }
  static int not_sent(nghttp2_session*, const nghttp2_frame* frame, int, void* self) {
    Http2Stream* const stream = of(self).find(frame->hd.stream_id);
    if (stream == nullptr || frame->hd.type != NGHTTP2_HEADERS) return 0;
    stream->refused_ = true;
    return close(nullptr, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM, self);
  }
  static int chunk(nghttp2_session* h2, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                   std::size_t size, void* self) {
    nghttp2_session_consume_connection(h2, size);
    Http2Stream* const stream = of(self).find(id);
    if (stream == nullptr) return 0;
    stream->take_in(text(bytes, size));
    of(self).note(*stream);
    return 0;
  }
  static int close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* self) {
    Http2Connection& connection = of(self);
    Http2Stream* const stream = connection.find(id);
    if (stream == nullptr) return 0;
    connection.streams_.erase(id);
    stream->closed(code);
    if (stream->refused_) ++connection.pool_->refused_;
    connection.note(*stream);
    connection.room_news_ = true;
    if (connection.streams() == 0) connection.idle_since_ = connection.reactor().now();
    return 0;
  }
  static ssize_t read(nghttp2_session*, std::int32_t id, std::uint8_t* to, std::size_t size,
                      std::uint32_t* flags, nghttp2_data_source*, void* self) {
    Http2Stream* const stream = of(self).find(id);
    if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const std::size_t taken = stream->take_out(reinterpret_cast<char*>(to), size);
    if (stream->sent_all() && stream->last_) *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream->sent_all() && taken > 0 && stream->waiter_.waiting()) of(self).note(*stream);
    const bool nothing = taken == 0 && (*flags & NGHTTP2_DATA_FLAG_EOF) == 0;
    return nothing ? static_cast<ssize_t>(NGHTTP2_ERR_DEFERRED) : static_cast<ssize_t>(taken);
  }

  static nghttp2_session* make(Http2Connection& connection) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, bad_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, bad_frame);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, not_sent);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, close);
    nghttp2_option* options = nullptr;
    nghttp2_option_new(&options);
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_option_set_max_send_header_block_length(options, sent_head_max);
    nghttp2_session* h2 = nullptr;
    nghttp2_session_client_new2(&h2, callbacks, &connection, options);
    nghttp2_option_del(options);
    nghttp2_session_callbacks_del(callbacks);
    return h2;
  }
};

Http2Connection::Http2Connection(std::shared_ptr<OriginPool> pool,
                                 std::unique_ptr<net::Stream> stream, net::BlockPool& blocks,
                                 const net::PoolConfig& config)
    : pool_(std::move(pool)),
      stream_(std::move(stream)),
      in_(blocks),
      config_(config),
      h2_(Callbacks::make(*this)),
      since_(reactor().now()),
      idle_since_(since_),
      heard_(since_) {
  const std::array<nghttp2_settings_entry, 3> settings{
      {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
       {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<std::uint32_t>(config_.window.count())},
       {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, header_list_max}}};
  nghttp2_submit_settings(h2_.get(), NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(h2_.get(), NGHTTP2_FLAG_NONE, 0, connection_window);
}

Http2Connection::~Http2Connection() {
  reactor().leave_line(*this);
}

Task<> Http2Connection::run() {
  const auto self = shared_from_this();
  for (int reads = 1;; ++reads) {
    flush();
    tell();
    if (over_) break;
    const IoStatus status = stream_->read_now(in_);
    if (status == IoStatus::ok) {
      if (!receive()) break;
      if (reads % reads_in_a_row != 0) continue;
      net::Waiter turn(reactor());
      reactor().post([&turn] { turn.complete(IoStatus::ok); });
      co_await turn.wait(Clock::time_point::max());
      continue;
    }
    ended_well_ = status == IoStatus::closed;
    if (status == IoStatus::failed && stream_->secured()) alert_ = net::tls_alert();
    if (status != IoStatus::would_block || !attend()) break;
    in_.release_if_empty();
    const IoStatus waited = co_await stream_->wait(net::Channel::Want::either, next_deadline());
    if (waited == IoStatus::cancelled) break;
  }
  end();
  co_return;  // without it GCC 12 takes the end for unreachable
}

bool Http2Connection::receive() {
  heard_ = reactor().now();
  keepalive_.heard(heard_);
  pinged_ = false;
  receiving_ = true;
  const auto taken = nghttp2_session_mem_recv(
      h2_.get(), reinterpret_cast<const std::uint8_t*>(in_.data()), in_.size());
  receiving_ = false;
  in_.consume(in_.size());
  if (taken >= 0) return true;
  nonsense_ = true;
  return false;
}

bool Http2Connection::lose() {
  ++pool_->lost_;
  return false;
}

/// Looks at the deadlines. False: the connection is to end.
bool Http2Connection::attend() {
  const auto now = reactor().now();
  if (!settled_ && now - since_ >= config_.ping_timeout) return lose();
  if (pinged_ && now - pinged_at_ >= config_.ping_timeout) return lose();
  if (config_.ping_interval > 0ms && !pinged_ && now - heard_ >= config_.ping_interval) {
    pinged_ = true;
    pinged_at_ = now;
    nghttp2_submit_ping(h2_.get(), NGHTTP2_FLAG_NONE, nullptr);
    flush();
  }
  if (!keep_alive(now)) return lose();
  if ((going_ || closing_ || pool_->closing_) && streams() == 0) return false;
  return nghttp2_session_want_read(h2_.get()) != 0 || nghttp2_session_want_write(h2_.get()) != 0;
}

/// Another gateway says with its answers how often it is heard from while one is under way.
void Http2Connection::see_promise(std::string_view every) {
  milliseconds::rep ms = 0;
  std::from_chars(every.data(), every.data() + every.size(), ms);
  if (ms > 0) promised_ = milliseconds(std::min(ms, Keepalive::period_max.count()));
}

/// While answers are waited for a silent gateway is asked sooner. False: it is dead.
bool Http2Connection::keep_alive(Clock::time_point now) {
  if (promised_ == 0ms || streams() == 0) {
    keepalive_.end();
  } else if (!keepalive_.active()) {
    keepalive_.begin(now, 0ms, promised_);
  }
  const auto step = keepalive_.step(now);
  if (step == Keepalive::Step::probe) {
    nghttp2_submit_ping(h2_.get(), NGHTTP2_FLAG_NONE, nullptr);
    flush();
  }
  return step != Keepalive::Step::dead;
}

Clock::time_point Http2Connection::next_deadline() const {
  auto next = keepalive_.next();
  if (pinged_) {
    next = std::min<Clock::time_point>(next, pinged_at_ + config_.ping_timeout);
  } else if (config_.ping_interval > 0ms) {
    next = std::min<Clock::time_point>(next, heard_ + config_.ping_interval);
  }
  if (!settled_) next = std::min<Clock::time_point>(next, since_ + config_.ping_timeout);
  return next;
}

void Http2Connection::end() {
  // It reads no more where it gave up what it read.
  if (!going_ && nghttp2_session_want_read(h2_.get()) == 0) nonsense_ = true;
  if (!nonsense_) nghttp2_session_terminate_session(h2_.get(), NGHTTP2_NO_ERROR);
  flush();
  over_ = true;
  const auto streams = std::exchange(streams_, {});
  for (const auto& [id, stream] : streams) {
    stream->lost(nonsense_);
    note(*stream);
  }
  pool_->gone(*this);
  tell();
  stream_->goodbye();
}

// --- streams

nghttp2_data_provider Http2Connection::body_of_streams() {
  return {{.ptr = nullptr}, Callbacks::read};
}

std::size_t Http2Connection::room() const {
  if (!usable() || closing_ || nghttp2_session_check_request_allowed(h2_.get()) == 0) return 0;
  const std::size_t most = std::min(streams_max_, config_.streams_max);
  return most > streams() ? most - streams() : 0;
}

UpstreamPtr Http2Connection::begin() {
  ++begun_;
  return std::make_unique<Http2Stream>(shared_from_this(), ++exchanges_ == 1);
}

Http2Stream* Http2Connection::find(std::int32_t id) const {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second;
}

void Http2Connection::resume(const Http2Stream& stream) {
  if (over_ || stream.over_) return;
  nghttp2_session_resume_data(h2_.get(), stream.id_);
  soon();
}

void Http2Connection::consumed(const Http2Stream& stream, std::size_t bytes) {
  if (over_ || stream.over_) return;
  nghttp2_session_consume_stream(h2_.get(), stream.id_, bytes);
  if (nghttp2_session_want_write(h2_.get()) != 0) soon();
}

void Http2Connection::note(Http2Stream& stream) {
  if (!std::exchange(stream.noted_, true)) told_.push_back(&stream);
}

void Http2Connection::forget(Http2Stream& stream) {
  if (stream.noted_) {
    std::replace(told_.begin(), told_.end(), &stream, static_cast<Http2Stream*>(nullptr));
  }
  if (std::exchange(stream.counted_, false)) --begun_;
  const auto found = streams_.find(stream.id_);
  const bool open = found != streams_.end() && found->second == &stream;
  if (open) streams_.erase(found);
  if (streams() == 0) idle_since_ = reactor().now();
  if (over_) return;
  if (open) {
    nghttp2_submit_rst_stream(h2_.get(), NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_CANCEL);
    soon();
  }
  pool_->announce_room();
  stop_if_done();
}

/// The last stream of a connection that takes no more: it ends.
void Http2Connection::stop_if_done() {
  if (!over_ && (going_ || closing_) && streams() == 0) stream_->waiter().complete(IoStatus::ok);
}

bool Http2Connection::close_if_idle() {
  if (over_ || closing_ || streams() > 0) return false;
  closing_ = true;
  stop_if_done();
  return true;
}

/// Resumes those who have news. What they do may add to the list, and end this connection.
void Http2Connection::tell() {
  if (std::exchange(room_news_, false)) {
    if (settled_) pool_->peer_streams_max_ = streams_max_;
    pool_->announce_room();
  }
  for (std::size_t i = 0; i < told_.size(); ++i) {
    Http2Stream* const stream = std::exchange(told_[i], nullptr);
    if (stream == nullptr) continue;
    stream->noted_ = false;
    stream->waiter_.complete(IoStatus::ok);
  }
  told_.clear();
}

// --- bytes

void Http2Connection::soon() {
  if (flushing_ || receiving_ || over_) return;  // what is to be sent is sent behind it
  if (reactor().busy()) {
    reactor().join_line(*this);
  } else {
    send_out();
  }
}

/// Its last stream may be gone, and its own coroutine ends where what is sent meets a closed
/// socket.
void Http2Connection::turn() {
  const auto self = shared_from_this();
  send_out();
}

void Http2Connection::send_out() {
  flush();
  if (over_ || told_.empty()) return;
  reactor().post([self = shared_from_this()] { self->tell(); });
}

/// Takes what nghttp2 has to say, up to a bound. False: nothing.
bool Http2Connection::pull() {
  bool any = false;
  while (out_.size() - out_at_ < out_max) {
    const std::uint8_t* bytes = nullptr;
    const auto size = nghttp2_session_mem_send(h2_.get(), &bytes);
    if (size <= 0) break;
    out_.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    any = true;
  }
  return any;
}

void Http2Connection::flush() {
  if (flushing_ || over_) return;
  flushing_ = true;
  for (bool goes = true; goes;) {
    goes = pull();
    while (out_at_ < out_.size() || !stream_->flushed()) {
      const std::string_view rest = std::string_view(out_).substr(out_at_);
      const net::IoResult sent = stream_->try_write({&rest, 1});
      out_at_ += sent.bytes;
      sent_ += sent.bytes;
      if (sent.status == IoStatus::ok) continue;  // TLS takes one record at a time
      goes = false;
      over_ = sent.status != IoStatus::would_block;
      break;
    }
    if (out_at_ < out_.size()) continue;
    out_.clear();
    out_at_ = 0;
  }
  if (out_.empty() && out_.capacity() > 4096) std::string().swap(out_);
  flushing_ = false;
  if (over_) stream_->cancel();
}

std::uint64_t Http2Connection::bytes_on_wire() const {
  return stream_->secured() ? BIO_number_written(SSL_get_wbio(stream_->ssl())) : sent_;
}

bool Http2Connection::nothing_read_behind(std::uint64_t bytes) const {
  if (bytes_on_wire() <= bytes) return true;
  return ended_well_ && net::nothing_acknowledged_behind(stream_->fd(), bytes);
}

}  // namespace hawser::http
