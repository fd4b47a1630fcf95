#include "front/grpc/session.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "base/base64.hpp"
#include "net/tls_server.hpp"
#include "telemetry/log.hpp"
#include "wire/http1.hpp"

namespace hawser::front::grpc {

using net::IoStatus;

namespace {

constexpr std::size_t out_max = 256 * 1024;  // that waits for the socket
constexpr std::uint32_t window = 1024 * 1024;
constexpr std::uint32_t header_list_max = 64 * 1024;
constexpr int reads_in_a_row = 64;

nghttp2_nv field(std::string_view name, std::string_view value) {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
          value.size(), NGHTTP2_NV_FLAG_NONE};
}

void log_bug(std::exception_ptr bug) {
  try {
    std::rethrow_exception(bug);
  } catch (const std::exception& e) {
    log::error("a call ended by a bug", {{"what", log::redacted(e.what())}});
  }
}

/// The trailers of a call, or the whole head of one that fails at once.
struct Trailers {
  std::string status{}, message{}, details{};
  std::vector<nghttp2_nv> fields{};

  explicit Trailers(const Ending& ending) {
    status = std::to_string(static_cast<int>(ending.status));
    message = encode_message(ending.message);
    append_base64(details, ending.details);
    while (details.ends_with('=')) details.pop_back();
    fields.push_back(field("grpc-status", status));
    if (!message.empty()) fields.push_back(field("grpc-message", message));
    if (!details.empty()) fields.push_back(field("grpc-status-details-bin", details));
  }
};

}  // namespace

/// What nghttp2 calls. `self` is the Session.
struct Session::Callbacks {
  static Session& of(void* self) { return *static_cast<Session*>(self); }

  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) of(self).begin(frame->hd.stream_id);
    return 0;
  }
  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* self) {
    of(self).add_field(frame->hd.stream_id, {reinterpret_cast<const char*>(name), name_size},
                       {reinterpret_cast<const char*>(value), value_size});
    return 0;
  }
  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    Session& session = of(self);
    const auto stream = frame->hd.stream_id;
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      session.launch(stream);
    }
    const bool data = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (data && ends) {
      if (Rpc* const rpc = session.find(stream)) rpc->end_of_input();
    }
    return 0;
  }
  static int chunk(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* bytes,
                   std::size_t size, void* self) {
    Session& session = of(self);
    Rpc* const rpc = session.find(stream);
    if (rpc == nullptr) return 0;
    const std::string_view piece(reinterpret_cast<const char*>(bytes), size);
    if (!rpc->take_in(piece, session.options_.config.message_max.count())) {
      session.end_with(stream, *rpc,
                       {Status::resource_exhausted, "a message is too large or compressed"});
    }
    return 0;
  }
  static int close(nghttp2_session*, std::int32_t stream, std::uint32_t code, void* self) {
    Session& session = of(self);
    const auto found = session.calls_.find(stream);
    if (found == session.calls_.end()) return 0;
    const RpcPtr rpc = found->second.rpc;
    session.calls_.erase(found);
    rpc->finish(code == NGHTTP2_NO_ERROR ? Rpc::Over::no : Rpc::Over::cancelled);
    return 0;
  }
  static ssize_t read(nghttp2_session* h2, std::int32_t stream, std::uint8_t* to, std::size_t size,
                      std::uint32_t* flags, nghttp2_data_source* source, void*) {
    Rpc& rpc = *static_cast<Rpc*>(source->ptr);
    const std::size_t taken = rpc.take_out(reinterpret_cast<char*>(to), size);
    if (rpc.drained() && rpc.ending()) {
      const Trailers trailers(*rpc.ending());
      *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
      nghttp2_submit_trailer(h2, stream, trailers.fields.data(), trailers.fields.size());
      return static_cast<ssize_t>(taken);
    }
    if (taken == 0) return NGHTTP2_ERR_DEFERRED;
    return static_cast<ssize_t>(taken);
  }

  static nghttp2_session* make(Session& session) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, close);
    nghttp2_session* h2 = nullptr;
    nghttp2_session_server_new(&h2, callbacks, &session);
    nghttp2_session_callbacks_del(callbacks);
    return h2;
  }
};

Session::Session(std::unique_ptr<net::Stream> stream, net::BlockPool& blocks, Options options)
    : stream_(std::move(stream)),
      in_(blocks),
      options_(std::move(options)),
      h2_(Callbacks::make(*this)),
      last_(stream_->reactor()) {
  const std::array<nghttp2_settings_entry, 3> settings{
      {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options_.config.streams_max},
       {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window},
       {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, header_list_max}}};
  nghttp2_submit_settings(h2_.get(), NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(h2_.get(), NGHTTP2_FLAG_NONE, 0, 4 * window);
}

