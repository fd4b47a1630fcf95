#include "grpc_calls.hpp"

#include <algorithm>
#include <charconv>

#include "base/base64.hpp"
#include "base/json.hpp"
#include "base/keepalive.hpp"
#include "base/reconnect_backoff.hpp"
#include "protobuf.hpp"

namespace hawser::sdk {
namespace {

constexpr std::size_t kept_max = 8;
constexpr std::size_t message_max = 64 * 1024 * 1024;

ErrorType type_of_grpc(int status) {
  switch (status) {
    case 1:
      return ErrorType::cancelled;
    case 3:
      return ErrorType::invalid_request;
    case 4:
      return ErrorType::timeout;
    case 5:
      return ErrorType::not_found;
    case 7:
      return ErrorType::permission;
    case 8:
      return ErrorType::rate_limit;
    case 9:
      return ErrorType::residency;
    case 14:
      return ErrorType::overloaded;
    case 16:
      return ErrorType::authentication;
    default:
      return ErrorType::internal;
  }
}

int http_status_of(int status) {
  switch (status) {
    case 1:
      return 499;
    case 3:
      return 400;
    case 4:
      return 504;
    case 5:
      return 404;
    case 7:
      return 403;
    case 8:
      return 429;
    case 9:
      return 451;
    case 14:
      return 503;
    case 16:
      return 401;
    default:
      return 500;
  }
}

std::string decode_percent(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ec == std::errc{}) {
      out.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

nghttp2_nv field(std::string_view name, std::string_view value) {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
          value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

/// What comes back for one call.
struct GrpcCalls::Reply {
  std::function<bool(std::string_view)> on_message;  // false: no more is wanted
  std::string in{};
  Headers trailers{};
  bool closed = false;
  bool wanted = true;
  bool malformed = false;
  Clock::time_point content_at = Clock::now();  // when something of it came last

  void take(std::string_view bytes) {
    in.append(bytes);
    while (in.size() >= 5 && wanted) {
      std::size_t size = 0;
      for (std::size_t i = 1; i < 5; ++i) size = size << 8 | static_cast<unsigned char>(in[i]);
      malformed = malformed || in[0] != 0 || size > message_max;
      if (malformed || in.size() - 5 < size) return;
      wanted = on_message(std::string_view(in).substr(5, size));
      in.erase(0, 5 + size);
    }
  }
};

struct GrpcCalls::Channel {
  std::unique_ptr<Connection> connection;
  nghttp2_session* h2 = nullptr;
  Reply* reply = nullptr;
  std::string_view body{};  // of the call, as far as it is to be sent
  bool spent = false;       // no further call may run on it

  explicit Channel(std::unique_ptr<Connection> made) : connection(std::move(made)) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame);
    nghttp2_session_client_new(&h2, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry window{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 4 * 1024 * 1024};
    nghttp2_submit_settings(h2, NGHTTP2_FLAG_NONE, &window, 1);
    nghttp2_session_set_local_window_size(h2, NGHTTP2_FLAG_NONE, 0, 4 * 1024 * 1024);
  }
  ~Channel() { nghttp2_session_del(h2); }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  Io flush(Clock::time_point deadline) {
    for (;;) {
      const std::uint8_t* bytes = nullptr;
      const auto size = nghttp2_session_mem_send(h2, &bytes);
      if (size < 0) return Io::failed;
      if (size == 0) return Io::ok;
      const std::string_view out(reinterpret_cast<const char*>(bytes),
                                 static_cast<std::size_t>(size));
      const Io status = connection->write(out, deadline);
      if (status != Io::ok) return status;
    }
  }

  static Channel& of(void* self) { return *static_cast<Channel*>(self); }
  static int header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* self) {
    if (Reply* const reply = of(self).reply) {
      reply->content_at = Clock::now();
      reply->trailers.emplace_back(std::string(reinterpret_cast<const char*>(name), name_size),
                                   std::string(reinterpret_cast<const char*>(value), value_size));
    }
    return 0;
  }
  static int chunk(nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t* bytes,
                   std::size_t size, void* self) {
    if (Reply* const reply = of(self).reply) {
      reply->content_at = Clock::now();
      reply->take({reinterpret_cast<const char*>(bytes), size});
    }
    return 0;
  }
  static int close(nghttp2_session*, std::int32_t, std::uint32_t, void* self) {
    if (Reply* const reply = of(self).reply) reply->closed = true;
    return 0;
  }
  static int frame(nghttp2_session*, const nghttp2_frame* got, void* self) {
    if (got->hd.type == NGHTTP2_GOAWAY) of(self).spent = true;
    return 0;
  }
  static ssize_t read(nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t size,
                      std::uint32_t* flags, nghttp2_data_source* source, void*) {
    auto& body = *static_cast<std::string_view*>(source->ptr);
    const std::size_t taken = std::min(size, body.size());
    std::copy_n(body.begin(), taken, reinterpret_cast<char*>(to));
    body.remove_prefix(taken);
    if (body.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(taken);
  }
};

GrpcCalls::GrpcCalls(const ClientOptions& options, const Url& url, const Dial& dial,
                     Credential& credential, Chance& chance)
    : options_(options), connector_(url, dial), credential_(credential), chance_(chance) {}
GrpcCalls::~GrpcCalls() = default;

/// The method of a path, and its message.
std::optional<GrpcCall> GrpcCalls::translate(const Request& request, const std::string& key) {
  GrpcCall asked;
  const std::string_view path = request.path;
  std::string_view dialect;
  if (path == "/chat/completions") dialect = "openai.chat";
  if (path == "/responses") dialect = "openai.responses";
  if (path == "/messages") dialect = "anthropic.messages";
  if (!dialect.empty()) {
    asked.streams = json_member(request.body, "stream") == "true";
    asked.method = asked.streams ? "StreamGenerate" : "Generate";
    protobuf::add_bytes(asked.message, 11, request.body);
    protobuf::add_bytes(asked.message, 12, dialect);
    protobuf::add_bytes(asked.message, 13, key);
    return asked;
  }
  if (path == "/models" && request.method == "GET") {
    asked.method = "ListModels";
    return asked;
  }
  if (path != "/embeddings") return std::nullopt;
  asked.method = "Embed";
  protobuf::add_bytes(asked.message, 1, json_text(request.body, "model").value_or(""));
  JsonCursor cursor(json_member(request.body, "input"));
  if (!cursor.take('[')) return std::nullopt;
  while (cursor.peek() == '"') {
    const std::size_t at = cursor.at();
    std::string text;
    if (!cursor.skip_string() || !decode_json_string(cursor.since(at), text)) return std::nullopt;
    protobuf::add_bytes(asked.message, 2, text);
    if (!cursor.take(',')) break;
  }
  return asked;
}

Headers GrpcCalls::metadata(const Request& request, std::string_view token) const {
  Headers out;
  if (!token.empty()) out.emplace_back("authorization", "Bearer " + std::string(token));
  const auto add = [&](const Headers& headers) {
    for (const auto& [name, value] : headers) {
      std::string lower(name);
      for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      if (lower.starts_with("x-")) out.emplace_back(std::move(lower), value);
    }
  };
  add(options_.headers);
  if (request.headers != nullptr) add(*request.headers);
  if (options_.resume) out.emplace_back("x-hawser-resumable", "1");
  return out;
}

std::unique_ptr<GrpcCalls::Channel> GrpcCalls::open(Clock::time_point deadline,
                                                    const CancelToken* cancel, ApiError& error) {
  {
    const std::lock_guard lock(mutex_);
    while (!kept_.empty()) {
      auto channel = std::move(kept_.back());
      kept_.pop_back();
      if (channel->connection->stale()) continue;
      channel->connection->use(cancel);
      return channel;
    }
  }
  const auto by = std::min(deadline, Clock::now() + options_.connect_timeout);
  auto raw = connector_.connect(by, cancel);
  if (raw.status == Io::ok) return std::make_unique<Channel>(std::move(raw.connection));
  error = raw.status == Io::cancelled ? cancelled_error()
                                      : make_error(ErrorType::connection, raw.problem);
  return nullptr;
}

/// Reads a call's answer. A silent gateway is asked by a PING: one that is there answers at once,
/// however long its provider thinks.
Io GrpcCalls::converse(Channel& channel, Reply& reply, Clock::time_point deadline,
                       Silence& silence) const {
  Keepalive keepalive;
  keepalive.begin(Clock::now(), std::chrono::milliseconds(0), Keepalive::period);
  while (!reply.closed && reply.wanted && !reply.malformed) {
    const auto until = std::min(deadline, reply.content_at + options_.idle_timeout);
    const auto before = reply.content_at;
    std::string bytes;
    Io status = channel.connection->read(
        bytes, std::min<Clock::time_point>({until, keepalive.next(), silence.due()}));
    const auto now = Clock::now();
    if (status == Io::timeout && now < until) {
      const auto step = keepalive.step(now);
      if (step == Keepalive::Step::dead) return Io::failed;
      if (step == Keepalive::Step::probe) {
        nghttp2_submit_ping(channel.h2, NGHTTP2_FLAG_NONE, nullptr);
      }
      if (!silence.tell()) return Io::cancelled;
      status = Io::ok;
    } else if (status == Io::ok) {
      keepalive.heard(now);
      const auto* const data = reinterpret_cast<const std::uint8_t*>(bytes.data());
      if (nghttp2_session_mem_recv(channel.h2, data, bytes.size()) < 0) return Io::failed;
    }
    if (reply.content_at != before) silence.over();
    if (status == Io::ok) status = channel.flush(deadline);
    if (status != Io::ok) return status;
  }
  return Io::ok;
}

/// Runs one call to its end.
GrpcCalls::Ended GrpcCalls::call(Channel& channel, const GrpcCall& asked, Reply& reply,
                                 Clock::time_point deadline, Silence& silence,
                                 const CancelToken* cancel) {
  std::string message(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) {
    message.push_back(static_cast<char>(asked.message.size() >> shift & 0xff));
  }
  message += asked.message;
  channel.reply = &reply;
  channel.body = message;
  const Headers sent = std::exchange(reply.trailers, {});  // the metadata to be sent
  const std::string path = "/hawser.v1.Llm/" + asked.method;
  const Url& url = connector_.url();
  const std::string authority = url.host + ":" + url.port;
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  const std::string timeout = std::to_string(std::clamp<long long>(left, 1, 99'999'999)) + "m";
  std::vector<nghttp2_nv> head{field(":method", "POST"),
                               field(":scheme", url.tls ? "https" : "http"),
                               field(":path", path),
                               field(":authority", authority),
                               field("content-type", "application/grpc"),
                               field("te", "trailers"),
                               field("user-agent", "hawser-cpp/0.1"),
                               field("grpc-timeout", timeout)};
  for (const auto& [name, value] : sent) head.push_back(field(name, value));
  nghttp2_data_provider body{{.ptr = &channel.body}, Channel::read};
  const auto stream =
      nghttp2_submit_request(channel.h2, nullptr, head.data(), head.size(), &body, nullptr);
  Io status = stream < 0 ? Io::failed : channel.flush(deadline);
  if (status == Io::ok) status = converse(channel, reply, deadline, silence);
  const bool stopped = status == Io::cancelled || !reply.wanted || (cancel && cancel->cancelled());
  if (stopped && stream >= 0) {
    nghttp2_submit_rst_stream(channel.h2, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
    [[maybe_unused]] const Io told = channel.flush(Clock::now() + std::chrono::seconds(1));
  }
  channel.reply = nullptr;
  if (stopped) return Ended::stopped;
  const bool whole = reply.closed && !find_header(reply.trailers, "grpc-status").empty();
  channel.spent = channel.spent || !whole;
  return whole ? Ended::whole : Ended::broken;
}

namespace {

/// Hands the messages of a call to its sink, each once, however often it is taken up again.
class Delivery {
 public:
  Delivery(const GrpcCall& asked, const Sink& sink) : asked_(asked), sink_(sink) {}

  std::string generation{};
  long long last = -1;  // event
  bool headed = false;  // something went to the sink

  /// False: the sink wants no more.
  bool give(std::string_view message) {
    const protobuf::Fields fields(message);
    if (!asked_.streams) {
      const std::string body = asked_.method == "Generate"     ? std::string(fields.bytes(8))
                               : asked_.method == "ListModels" ? protobuf::models_json(fields)
                                                               : protobuf::embeddings_json(fields);
      return begin("application/json") && (!sink_.content || sink_.content(body));
    }
    if (const auto named = fields.bytes(12); !named.empty()) generation = named;
    if (fields.has(14) && fields.bytes(9).empty()) return true;  // its status says the same
    const auto seq = static_cast<long long>(fields.number(1));
    if (seq <= last) return true;
    last = seq;
    return begin("text/event-stream") &&
           (!sink_.event || sink_.event({fields.bytes(10), fields.bytes(9)}));
  }

 private:
  bool begin(const char* type) {
    if (std::exchange(headed, true) || !sink_.head) return true;
    return sink_.head(200, {{"content-type", type}});
  }

  const GrpcCall& asked_;
  const Sink& sink_;
};

/// The same call, behind what came of it.
void take_up(GrpcCall& asked, const Delivery& delivery) {
  asked.method = "Resume";
  asked.message.clear();
  protobuf::add_bytes(asked.message, 1, delivery.generation);
  protobuf::add_number(asked.message, 2, 1);
  if (delivery.last >= 0) {
    protobuf::add_number(asked.message, 3, static_cast<std::uint64_t>(delivery.last));
  }
}

int status_in(const Headers& trailers) {
  const auto text = find_header(trailers, "grpc-status");
  int status = 2;
  std::from_chars(text.data(), text.data() + text.size(), status);
  return status;
}

ApiError refusal_in(const Headers& trailers) {
  const int status = status_in(trailers);
  ApiError error =
      make_error(type_of_grpc(status), decode_percent(find_header(trailers, "grpc-message")));
  error.status = http_status_of(status);
  return error;
}

}  // namespace

Outcome<CallInfo> GrpcCalls::run(const Request& request, const Sink& sink,
                                 const CancelToken* cancel) {
  const auto deadline = Clock::now() + options_.total_timeout;
  auto asked = translate(request, "hawser-" + chance_.hex(32));
  if (!asked) return make_error(ErrorType::invalid_request, "this call has no form over gRPC");
  CallInfo info;
  Delivery delivery(*asked, sink);
  ReconnectBackoff backoff;
  Silence silence(sink);
  std::optional<Clock::time_point> broke_at;  // behind the last progress
  for (int retry = 0;;) {
    auto token = credential_.token(deadline, cancel);
    if (!token) return token.error();
    ApiError error;
    auto channel = open(deadline, cancel, error);
    bool again = false;
    if (channel) {
      const long long before = delivery.last;
      Reply reply{.on_message = [&](std::string_view message) { return delivery.give(message); },
                  .trailers = metadata(request, *token)};
      const Ended ended = call(*channel, *asked, reply, deadline, silence, cancel);
      if (delivery.last > before || ended == Ended::whole) {
        backoff.progress();
        broke_at.reset();
      }
      if (ended == Ended::stopped) return cancelled_error();
      if (ended == Ended::broken) {
        const std::lock_guard lock(mutex_);
        kept_.clear();  // they went the same way
      } else if (!channel->spent) {
        const std::lock_guard lock(mutex_);
        if (kept_.size() < kept_max) kept_.push_back(std::move(channel));
      }
      const int status = status_in(reply.trailers);
      if (ended == Ended::whole && status == 0) return info;
      if (ended == Ended::whole) {
        error = refusal_in(reply.trailers);
        Answered answered;
        answered.status = error.status;
        again =
            (status == 16 && retry == 0 && credential_.refused()) ||
            (!delivery.headed && retry < options_.retry.retries_max && worth_retrying(answered));
        if (again) ++retry;
      } else {
        error = make_error(ErrorType::connection, "the connection broke");
      }
    }
    if (error.type == ErrorType::cancelled) return error;
    std::chrono::milliseconds wait =
        sdk::backoff(options_.retry, std::max(retry - 1, 0), chance_.next());
    const bool broke = error.type == ErrorType::connection;
    if (broke && !broke_at) broke_at = Clock::now();
    // A stream that has begun is taken up as long as its call lasts.
    const bool in_time = !delivery.generation.empty() || !broke_at ||
                         Clock::now() - *broke_at < options_.reconnect_timeout;
    if (broke && (options_.resume || !delivery.headed) && in_time) {
      // What has begun is taken up; what has not is asked again under the same key.
      again = asked->streams || !delivery.headed;
      wait = backoff.next(chance_.next());
      if (!delivery.generation.empty()) {
        take_up(*asked, delivery);
        ++info.resumes;
      }
    }
    info.attempts = retry + 1;
    error.attempts = info.attempts;
    if (!again || Clock::now() + wait >= deadline) return error;
    if (!pause(wait, cancel) || !silence.tell()) return cancelled_error();
  }
}

}  // namespace hawser::sdk
