#include "stage/audit/record_text.hpp"

#include <charconv>

#include "audit/digest.hpp"
#include "base/json.hpp"

namespace hawser::stage::audit {

using exchange::Exchange;
using exchange::Notes;

namespace {

template <class Number>
void number(std::string& out, std::string_view name, Number value) {
  char digits[24];
  out.append(",\"").append(name).append("\":");
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}
void text(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out.append(",\"").append(name).append("\":");
  append_json_string(out, value);
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
  if (!notes.refused_by.empty() || exchange.residency.refuses) return "refused";
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

/// The targets that it could have been served by, in their order.
void append_candidates(const Exchange& exchange, std::string& out) {
  const auto& candidates = exchange.candidates;
  if (candidates.empty()) return;
  number(out, "candidates", candidates.size());
  thread_local hawser::audit::Hasher hasher;
  hasher.begin();
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    hasher.add(candidates[i].name);
    hasher.add("\n");
  }
  const auto digest = hasher.end();
  out.append(",\"candidates_sha256\":\"");
  hawser::audit::append_hex(out, hawser::audit::view(digest));
  out.push_back('"');
}

void append_tries(const Notes& notes, std::string& out) {
  if (notes.tries.empty()) return;
  out.append(",\"tries\":[");
  for (const auto& one : notes.tries) {
    if (out.back() != '[') out.push_back(',');
    out.append("{\"target\":");
    append_json_string(out, one.target);
    text(out, "tags", one.tags);
    text(out, "address", one.address);
    if (one.status != 0) number(out, "status", one.status);
    if (one.error) text(out, "error", name_of(*one.error));
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
    text(out, "in", finding.answer ? "answer" : "prompt");
    number(out, "count", finding.count);
    out.push_back('}');
  }
  out.push_back(']');
}

}  // namespace

void begin_record(std::string_view type, std::string& out) {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  out.append("\"time_us\":");
  out.append(std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(wall).count()));
  text(out, "type", type);
}

void append_exchange(const Facts& facts, std::string_view type, std::string& out) {
  const Exchange& exchange = facts.exchange;
  const Notes& notes = *exchange.notes;
  const auto& trail = exchange.trail;
  begin_record(type, out);
  text(out, "request_id", exchange.id);
  text(out, "tenant", exchange.principal->tenant);
  text(out, "team", exchange.principal->team);
  text(out, "key", exchange.principal->key);
  text(out, "client", exchange.request.client_address);
  text(out, "api", name_of_api(exchange.request.endpoint.api));
  text(out, "model", exchange.public_model);
  const auto error = facts.refusal ? facts.refusal : trail.error;
  text(out, "decision", decision_of(exchange, error));
  if (error) text(out, "reason", name_of(*error));
  text(out, "by", notes.refused_by);
  text(out, "name", notes.refused_name);
  if (exchange.residency.rule != nullptr) text(out, "policy", *exchange.residency.rule);
  number(out, "configuration", facts.configuration);
  append_candidates(exchange, out);
  text(out, "asked_hmac", facts.content_hash);
  text(out, "action", notes.action);
  if (type == "decision") return;
  number(out, "status", trail.status);
  number(out, "bytes_in", trail.bytes_in);
  number(out, "bytes_out", trail.bytes_out);
  const auto took = Clock::now() - exchange.arrived;
  number(out, "duration_us", std::chrono::duration_cast<std::chrono::microseconds>(took).count());
}

void append_notes(const Notes& notes, std::string& out) {
  text(out, "generation", notes.generation);
  text(out, "cache", notes.cache);
  text(out, "cache_tier", notes.cache_tier);
  append_tries(notes, out);
  append_findings(notes, out);
  if (notes.settled) {
    number(out, "answer_bytes", notes.answer_bytes);
    out.append(notes.whole ? ",\"whole\":true" : ",\"whole\":false");
  }
  if (notes.usage.known) {
    number(out, "input_tokens", notes.usage.input);
    number(out, "output_tokens", notes.usage.output);
    if (notes.usage.cached > 0) number(out, "cached_tokens", notes.usage.cached);
  }
  if (notes.priced) number(out, "cost_nano_usd", notes.cost);
}

}  // namespace hawser::stage::audit
