#include "stage/audit/record_text.hpp"

#include <array>
#include <charconv>
#include <vector>

#include "audit/digest.hpp"
#include "base/json.hpp"

namespace hawser::stage::audit {

using exchange::Exchange;
using exchange::Notes;

namespace {

/// @param name  with its comma, quotes and colon
template <class Number>
void number(std::string& out, std::string_view name, Number value) {
  char digits[24];
  out.append(name);
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

/// Whether it stands in JSON as it is, as nearly all names do.
bool plain(std::string_view text) {
  bool special = false;
  for (const char c : text) {
    special |= static_cast<signed char>(c) < 0x20 || c == '"' || c == '\\' || c == 0x7f;
  }
  return !special;
}

/// @param name  as above; nothing where there is no value
void text(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out.append(name);
  if (!plain(value)) return append_json_string(out, value);
  out.append(1, '"').append(value).append(1, '"');
}

std::string_view name_of_api(dialect::Api api) {
  switch (api) {
    case dialect::Api::chat:
      return "chat";
    case dialect::Api::completions:
      return "completions";
    case dialect::Api::responses:
      return "responses";
    case dialect::Api::embeddings:
      return "embeddings";
    case dialect::Api::messages:
      return "messages";
    case dialect::Api::models:
      return "models";
    case dialect::Api::response:
      return "response";
    case dialect::Api::generations:
      return "generations";
    case dialect::Api::other:
      break;
  }
  return "other";
}

/// allowed: it was served as asked. refused: by us, on purpose. failed: it was allowed and did not
/// succeed. gone: the client was, before the end.
std::string_view decision_of(const Exchange& exchange, std::optional<Code> error) {
  const Notes& notes = *exchange.notes;
  if (!error) return "allowed";
  if (!notes.refused_by.empty() || exchange.residency_refuses) return "refused";
  switch (*error) {
    case Code::cancelled:
      return "gone";
    case Code::authentication:
    case Code::permission:
    case Code::residency:
    case Code::filtered:
    case Code::invalid_request:
    case Code::too_large:
    case Code::not_found:
    case Code::rate_limit:
      return notes.tries.empty() ? "refused" : "failed";
    case Code::connection:
    case Code::timeout:
    case Code::overloaded:
    case Code::upstream:
    case Code::internal:
      return "failed";
  }
  return "failed";
}

/// Digests of candidates that a worker saw last: most exchanges of a model have the same ones.
struct KnownCandidates {
  std::uint64_t configuration = 0;  // whose targets these are
  std::vector<const exchange::Target*> targets{};
  std::string digest{};
};

bool same(const KnownCandidates& known, std::uint64_t configuration,
          const exchange::Candidates& candidates) {
  if (known.configuration != configuration || known.targets.size() != candidates.size()) {
    return false;
  }
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (known.targets[i] != &candidates[i]) return false;
  }
  return true;
}

void learn(KnownCandidates& known, std::uint64_t configuration,
           const exchange::Candidates& candidates) {
  hawser::audit::Hasher hasher;
  hasher.begin();
  known.configuration = configuration;
  known.targets.clear();
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    hasher.add(candidates[i].name);
    hasher.add("\n");
    known.targets.push_back(&candidates[i]);
  }
  const auto digest = hasher.end();
  known.digest = to_hex(hawser::audit::view(digest).substr(0, 16));
}

/// The targets that it could have been served by, in their order.
void append_candidates(const Facts& facts, std::string& out) {
  const auto& candidates = facts.exchange.candidates;
  if (candidates.empty()) return;
  number(out, R"(,"candidates":)", candidates.size());
  thread_local std::array<KnownCandidates, 16> known;
  const auto place =
      reinterpret_cast<std::uintptr_t>(&candidates.front()) / sizeof(exchange::Target);
  KnownCandidates& here = known[place % known.size()];
  if (!same(here, facts.configuration, candidates)) learn(here, facts.configuration, candidates);
  text(out, R"(,"candidates_sha256":)", here.digest);
}

void append_tries(const Notes& notes, std::string& out) {
  if (notes.tries.empty()) return;
  out.append(",\"tries\":[");
  for (const auto& one : notes.tries) {
    if (out.back() != '[') out.push_back(',');
    out.append("{\"target\":");
    append_json_string(out, one.target);
    text(out, R"(,"tags":)", one.tags);
    text(out, R"(,"address":)", one.address);
    if (one.status != 0) number(out, R"(,"status":)", one.status);
    if (one.error) text(out, R"(,"error":)", name_of(*one.error));
    out.push_back('}');
  }
  out.push_back(']');
}

void append_findings(const Notes& notes, std::string& out) {
  if (notes.findings.empty()) return;
  out.append(",\"filter\":[");
  for (const auto& finding : notes.findings) {
    if (out.back() != '[') out.push_back(',');
    out.append("{\"rule\":");
    append_json_string(out, finding.rule);
    text(out, R"(,"in":)", finding.answer ? "answer" : "prompt");
    number(out, R"(,"count":)", finding.count);
    out.push_back('}');
  }
  out.push_back(']');
}

}  // namespace

