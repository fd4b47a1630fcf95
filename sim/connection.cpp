#include "sim/connection.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <charconv>

#include "base/credential_headers.hpp"

namespace hawser::sim {

using Kind = Fault::Kind;
using Where = Fault::Where;
using net::IoStatus;

namespace {

constexpr auto never = Clock::time_point::max();
constexpr std::size_t journal_body_max = 64 * 1024;

/// "/v1/chat/completions" -> "/chat/completions"; any prefix before a known call is taken off.
std::string_view tail_of(std::string_view path) {
  for (const auto* call : {"/chat/completions", "/completions", "/responses", "/embeddings",
                           "/models", "/files", "/audio/", "/moderations", "/images/"}) {
    const auto at = path.find(call);
    if (at != std::string_view::npos) return path.substr(at);
  }
  return path.starts_with("/v1/") ? path.substr(3) : path;
}

std::string_view model_of(const boost::json::value& body) {
  const auto* object = body.if_object();
  const auto* model = object == nullptr ? nullptr : object->if_contains("model");
  return model != nullptr && model->is_string() ? std::string_view(model->get_string())
                                                : std::string_view();
}

std::string_view reason_of(int status) {
  return status < 400 ? "OK" : "Error";
}

std::string error_event() {
  return "data: {\"error\":{\"message\":\"The server had an error while processing your request\","
         "\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n";
}

}  // namespace

Connection::Connection(World& world, std::unique_ptr<net::Stream> stream)
    : world_(world),
      stream_(std::move(stream)),
      in_(world.blocks),
      body_(*stream_, in_),
      timer_(world.reactor.loop()),
      sleep_(world.reactor),
      number_(++world.journal.connections) {
  ++world_.journal.connections_open;
}

Connection::~Connection() {
  --world_.journal.connections_open;
}

Task<> Connection::run() {
  if (stream_->secured() && co_await stream_->handshake(Clock::now() + 10s) != IoStatus::ok) {
    co_return;
  }
  const wire::HeadLimits limits{
      .head_max = 1024 * 1024, .target_max = 1024 * 1024, .fields_max = 1000};
  std::size_t searched = 0;
  for (;;) {
    const auto outcome = wire::parse_request_head(in_.view(), searched, limits, head_);
    if (outcome.state == wire::HeadOutcome::State::malformed) co_return;
    if (outcome.state == wire::HeadOutcome::State::incomplete) {
      if (in_.full()) in_.grow();
      if (co_await stream_->read(in_, never) != IoStatus::ok) co_return;
      continue;
    }
    // The head is parsed again from a copy: its body will be read through the same buffer.
    head_bytes_.assign(in_.view().substr(0, outcome.consumed));
    in_.consume(outcome.consumed);
    std::size_t unused = 0;
    wire::parse_request_head(head_bytes_, unused, limits, head_);
    body_.begin(head_.framing, head_.content_length);
    const bool goes_on = co_await serve();
    body_.release();
    stream_->watch_hangup(nullptr);
    if (!goes_on || !head_.keep_alive) break;
    searched = 0;
  }
  stream_->goodbye();
}

Task<bool> Connection::serve() {
  if (auto answer = control()) {
    if (head_.method == "DELETE") world_.journal.clear();
    Plan plain;
    Entry unlisted;
    entry_ = &unlisted;
    const bool sent = co_await send_whole(*answer, plain);
    entry_ = nullptr;
    co_return sent;
  }
  // The journal may be cleared while this request runs: it keeps its own copy until the end.
  struct Active {
    Journal& journal;
    explicit Active(Journal& j) : journal(j) { ++journal.active; }
    ~Active() { --journal.active; }
  } active(world_.journal);
  entry_ = &world_.journal.add(head_, number_);

  std::optional<Answer> refusal;
  const Plan early = plan_of("", refusal, false);
  if (early.fault.kind == Kind::reset && early.fault.where == Where::before_request) {
    plan_of("", refusal, true);
    stream_->reset_on_close();
    entry_->outcome = "reset";
    co_return false;
  }
  std::string body;
  if (!co_await read_body(body)) {
    entry_->outcome = "client_closed";
    co_return false;
  }
  entry_->body_size = body.size();
  entry_->body_sha256 = sha256_hex(body);
  if (body.size() <= journal_body_max) entry_->body = body;
  const Plan plan = plan_of(world_.planner.has_script() ? body : std::string(), refusal, true);
  if (!credential_fits()) {
    refusal = openai_error(401, "Incorrect API key provided.", "invalid_request_error", "",
                           "invalid_api_key");
  }
  stream_->watch_hangup(this);
  Answer answer = refusal ? std::move(*refusal) : choose(body, plan);
  co_return co_await send_answer(std::move(answer), plan);
}

Plan Connection::plan_of(const std::string& body, std::optional<Answer>& refusal, bool counts) {
  boost::system::error_code error;
  const boost::json::value parsed = boost::json::parse(body, error);
  auto plan = world_.planner.plan(head_, error ? std::string_view() : model_of(parsed), counts);
  if (plan) return *plan;
  refusal = openai_error(400, plan.error().message, "invalid_request_error", "", "sim");
  return {};
}

Task<bool> Connection::read_body(std::string& body) {
  if (head_.expect_continue && !co_await send("HTTP/1.1 100 Continue\r\n\r\n")) co_return false;
  for (bool last = body_.done(); !last;) {
    auto piece = co_await body_.next(never);
    if (!piece) co_return false;
    body.append(piece->bytes);
    last = piece->last;
  }
  co_return true;
}

std::optional<Answer> Connection::control() const {
  Answer answer;
  if (head_.path == "/sim/stats") {
    answer.parts.push_back(world_.journal.stats());
    return answer;
  }
  if (head_.path != "/sim/journal") return std::nullopt;
  std::uint64_t after = 0;
  if (head_.query.starts_with("after=")) {
    std::from_chars(head_.query.data() + 6, head_.query.data() + head_.query.size(), after);
  }
  answer.parts.push_back(head_.method == "DELETE" ? "[]" : world_.journal.json(after));
  return answer;
}

bool Connection::credential_fits() const {
  if (world_.require_key.empty()) return true;
  for (const auto name : key_headers) {
    const auto* field = head_.find(name);
    if (field == nullptr) continue;
    const bool bearer = name == key_header::authorization;
    return field->value == (bearer ? "Bearer " + world_.require_key : world_.require_key);
  }
  return false;
}

Answer Connection::choose(const std::string& body, const Plan& plan) {
  const std::string_view tail = tail_of(head_.path);
  const auto* type = head_.find("content-type");
  if (plan.fault.kind == Kind::status) {
    Answer answer = openai_error(plan.fault.code, "simulated fault",
                                 plan.fault.code == 429 ? "requests" : "server_error", "",
                                 plan.fault.code == 429 ? "rate_limit_exceeded" : "");
    if (!plan.fault.retry_after.empty()) {
      answer.headers.emplace_back("retry-after", plan.fault.retry_after);
    }
    if (!plan.fault.retry_after_ms.empty()) {
      answer.headers.emplace_back("retry-after-ms", plan.fault.retry_after_ms);
    }
    return answer;
  }
  if (!world_.replay.empty()) {
    const Answer* recorded = world_.replay.find(plan.exchange, head_.method, tail, body);
    if (recorded != nullptr) return *recorded;
    if (!plan.exchange.empty()) {
      return openai_error(404, "no such recorded exchange", "invalid_request_error", "", "sim");
    }
  }
  Call call{head_.method, head_.target,        tail,  type == nullptr ? "" : type->value,
            body,         entry_->body_sha256, &head_};
  return world_.openai.answer(call, plan);
}

Task<bool> Connection::sleep(double ms) {
  if (ms <= 0) co_return !stream_->peer_gone();
  timer_.expires_after(std::chrono::microseconds(static_cast<std::int64_t>(ms * 1000)));
  timer_.async_wait([this](const boost::system::error_code&) { sleep_.complete(IoStatus::ok); });
  co_await sleep_.wait(Clock::time_point::max());
  co_return !stream_->peer_gone();
}

/// Carries a reset, close or stall out.
Task<bool> Connection::fail_here(const Plan& plan) {
  if (plan.fault.kind == Kind::stall) {
    entry_->outcome = "stalled";
    co_await sleep(1e9);
    entry_->outcome = "client_closed";
    co_return false;
  }
  if (plan.fault.kind == Kind::reset) stream_->reset_on_close();
  entry_->outcome = plan.fault.kind == Kind::reset ? "reset" : "closed";
  co_return false;
}

Task<bool> Connection::send(std::string_view bytes) {
  const std::span<const std::string_view> parts(&bytes, 1);
  co_return co_await stream_->send(parts, never) == IoStatus::ok;
}

std::string Connection::head_of(const Answer& answer, const Plan& plan, std::size_t length) const {
  std::string out = "HTTP/1.1 " + std::to_string(answer.status) + " " +
                    std::string(reason_of(answer.status)) + "\r\n";
  out += "content-type: " + answer.content_type + "\r\n";
  out += "x-request-id: sim-" + std::to_string(entry_->number) + "\r\n";
  for (const auto& [name, value] : answer.headers) out += name + ": " + value + "\r\n";
  if (answer.stream) {
    out += "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n";
  } else {
    if (plan.fault.kind == Kind::truncate_length) length += plan.fault.count;
    out += "content-length: " + std::to_string(length) + "\r\n";
  }
  if (!head_.keep_alive) out += "connection: close\r\n";
  return out + "\r\n";
}

Task<bool> Connection::send_answer(Answer answer, const Plan& plan) {
  entry_->status = answer.status;
  if (!co_await sleep(plan.latency_ms)) {
    entry_->outcome = "client_closed";
    co_return false;
  }
  const bool breaks = plan.fault.kind == Kind::reset || plan.fault.kind == Kind::close ||
                      plan.fault.kind == Kind::stall;
  if (breaks && plan.fault.where == Where::before_head) co_return co_await fail_here(plan);
  if (plan.fault.kind == Kind::garbage_head) {
    co_await send("this is not HTTP\r\n\r\n");
    entry_->outcome = "closed";
    co_return false;
  }
  if (plan.fault.kind == Kind::empty_stream) answer.parts.clear();
  if (plan.fault.kind == Kind::no_done) {
    while (!answer.parts.empty() && answer.content_at < answer.parts.size() &&
           answer.parts.size() > answer.content_at + 1) {
      const std::string& last = answer.parts.back();
      const bool closing = last.find("[DONE]") != std::string::npos ||
                           last.find("\"finish_reason\":\"") != std::string::npos ||
                           last.find("\"choices\":[]") != std::string::npos;
      if (!closing) break;
      answer.parts.pop_back();
    }
  }
  const bool whole =
      answer.stream ? co_await send_stream(answer, plan) : co_await send_whole(answer, plan);
  if (entry_->outcome == "running") entry_->outcome = whole ? "complete" : "client_closed";
  co_return whole;
}

/// Sends a part of the body, as far as a fault by bytes lets it.
Task<bool> Connection::send_part(std::string_view part, const Plan& plan) {
  const Fault& fault = plan.fault;
  const bool cuts =
      fault.where == Where::after_bytes &&
      (fault.kind == Kind::reset || fault.kind == Kind::close || fault.kind == Kind::stall);
  const std::uint64_t left =
      cuts ? fault.count - std::min(fault.count, entry_->bytes_sent) : part.size();
  const bool cut_here = cuts && part.size() > left;
  const std::string_view out = part.substr(0, std::min<std::uint64_t>(left, part.size()));
  if (!out.empty() && !co_await send(out)) co_return false;
  entry_->bytes_sent += out.size();
  if (cut_here) co_return co_await fail_here(plan);
  co_return true;
}

Task<bool> Connection::send_whole(const Answer& answer, const Plan& plan) {
  std::string body;
  for (const auto& part : answer.parts) body += part;
  std::string head = head_of(answer, plan, body.size());
  if (head_.method == "HEAD") co_return co_await send(head);
  std::uint64_t step = 0;
  std::from_chars(plan.chunking.data(), plan.chunking.data() + plan.chunking.size(), step);
  if (step == 0 && plan.fault.kind == Kind::none) {
    head += body;
    const bool sent = co_await send(head);
    entry_->bytes_sent = body.size();
    co_return sent;
  }
  if (!co_await send(head)) co_return false;
  if (step == 0) step = body.size() + 1;
  for (std::size_t at = 0; at < body.size(); at += step) {
    const std::string_view part = std::string_view(body).substr(at, step);
    if (!co_await send_part(part, plan)) co_return false;
    if (step <= body.size() && !co_await sleep(plan.interval_ms)) co_return false;
  }
  if (plan.fault.kind == Kind::truncate_length) {
    entry_->outcome = "closed";
    co_return false;
  }
  co_return true;
}

namespace {

/// "5\r\nhello\r\n", cut into chunks of at most `step` bytes of content.
std::string chunks_of(std::string_view content, std::uint64_t step) {
  std::string out;
  for (std::size_t at = 0; at < content.size(); at += step) {
    const std::string_view part = content.substr(at, step);
    char size[18];
    out.append(size, wire::write_chunk_head(size, part.size())).append(part).append("\r\n");
  }
  return out;
}

}  // namespace

Task<bool> Connection::send_stream(const Answer& answer, const Plan& plan) {
  if (!co_await send(head_of(answer, plan, 0))) co_return false;
  if (!co_await sleep(plan.first_token_ms)) co_return false;
  std::vector<std::string> parts = answer.parts;
  if (plan.chunking == "all") {
    std::string joined;
    for (const auto& part : parts) joined += part;
    parts.assign(1, joined);
  }
  std::uint64_t step = 0;
  std::from_chars(plan.chunking.data(), plan.chunking.data() + plan.chunking.size(), step);
  if (step == 0) step = UINT64_MAX / 2;
  const Fault& fault = plan.fault;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool counted =
        fault.where == Where::after_events && fault.count == i &&
        (fault.kind == Kind::reset || fault.kind == Kind::close || fault.kind == Kind::stall);
    if (counted) co_return co_await fail_here(plan);
    std::string event = parts[i];
    if (fault.kind == Kind::malformed_event && fault.count == i) event = "data: {not json\n\n";
    if (fault.kind == Kind::error_event && fault.count == i) event = error_event();
    if (fault.kind == Kind::chunked_broken && i == 1) {
      co_await send("zz\r\n");
      entry_->outcome = "closed";
      co_return false;
    }
    const std::string coded = chunks_of(event, step);
    if (!co_await send_part(coded, plan)) co_return false;
    ++entry_->events_sent;
    if (fault.kind == Kind::error_event && fault.count == i) break;
    if (fault.kind == Kind::endless && i == answer.content_at) --i;
    if (i + 1 < parts.size() && !co_await sleep(plan.interval_ms)) co_return false;
  }
  co_return co_await send("0\r\n\r\n");
}

}  // namespace hawser::sim