Session::~Session() {
  stream_->reactor().leave_line(*this);
}

Task<> Session::run() {
  net::Reactor& reactor = stream_->reactor();
  if (stream_->secured()) {
    if (co_await stream_->handshake(reactor.now() + options_.tls_timeout) != IoStatus::ok)
      co_return;
    client_names_ = net::client_names(stream_->ssl());
  }
  heard_ = progressed_ = reactor.now();
  for (int reads = 1;; ++reads) {
    flush();
    if (over_) break;
    const IoStatus status = stream_->read_now(in_);
    if (status == IoStatus::ok) {
      heard_ = reactor.now();
      pinged_ = false;
      receiving_ = true;
      const auto taken = nghttp2_session_mem_recv(
          h2_.get(), reinterpret_cast<const std::uint8_t*>(in_.data()), in_.size());
      receiving_ = false;
      in_.consume(in_.size());
      if (taken < 0) break;
      if (reads % reads_in_a_row != 0) continue;
      net::Waiter turn(reactor);
      reactor.post([&turn] { turn.complete(IoStatus::ok); });
      co_await turn.wait(Clock::time_point::max());
      continue;
    }
    if (status != IoStatus::would_block || !attend()) break;
    in_.release_if_empty();
    const IoStatus waited = co_await stream_->wait(net::Channel::Want::either, next_deadline());
    if (waited == IoStatus::cancelled) break;
  }
  flush();
  over_ = true;
  // A connection that is lost is not its client's will: what it runs is taken up again.
  for (auto calls = std::exchange(calls_, {}); auto& [stream, call] : calls) {
    call.rpc->finish(Rpc::Over::lost);
  }
  for (IoStatus waited = IoStatus::ok; running_ > 0 && waited == IoStatus::ok;) {
    waited = co_await last_.wait(Clock::time_point::max());
  }
  stream_->goodbye();
  co_return;  // without it GCC 12 takes the end for unreachable
}

void Session::drain() {
  draining_ = true;
  nghttp2_submit_shutdown_notice(h2_.get());
  nghttp2_submit_goaway(h2_.get(), NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(h2_.get()), NGHTTP2_NO_ERROR,
                        nullptr, 0);
  stream_->waiter().complete(IoStatus::ok);
}

// --- calls

Rpc* Session::find(std::int32_t stream) const {
  const auto found = calls_.find(stream);
  return found == calls_.end() ? nullptr : found->second.rpc.get();
}

void Session::begin(std::int32_t stream) {
  auto rpc = std::make_shared<Rpc>(stream_->reactor());
  Rpc* const raw = rpc.get();
  rpc->client_names = client_names_;
  rpc->on_output = [this, stream, raw] { resume(stream, *raw); };
  calls_[stream].rpc = std::move(rpc);
}

void Session::add_field(std::int32_t stream, std::string_view name, std::string_view value) {
  Rpc* const rpc = find(stream);
  if (rpc == nullptr) return;
  if (name == ":path") {
    rpc->path = value;
  } else if (name == "grpc-timeout") {
    const auto ms = parse_timeout(value);
    if (ms >= 0) rpc->deadline = stream_->reactor().now() + milliseconds(ms);
  } else if (!name.starts_with(':')) {
    rpc->metadata.emplace_back(name, value);
  }
}

/// The head of a call is whole.
void Session::launch(std::int32_t stream) {
  const auto found = calls_.find(stream);
  if (found == calls_.end() || std::exchange(found->second.launched, true)) return;
  const RpcPtr rpc = found->second.rpc;
  const bool grpc = std::any_of(rpc->metadata.begin(), rpc->metadata.end(), [](const auto& entry) {
    return entry.first == "content-type" && entry.second.starts_with("application/grpc");
  });
  if (!grpc) {
    const std::array<nghttp2_nv, 1> head{field(":status", "415")};
    nghttp2_submit_response(h2_.get(), stream, head.data(), head.size(), nullptr);
    return;
  }
  ++running_;
  spawn(serve(rpc), log_bug);
}

Task<> Session::serve(RpcPtr rpc) {
  struct Leaving {
    Session& session;
    ~Leaving() {
      if (--session.running_ == 0) session.last_.complete(IoStatus::ok);
    }
  };
  const Leaving leaving{*this};
  co_await options_.serve(rpc);
  rpc->end({Status::internal, "the call ended without a status"});  // a bug; else it has one
}