void begin_record(std::string_view type, std::string& out) {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  out.append("\"time_us\":");
  out.append(std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(wall).count()));
  text(out, R"(,"type":)", type);
}

void append_exchange(const Facts& facts, std::string_view type, std::string& out) {
  const Exchange& exchange = facts.exchange;
  const Notes& notes = *exchange.notes;
  const auto& trail = exchange.trail;
  begin_record(type, out);
  text(out, R"(,"request_id":)", exchange.id);
  text(out, R"(,"tenant":)", exchange.principal->tenant);
  text(out, R"(,"team":)", exchange.principal->team);
  text(out, R"(,"key":)", exchange.principal->key);
  text(out, R"(,"client":)", exchange.request.client_address);
  text(out, R"(,"api":)", name_of_api(exchange.request.endpoint.api));
  text(out, R"(,"model":)", exchange.public_model);
  const auto error = facts.refusal ? facts.refusal : trail.error;
  text(out, R"(,"decision":)", decision_of(exchange, error));
  if (error) text(out, R"(,"reason":)", name_of(*error));
  text(out, R"(,"by":)", notes.refused_by);
  text(out, R"(,"name":)", notes.refused_name);
  if (exchange.residency.rule != nullptr) text(out, R"(,"policy":)", *exchange.residency.rule);
  number(out, R"(,"configuration":)", facts.configuration);
  append_candidates(facts, out);
  text(out, R"(,"asked_hmac":)", facts.content_hash);
  text(out, R"(,"action":)", notes.action);
  if (type == "decision") return;
  number(out, R"(,"status":)", trail.status);
  number(out, R"(,"bytes_in":)", trail.bytes_in);
  number(out, R"(,"bytes_out":)", trail.bytes_out);
  const auto took = Clock::now() - exchange.arrived;
  number(out, R"(,"duration_us":)",
         std::chrono::duration_cast<std::chrono::microseconds>(took).count());
}

void append_notes(const Notes& notes, std::string& out) {
  text(out, R"(,"generation":)", notes.generation);
  text(out, R"(,"cache":)", notes.cache);
  text(out, R"(,"cache_tier":)", notes.cache_tier);
  append_tries(notes, out);
  append_findings(notes, out);
  if (notes.settled) {
    number(out, R"(,"answer_bytes":)", notes.answer_bytes);
    out.append(notes.whole ? ",\"whole\":true" : ",\"whole\":false");
  }
  if (notes.usage.known) {
    number(out, R"(,"input_tokens":)", notes.usage.input);
    number(out, R"(,"output_tokens":)", notes.usage.output);
    if (notes.usage.cached > 0) number(out, R"(,"cached_tokens":)", notes.usage.cached);
  }
  if (notes.priced) number(out, R"(,"cost_nano_usd":)", notes.cost);
}

}  // namespace hawser::stage::audit
