#include "stage/audit/audit.hpp"

#include <openssl/hmac.h>

#include <algorithm>

#include "stage/audit/record_text.hpp"

namespace hawser::stage::audit {

using exchange::Answer;
using exchange::Exchange;
using hawser::audit::Log;

namespace {

constexpr auto disk_patience = 10s;

/// Becomes its record when all that notes is over.
class RecordNotes final : public exchange::Notes {
 public:
  explicit RecordNotes(Log::Inlet& inlet) : inlet_(inlet) {}
  ~RecordNotes() override {
    if (!begun_.empty()) write();
  }
  RecordNotes(const RecordNotes&) = delete;
  RecordNotes& operator=(const RecordNotes&) = delete;

  /// The exchange is over; the answer may go on.
  /// @param begun  the record up to the notes
  void exchange_over(std::string begun, bool client_has_all, std::string_view request_id,
                     Log::Inlet::By by) {
    by_ = by;
    const bool answers = !tries.empty() && !tries.back().error;
    const bool goes_on = answers && !settled;
    begun_ = std::move(begun);
    if (goes_on && client_has_all) return;  // its last event is out: the rest comes at once
    write();
    if (!goes_on) return;
    begin_record("outcome", begun_);
    begun_.append(",\"request_id\":\"").append(request_id).append("\"");
  }

  std::string content_hash{};

 private:
  void write() {
    append_notes(*this, begun_);
    begun_.push_back('}');
    inlet_.put(begun_, by_);
    begun_.clear();
  }

  Log::Inlet& inlet_;
  std::string begun_{};
  Log::Inlet::By by_ = Log::Inlet::By::known;
};

RecordNotes& notes_of(const Exchange& exchange) {
  return static_cast<RecordNotes&>(*exchange.notes);
}

std::string hash_of(const std::string& salt, std::string_view body) {
  unsigned char digest[32];
  unsigned size = 0;
  HMAC(EVP_sha256(), salt.data(), static_cast<int>(salt.size()),
       reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest, &size);
  return to_hex({reinterpret_cast<const char*>(digest), size});
}

}  // namespace

std::shared_ptr<const Rules> rules_of(const hawser::audit::AuditConfig& config,
                                      std::uint64_t configuration) {
  auto rules = std::make_shared<Rules>();
  rules->strict = config.strict_tenants;
  rules->configuration = configuration;
  const auto key = MasterKey::parse(config.key);
  if (config.content_hashes && key) {
    rules->salt = key->derive("hawser audit content hash").view();
  }
  return rules;
}

bool Audit::strict(const Exchange& exchange) const {
  return std::any_of(rules_->strict.begin(), rules_->strict.end(), [&](const auto& tenant) {
    return tenant == "*" || tenant == exchange.principal->tenant;
  });
}

// Not a coroutine: where nobody waits for the log it costs no frame.
Task<Answer> Audit::run(Exchange& exchange, exchange::Next next) {
  if (log_.refuses()) {
    log_.count_refused();
    return exchange::answer_now(
        {.code = Code::overloaded, .message = "The audit log cannot be written now."});
  }
  exchange.on_complete([this](const Exchange& over) { ended(over); });
  exchange.notes = new RecordNotes(inlet_);
  if (rules_->strict.empty() && rules_->salt.empty()) return next(exchange);
  return run_looked_at(exchange, next);
}

Task<Answer> Audit::run_looked_at(Exchange& exchange, exchange::Next next) {
  auto answer = co_await next(exchange);
  const auto& request = exchange.request;
  RecordNotes& notes = notes_of(exchange);
  const std::string_view body = request.asked.empty() ? request.body : request.asked;
  if (!rules_->salt.empty() && !body.empty()) notes.content_hash = hash_of(rules_->salt, body);
  if (!strict(exchange)) co_return std::move(answer);
  std::string record;
  Facts facts{exchange, rules_->configuration, notes.content_hash, {}};
  if (!answer) facts.refusal = answer.error().code;
  append_exchange(facts, "decision", record);
  append_notes(notes, record);
  record.push_back('}');
  const bool kept = co_await keep(std::move(record));
  if (kept || !log_.must_keep()) co_return std::move(answer);
  co_return Error{.code = Code::overloaded, .message = "The audit log cannot be written now."};
}

/// Waits until the record is on the disk. What is told to ends here, where its timer is: the log's
/// thread hands its share of it over with the post. @return whether it is
Task<bool> Audit::keep(std::string record) {
  struct Waiting {
    explicit Waiting(net::Reactor& reactor) : waiter(reactor) {}
    net::Waiter waiter;
    bool told = false;
    bool kept = false;
  };
  auto waiting = std::make_shared<Waiting>(reactor_);
  Log::Told told = [waiting, &reactor = reactor_](bool kept) mutable {
    reactor.post([waiting = std::move(waiting), kept] {
      waiting->told = true;
      waiting->kept = kept;
      waiting->waiter.complete(net::IoStatus::ok);
    });
  };
  inlet_.put(record, std::move(told));
  const auto deadline = Clock::now() + disk_patience;
  if (!waiting->told) co_await waiting->waiter.wait(deadline);
  co_return waiting->kept;
}

void Audit::ended(const Exchange& exchange) {
  RecordNotes& notes = notes_of(exchange);
  std::string begun;
  begun.reserve(1024);
  const Facts facts{exchange, rules_->configuration, notes.content_hash, {}};
  append_exchange(facts, "exchange", begun);
  const bool stranger = exchange.trail.error == Code::authentication;
  notes.exchange_over(std::move(begun), !exchange.trail.error, exchange.id,
                      stranger ? Log::Inlet::By::stranger : Log::Inlet::By::known);
}

}  // namespace hawser::stage::audit
