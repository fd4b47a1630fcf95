#include "front/grpc/session.hpp"

#include <algorithm>

#include "base/base64.hpp"
#include "net/tls_server.hpp"
#include "telemetry/log.hpp"

namespace hawser::front::grpc {

using net::IoStatus;

namespace {

constexpr std::uint64_t window = 1024 * 1024;

void log_bug(std::exception_ptr bug) {
  try {
    std::rethrow_exception(bug);
  } catch (const std::exception& e) {
    log::error("a call ended by a bug", {{"what", log::redacted(e.what())}});
  }
}

/// "Name: value\r\n"... as metadata, whose names are in small letters.
void add_lines(std::string_view lines, std::vector<h2::Field>& fields) {
  while (!lines.empty()) {
    const auto end = std::min(lines.find("\r\n"), lines.size());
    const auto colon = lines.find(": ");
    if (colon < end) {
      h2::Field field{std::string(lines.substr(0, colon)),
                      std::string(lines.substr(colon + 2, end - colon - 2))};
      for (char& c : field.name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
      fields.push_back(std::move(field));
    }
    lines.remove_prefix(std::min(end + 2, lines.size()));
  }
}

/// The trailers of a call, or the end of the head of one that fails at once.
std::vector<h2::Field> trailers_of(const Ending& ending) {
  std::vector<h2::Field> fields{{"grpc-status", std::to_string(static_cast<int>(ending.status))}};
  if (!ending.message.empty()) {
    fields.push_back({"grpc-message", encode_message(ending.message)});
  }
  std::string details;
  append_base64(details, ending.details);
  while (details.ends_with('=')) details.pop_back();
  if (!details.empty()) fields.push_back({"grpc-status-details-bin", std::move(details)});
  return fields;
}

h2::Server::Limits limits_of(const Services& services, const Session::Timeouts& timeouts) {
  h2::Server::Limits limits;
  limits.config.streams_max = services.config.streams_max;
  limits.config.window = Bytes{window};
  limits.config.connection_window = Bytes{4 * window};
  limits.bodies_max = services.bodies_max;
  limits.keepalive = services.config.keepalive;
  limits.head_timeout = timeouts.head;
  limits.first_timeout = timeouts.first_call;
  limits.idle_timeout = services.config.idle_timeout;
  limits.write_timeout = services.write_timeout;
  return limits;
}

CallHead head_of(h2::RequestHead& head, std::vector<std::string> client_names,
                 Clock::time_point now) {
  CallHead out;
  out.path = std::move(head.path);
  out.client_names = std::move(client_names);
  for (auto& field : head.fields) {
    if (field.name == "grpc-timeout") {
      const auto ms = parse_timeout(field.value);
      if (ms >= 0) out.deadline = now + milliseconds(ms);
    } else if (field.name == "grpc-encoding") {
      if (field.value == "gzip") out.coding = coding::Coding::gzip;
      if (field.value == "deflate") out.coding = coding::Coding::deflate;
    } else {
      out.metadata.emplace_back(std::move(field.name), std::move(field.value));
    }
  }
  return out;
}

}  // namespace

bool is_call(const h2::RequestHead& head) {
  return std::any_of(head.fields.begin(), head.fields.end(), [](const h2::Field& field) {
    constexpr std::string_view type = "application/grpc";
    const std::string_view value = field.value;
    if (field.name != "content-type" || !value.starts_with(type)) return false;
    return value.size() == type.size() || value[type.size()] == '+' || value[type.size()] == ';';
  });
}

// --- CallStream

CallStream::CallStream(Services& services, h2::Server& server, std::int32_t stream,
                       h2::RequestHead head, Client client, std::function<void()> ended)
    : services_(services),
      server_(&server),
      stream_(stream),
      peer_(std::move(client.address)),
      ended_(std::move(ended)),
      deadline_(server.reactor()),
      over_(server.reactor()) {
  const bool input_over = head.ends;
  CallHead asked = head_of(head, std::move(client.names), server.reactor().now());
  admission_ = admit(services, asked, peer_);
  if (admission_.method == nullptr) asked = {};  // nothing of it is needed any more
  rpc_ = std::make_shared<Rpc>(
      server.reactor(), std::move(asked),
      Rpc::Bounds{.message_max = admission_.message_max,
                  .write_timeout = services.write_timeout,
                  .budget = &server.bodies(),
                  .leases = net::request_leases(services.bytes, admission_.client.tenant,
                                                admission_.client.key)});
  rpc_->on_output = [this] {
    respond();
    if (server_ != nullptr) server_->resume(stream_);
  };
  rpc_->on_taken = [this](std::size_t bytes) {
    if (server_ != nullptr) server_->consumed(stream_, bytes);
  };
  if (input_over) rpc_->end_of_input();
}

void CallStream::begin() {
  ++running_;
  if (rpc_->head.deadline != Clock::time_point::max()) {
    ++running_;
    spawn(watch_deadline(), log_bug);
  }
  spawn(serve(), log_bug);
}

Task<> CallStream::serve() {
  const auto self = shared_from_this();
  if (admission_.method != nullptr) {
    co_await admission_.method(services_, rpc_, peer_);
    rpc_->end({Status::internal, "the call ended without a status"});  // a bug; else it has one
  } else {
    rpc_->end(std::move(admission_.refusal));
  }
  deadline_.complete(IoStatus::ok);
  co_await wait_until_taken();
  leave();
}

/// Until the client has all, or takes nothing for too long.
Task<> CallStream::wait_until_taken() {
  Clock::time_point since = server_ != nullptr ? server_->reactor().now() : Clock::time_point{};
  while (server_ != nullptr) {
    since = std::max(since, rpc_->progressed());
    const auto waited = co_await over_.wait(since + services_.write_timeout);
    if (waited == IoStatus::cancelled) break;
    if (waited == IoStatus::timeout && rpc_->progressed() <= since && server_ != nullptr) {
      server_->reset(stream_, NGHTTP2_CANCEL);
      break;
    }
  }
}

Task<> CallStream::watch_deadline() {
  const auto self = shared_from_this();
  const auto waited = co_await deadline_.wait(rpc_->head.deadline);
  if (waited == IoStatus::timeout && rpc_->over() == Rpc::Over::no) {
    end_with({Status::deadline_exceeded, "the deadline of the call passed"});
  }
  leave();
}

void CallStream::leave() {
  if (--running_ == 0) ended_();
}

void CallStream::input(std::string_view bytes) {
  rpc_->take_in(bytes);
}

h2::Handler::Output CallStream::output(std::span<char> to) {
  Output output;
  output.size = rpc_->take_out(to.data(), to.size());
  output.ends = rpc_->drained() && rpc_->ending();
  if (output.ends) output.trailers = trailers_of(*rpc_->ending());
  return output;
}

void CallStream::respond() {
  if (server_ == nullptr || std::exchange(answered_, true)) return;
  std::vector<h2::Field> head{{"content-type", "application/grpc"},
                              {"grpc-accept-encoding", "identity,deflate,gzip"}};
  const auto told = std::exchange(rpc_->head_fields, nullptr);
  if (told) add_lines(*told, head);
  const bool at_once = rpc_->drained() && rpc_->ending();
  if (at_once) {
    for (auto& field : trailers_of(*rpc_->ending())) head.push_back(std::move(field));
  }
  server_->respond(stream_, 200, head, at_once);
}

/// The call is over for the one who serves it; its client is told why.
void CallStream::end_with(Ending ending) {
  rpc_->end(std::move(ending));
  respond();
  rpc_->finish(Rpc::Over::late);
  if (server_ != nullptr) server_->resume(stream_);
}

void CallStream::over(h2::Over how) {
  const auto self = shared_from_this();
  server_ = nullptr;
  switch (how) {
    case h2::Over::done:
      rpc_->finish(Rpc::Over::no);
      break;
    case h2::Over::cancelled:
      rpc_->finish(Rpc::Over::cancelled);
      break;
    case h2::Over::lost:  // not its client's will: what it runs is taken up again
      rpc_->finish(Rpc::Over::lost);
      break;
  }
  over_.complete(IoStatus::ok);
}

// --- Session

Session::Session(Services& services, std::unique_ptr<net::Stream> stream, net::BlockPool& blocks,
                 const std::string& peer, Timeouts timeouts)
    : services_(services),
      stream_(std::move(stream)),
      in_(blocks),
      peer_(peer),
      tls_timeout_(timeouts.tls),
      server_(*stream_, in_, limits_of(services, timeouts),
              [this](h2::Server& server, std::int32_t id, h2::RequestHead head) {
                return open(server, id, std::move(head));
              }),
      last_(stream_->reactor()) {}

h2::HandlerPtr Session::open(h2::Server& server, std::int32_t stream, h2::RequestHead head) {
  if (!is_call(head)) {
    server.respond(stream, 415, {}, true);
    return std::make_shared<h2::Nothing>();
  }
  CallStream::Client client{.address = peer_, .names = client_names_};
  auto call = std::make_shared<CallStream>(services_, server, stream, std::move(head),
                                           std::move(client), [this] {
                                             if (--running_ == 0) last_.complete(IoStatus::ok);
                                           });
  ++running_;
  call->begin();
  return call;
}

Task<> Session::run() {
  if (stream_->secured()) {
    const auto by = stream_->reactor().now() + tls_timeout_;
    if (co_await stream_->handshake(by) != IoStatus::ok) co_return;
    client_names_ = net::client_names(stream_->ssl());
  }
  co_await server_.run();
  for (IoStatus waited = IoStatus::ok; running_ > 0 && waited == IoStatus::ok;) {
    waited = co_await last_.wait(Clock::time_point::max());
  }
  stream_->goodbye();
  co_return;  // without it GCC 12 takes the end for unreachable
}

}  // namespace hawser::front::grpc
