#include "stage/record/record.hpp"

#include <boost/json/serialize.hpp>
#include <cstring>

#include "base/wall_clock.hpp"
#include "dialect/response_event.hpp"
#include "stage/record/cursor.hpp"
#include "stage/record/repetition.hpp"
#include "wire/sse.hpp"

namespace hawser::stage::record {

using exchange::Answer;
using exchange::Exchange;
using generation::GenerationPtr;
using generation::RecordPtr;
using generation::State;
namespace json = boost::json;

namespace {

constexpr auto attach_patience = 10min;
constexpr int leaders_max = 3;  // that one exchange waits for before it goes alone

generation::Owner owner_of(const Exchange& exchange) {
  return {exchange.principal->tenant, exchange.principal->key};
}

/// As the client sent it: it will send the same again.
std::string_view asked_body(const Exchange& exchange) {
  const auto& request = exchange.request;
  return request.asked.empty() ? request.body : request.asked;
}

/// Of those who share an answer.
std::string sharers(const Exchange& exchange, Sharing sharing) {
  if (sharing == Sharing::tenant) return "all";
  if (sharing == Sharing::team && !exchange.principal->team.empty())
    return "team " + exchange.principal->team;
  return "key " + exchange.principal->key;
}

/// What a named request's body is known by; 0 where it has no name: then its fingerprint tells.
std::uint64_t body_of_name(const Exchange& exchange) {
  if (exchange.request.header("idempotency-key").empty()) return 0;
  const std::string_view parts[] = {"body of a name", asked_body(exchange)};
  const auto digest = generation::fingerprint_of(parts);
  std::uint64_t out = 0;
  std::memcpy(&out, digest.data(), sizeof out);
  return out;
}

Error name_is_taken() {
  return {.code = Code::invalid_request,
          .message = "This Idempotency-Key was used for a request with another body.",
          .status = 422,
          .client_may_retry = false};
}

void fail(generation::Record& record, const Error& error, const dialect::Usage& usage) {
  record.end(State::failed, &error, usage);
}

Task<> wait_for_room(generation::Record& record, net::Reactor& reactor) {
  net::Waiter room(reactor);
  record.room = &room;
  co_await room.wait(Clock::time_point::max());
  record.room = nullptr;
}

generation::Fingerprint name_of_response(const generation::Owner& owner, std::string_view id) {
  // Providers give each id once; who may read it is asked of its generation.
  const std::string_view parts[] = {owner.tenant, "response", id};
  return generation::fingerprint_of(parts);
}

/// A response can be asked for by the id that its provider gave it. @return whether it told one
bool name_by_response(generation::Record& record, generation::Directory& directory,
                      std::string_view frames) {
  while (!frames.empty()) {
    const std::size_t size = wire::first_frame(frames).size;
    if (const auto response = dialect::response_object(frames.substr(0, size))) {
      record.be_named(directory, name_of_response(record.owner(), response->id));
      return true;
    }
    frames.remove_prefix(size);
  }
  return false;
}

/// The writer: what the provider sends goes into the log, whether somebody reads or nobody.
Detached write(RecordPtr record, std::unique_ptr<generation::Content> content,
               net::Reactor& reactor, generation::Directory& directory) {
  bool nameless = record->api() == dialect::Api::responses && record->head()->event_stream;
  record->on_cancel(*content);
  content->lead_to(record.get());
  record->writer = co_await OwnFrame{};
  while (!record->ended()) {
    auto piece = co_await content->next();
    if (!piece) {
      fail(*record, piece.error(), content->usage());
      co_return;
    }
    if (nameless) nameless = !name_by_response(*record, directory, piece->bytes);
    if (!piece->bytes.empty()) record->append(piece->bytes, piece->events, content->finished());
    if (piece->last) break;
    if (record->full()) co_await wait_for_room(*record, reactor);
  }
  record->end(State::done, nullptr, content->usage());
}

std::string body_of(const generation::Status& status) {
  json::object out{{"id", status.id},
                   {"object", "generation"},
                   {"state", generation::name_of(status.state)},
                   {"epoch", status.epoch},
                   {"events", status.events},
                   {"text", status.text}};
  if (status.events > 0) out["last_seq"] = status.events - 1;
  if (status.usage.known) {
    out["usage"] = {{"input_tokens", status.usage.input}, {"output_tokens", status.usage.output}};
  }
  if (status.error) out["error"] = name_of(*status.error);
  return json::serialize(out);
}

/// Whether who followed one that failed so may ask anew.
bool may_lead(const Error& error, const Exchange& exchange) {
  if (exchange.cancellation.cancelled()) return false;
  switch (error.code) {
    case Code::not_found:  // forgotten in between
    case Code::cancelled:
    case Code::connection:
    case Code::timeout:
    case Code::upstream:
    case Code::overloaded:
      return true;
    default:
      return false;
  }
}

/// For the audit: what a client wants of a generation that there is or was. The id is one of ours.
void note(const Exchange& exchange, const std::string& id, const char* action) {
  if (!exchange.notes) return;
  exchange.notes->generation = id;
  exchange.notes->action = action;
}

Answer answer_json(std::string body) {
  generation::AnswerHead head;
  head.fields = "Content-Type: application/json\r\n";
  return generation::make_whole(std::move(head), std::move(body));
}

}  // namespace

/// The client goes before its answer begins. The call at the provider is under way and will be
/// paid: it goes on for who asks the same again.
class Record::Detaching final : public exchange::OnClientGone {
 public:
  Detaching(Record& stage, Exchange& exchange) : OnClientGone(exchange), stage_(stage) {}