/// There is something to send for that call.
void Session::resume(std::int32_t stream, Rpc& rpc) {
  respond(stream, rpc);
  nghttp2_session_resume_data(h2_.get(), stream);
  soon();
}

void Session::respond(std::int32_t stream, Rpc& rpc) {
  const auto found = calls_.find(stream);
  if (found == calls_.end() || std::exchange(found->second.answered, true)) return;
  std::vector<nghttp2_nv> head{field(":status", "200"), field("content-type", "application/grpc")};
  if (rpc.drained() && rpc.ending()) {
    const Trailers trailers(*rpc.ending());
    head.insert(head.end(), trailers.fields.begin(), trailers.fields.end());
    nghttp2_submit_response(h2_.get(), stream, head.data(), head.size(), nullptr);
    return;
  }
  nghttp2_data_provider provider{{.ptr = &rpc}, Callbacks::read};
  nghttp2_submit_response(h2_.get(), stream, head.data(), head.size(), &provider);
}

/// The call is over for the one who serves it; its client is told why.
void Session::end_with(std::int32_t stream, Rpc& rpc, Ending ending) {
  rpc.end(std::move(ending));
  respond(stream, rpc);
  rpc.finish(Rpc::Over::late);
  soon();
}

// --- bytes

void Session::soon() {
  if (flushing_ || receiving_) return;  // what is to be sent is sent behind it
  if (stream_->reactor().busy()) {
    stream_->reactor().join_line(*this);
  } else {
    flush();
  }
}

/// Takes what nghttp2 has to say, up to a bound. False: nothing.
bool Session::pull() {
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

void Session::flush() {
  if (flushing_ || over_) return;
  flushing_ = true;
  for (;;) {
    const bool more = pull();
    bool blocked = false;
    while (out_at_ < out_.size() || !stream_->flushed()) {
      const std::string_view rest = std::string_view(out_).substr(out_at_);
      const net::IoResult sent = stream_->try_write({&rest, 1});
      blocked = sent.status == IoStatus::would_block;
      over_ = !blocked && sent.status != IoStatus::ok;
      if (blocked || over_) break;
      out_at_ += sent.bytes;
      progressed_ = stream_->reactor().now();  // TLS takes one record at a time
    }
    if (out_at_ == out_.size()) {
      out_.clear();
      out_at_ = 0;
      progressed_ = stream_->reactor().now();
    }
    if (blocked || over_ || !more) break;
  }
  if (out_.empty() && out_.capacity() > 4096) std::string().swap(out_);
  flushing_ = false;
  if (over_) stream_->cancel();
}

/// Looks at the deadlines. False: the connection is to end.
bool Session::attend() {
  const auto now = stream_->reactor().now();
  const auto keepalive = options_.config.keepalive;
  if (out_at_ < out_.size() && now - progressed_ >= options_.write_timeout) return false;
  if (now - heard_ >= 2 * keepalive + keepalive / 6) return false;
  if (now - heard_ >= keepalive && !std::exchange(pinged_, true)) {
    nghttp2_submit_ping(h2_.get(), NGHTTP2_FLAG_NONE, nullptr);
    flush();
  }
  std::vector<std::pair<std::int32_t, RpcPtr>> late;
  for (const auto& [stream, call] : calls_) {
    if (call.rpc->deadline <= now && call.rpc->over() == Rpc::Over::no) {
      late.emplace_back(stream, call.rpc);
    }
  }
  for (const auto& [stream, rpc] : late) {
    end_with(stream, *rpc, {Status::deadline_exceeded, "the deadline of the call passed"});
  }
  if (draining_ && calls_.empty()) return false;
  const bool alive =
      nghttp2_session_want_read(h2_.get()) != 0 || nghttp2_session_want_write(h2_.get()) != 0;
  return alive;
}

Clock::time_point Session::next_deadline() const {
  const auto keepalive = options_.config.keepalive;
  auto next = heard_ + (pinged_ ? 2 * keepalive + keepalive / 6 : keepalive);
  if (out_at_ < out_.size())
    next = std::min<Clock::time_point>(next, progressed_ + options_.write_timeout);
  for (const auto& [stream, call] : calls_) {
    if (call.rpc->over() == Rpc::Over::no) next = std::min(next, call.rpc->deadline);
  }
  return next;
}

}  // namespace hawser::front::grpc