  bool goes_on() override {
    RecordPtr& record = exchange().record;
    if (!record) record = stage_.make_record(exchange());
    told_ = record;
    record->on_cancel(exchange().cancellation);
    record->detach_unless_read();
    return true;
  }
  ~Detaching() override {
    if (told_) told_->forget(&exchange().cancellation);
  }

 private:
  Record& stage_;
  RecordPtr told_{};  // of the exchange's cancellation
};

/// By its Idempotency-Key where it has one, else by its body; of the same tenant only, of those who
/// share there, and of the same residency.
/// A body's is of those also whose answers pass the same rules.
generation::Fingerprint Record::fingerprint_of(const Exchange& exchange) const {
  const std::string_view named = exchange.request.header("idempotency-key");
  const std::string scope = std::to_string(exchange.residency.scope);
  const std::string who = sharers(exchange, sharing(exchange));
  std::string meaning;
  if (named.empty()) {
    passed_->append(*exchange.request.head, meaning);
    append_meaning(*exchange.request.head, meaning);
    meaning.append(" rules ").append(std::to_string(rules_));
  }
  const std::string_view parts[] = {exchange.principal->tenant,
                                    who,
                                    exchange.request.endpoint.tail,
                                    named.empty() ? "body" : "name",
                                    named.empty() ? asked_body(exchange) : named,
                                    meaning,
                                    scope};
  return generation::fingerprint_of(parts);
}

generation::Ticket Record::ticket_of(const Exchange& exchange, std::string id) const {
  generation::Ticket ticket;
  ticket.id = std::move(id);
  ticket.owner = owner_of(exchange);
  ticket.team = exchange.principal->team;
  ticket.rules = rules_;
  ticket.models = exchange.principal->models;
  return ticket;
}

Record::Record(const RecordConfig& config, generation::Directory& directory,
               generation::Shelf& shelf, telemetry::Shard& shard,
               const telemetry::StandardMetrics& metrics, PassedFieldsPtr passed,
               std::uint64_t rules)
    : config_(config),
      passed_(std::move(passed)),
      rules_(rules),
      directory_(directory),
      shelf_(shelf),
      generations_(directory, shelf),
      shard_(shard),
      metrics_(metrics) {}

// Not a coroutine: what is not generated passes without a frame.
Task<Answer> Record::run(Exchange& exchange, exchange::Next next) {
  const dialect::Api api = exchange.request.endpoint.api;
  if (api == dialect::Api::generations) return serve_generation(exchange);
  if (api == dialect::Api::response) return serve_response(exchange, next);
  if (!exchange.request.endpoint.traits().generates || exchange.request.stream != nullptr)
    return next(exchange);
  if (!exchange.residency.grants.allow(policy::Grants::resume_log)) return next(exchange);
  return generate(exchange, next);
}

Task<Answer> Record::generate(Exchange& exchange, exchange::Next next) {
  if (!same_body(exchange)) co_return name_is_taken();
  if (auto id = same_request(exchange)) {
    auto attached = co_await attach(exchange, std::move(*id));
    if (attached || !may_lead(attached.error(), exchange)) co_return std::move(attached);
  }
  if (auto room = shelf_.room_for(owner_of(exchange)); !room) co_return room.error();
  // Who may be followed is recorded from before the start; of those who come at once, one leads.
  const bool followed = coalesces(exchange) || !exchange.request.header("idempotency-key").empty();
  for (int turn = 0; followed && !exchange.record && turn < leaders_max; ++turn) {
    auto own = make_record(exchange);
    auto leader = own->lead();
    if (!leader) {
      if (!exchange.request.header("idempotency-key").empty()) {
        directory_.keep_named(fingerprint_of(exchange), own->id());
      }
      exchange.record = std::move(own);
      continue;
    }
    shelf_.forget(own->id());
    if (!same_body(exchange)) co_return name_is_taken();
    auto attached = co_await attach(exchange, std::move(*leader));
    if (attached || !may_lead(attached.error(), exchange)) co_return std::move(attached);
  }
  std::optional<Detaching> detaching;
  if (on_disconnect(exchange) != OnDisconnect::cancel) detaching.emplace(*this, exchange);
  auto answer = co_await next(exchange);
  detaching.reset();
  const RecordPtr record = std::exchange(exchange.record, nullptr);
  const bool alone = record && record->state() == State::detached;
  if (!answer) {
    if (record) fail(*record, answer.error(), {});
    co_return std::move(answer);
  }
  if (alone) {
    launch(exchange, record, std::move(*answer), false);
    co_return Error{.code = Code::cancelled, .message = "the client is gone"};
  }
  if (record) co_return launch(exchange, record, std::move(*answer), true);
  if (!(*answer)->head().event_stream || (*answer)->head().status != 200) {
    co_return std::move(answer);
  }
  co_return launch(exchange, make_record(exchange), std::move(*answer), true);
}

RecordPtr Record::make_record(const Exchange& exchange) {
  const bool announced = exchange.request.header("x-hawser-resumable") == "1";
  generation::Record::Limits limits;
  limits.grace = announced ? config_.grace : config_.grace_unannounced;
  limits.log_max = config_.log_max.count();
  limits.detached_max = config_.detached_events_max;
  limits.finish = on_disconnect(exchange) == OnDisconnect::finish;
  limits.cancel = on_disconnect(exchange) == OnDisconnect::cancel;
  auto owner = owner_of(exchange);
  owner.share(sharing(exchange), exchange.principal->team);
  auto record = shelf_.add(std::move(owner), exchange.request.endpoint.api, limits);
  record->made_under({rules_, exchange.request.facts.model});
  record->be_found(directory_, fingerprint_of(exchange), body_of_name(exchange));
  return record;
}

/// Lets the writer run and gives its first reader.
GenerationPtr Record::launch(const Exchange& exchange, const RecordPtr& record,
                             GenerationPtr answer, bool read) {
  generation::AnswerHead& head = answer->head();
  generation::AnswerHead kept;  // what a client that comes back is told
  kept.status = head.status;
  kept.event_stream = head.event_stream;
  kept.length = head.length;
  kept.bodiless = head.bodiless;
  kept.api = head.api = record->api();
  kept.event_ids = head.event_ids = config_.event_ids && head.event_stream;
  kept.heartbeat = head.heartbeat = shortened(config_.heartbeat);
  if (exchange.notes) exchange.notes->generation = record->id();
  head.fields.append("x-hawser-generation: ").append(record->id()).append("\r\n");
  if (head.event_stream) {
    const auto until = rfc3339(std::chrono::system_clock::now() + record->limits().grace);
    head.fields.append("x-hawser-resume-until: ").append(until).append("\r\n");
  }
  generation::AnswerHead given = std::move(head);
  exchange.cancellation.unbind();  // the writer does not end with its client
  // The reader is there before the first event: what it misses is not kept for it.
  std::unique_ptr<generation::LocalReader> reader;
  if (read) reader = std::make_unique<generation::LocalReader>(shelf_.reactor(), record, 0);
  record->begin(std::move(kept));
  write(record, answer->take_content(), shelf_.reactor(), directory_);
  shard_.add(metrics_.generations);
  if (!reader) return nullptr;
  exchange.cancellation.bind_answer(reader->waiter());
  return std::make_unique<generation::Generation>(std::move(given), std::move(reader));
}

// --- clients that go and come

/// Whether nobody used its name for another body.
bool Record::same_body(const Exchange& exchange) {
  if (exchange.request.header("idempotency-key").empty() || directory_.empty()) return true;
  return !directory_.has_other_body(fingerprint_of(exchange), body_of_name(exchange));
}

std::optional<std::string> Record::same_request(const Exchange& exchange) {
  if (directory_.empty()) return std::nullopt;
  const bool named = !exchange.request.header("idempotency-key").empty();
  if (!named) {
    if (!coalesces(exchange) && !config_.reattach) return std::nullopt;
    if (exchange.request.header("x-hawser-reattach") == "off") return std::nullopt;
    // Equal bodies of several people behind one key are no repetition.
    if (!coalesces(exchange) && exchange.principal->shared) return std::nullopt;
  }
  const bool again = named || coalesces(exchange) || repeats(*exchange.request.head);
  return directory_.take(fingerprint_of(exchange), !named && !coalesces(exchange), again);
}

Task<Answer> Record::attach(Exchange& exchange, std::string id) {
  generation::Ticket ticket = ticket_of(exchange, std::move(id));
  auto answer =
      co_await generations_.open(ticket, exchange.cancellation, exchange.arrived + attach_patience);
  if (answer) shard_.add(metrics_.reattached);
  if (answer) note(exchange, ticket.id, "reattached");
  co_return std::move(answer);
}

// --- /v1/responses/{id}?stream=true[&starting_after=N], /v1/responses/{id}/cancel

/// One that was made through here is served from its log, whoever made it; all others are the
/// provider's.
Task<Answer> Record::serve_response(Exchange& exchange, exchange::Next next) {
  std::string_view id = exchange.request.endpoint.tail;
  id.remove_prefix(std::string_view("/responses/").size());
  const std::string_view query = exchange.request.head->query;
  const bool streams = exchange.method == "GET" && query_value(query, "stream") == "true";
  const bool cancels = exchange.method == "POST" && id.ends_with("/cancel");
  if (cancels) id.remove_suffix(std::string_view("/cancel").size());
  generation::Ticket ticket = ticket_of(exchange, {});
  if (streams || cancels) {
    if (auto found = directory_.named(name_of_response(ticket.owner, id))) {
      ticket.id = std::move(*found);
    }
  }
  if (ticket.id.empty()) {
    if (!exchange.candidates.empty()) co_return co_await next(exchange);
    co_return Error{.code = Code::not_found,
                    .message = "Response with id '" + std::string(id) + "' not found.",
                    .param = "response_id"};
  }
  if (cancels) {
    note(exchange, ticket.id, "cancel");
    const auto status = co_await generations_.cancel(ticket);
    if (!status) co_return status.error();
    const bool stopped = status->state == State::cancelled;
    co_return answer_json(stopped ? dialect::with_status(status->response, "cancelled")
                                  : status->response);
  }
  if (const auto after = query_value(query, "starting_after"); !after.empty()) {
    const auto number = parse_cursor(after, "");
    if (!number || after.find('.') != std::string_view::npos) {
      co_return Error{.code = Code::invalid_request,
                      .message = "starting_after must be the sequence_number of an event.",
                      .param = "starting_after"};
    }
    ticket.after_number = *number - 1;
  }
  note(exchange, ticket.id, "resume");
  auto answer =
      co_await generations_.open(ticket, exchange.cancellation, exchange.arrived + attach_patience);
  if (answer) shard_.add(metrics_.resumed);
  co_return std::move(answer);
}

// --- /v1/generations/{id}[/events|/cancel], whatever its dialect

Task<Answer> Record::serve_generation(Exchange& exchange) {
  std::string_view rest = exchange.request.endpoint.tail;
  rest.remove_prefix(std::string_view("/generations/").size());
  const auto slash = std::min(rest.find('/'), rest.size());
  const std::string_view verb = rest.substr(slash);
  generation::Ticket ticket = ticket_of(exchange, std::string(rest.substr(0, slash)));
  if (!generation::Shelf::worker_of(ticket.id)) {
    co_return Error{.code = Code::invalid_request,
                    .message = "This is not the id of a generation."};
  }
  if (verb == "/events" && exchange.method == "GET") {
    std::string_view cursor = exchange.request.header("last-event-id");
    if (cursor.empty()) cursor = query_value(exchange.request.head->query, "after");
    const auto from = parse_cursor(cursor, ticket.id);
    if (!from) co_return from.error();
    ticket.from = *from;
    note(exchange, ticket.id, "resume");
    auto answer = co_await generations_.open(ticket, exchange.cancellation,
                                             exchange.arrived + attach_patience);
    if (answer) shard_.add(metrics_.resumed);
    co_return std::move(answer);
  }
  if (verb.empty() && exchange.method == "GET") {
    note(exchange, ticket.id, "status");
    auto status = co_await generations_.status(ticket);
    if (!status) co_return status.error();
    co_return answer_json(body_of(*status));
  }
  if (verb == "/cancel" && exchange.method == "POST") {
    note(exchange, ticket.id, "cancel");
    auto status = co_await generations_.cancel(ticket);
    if (!status) co_return status.error();
    co_return answer_json(body_of(*status));
  }
  co_return Error{.code = Code::not_found,
                  .message = "A generation has GET, GET /events and POST /cancel."};
}

}  // namespace hawser::stage::record
