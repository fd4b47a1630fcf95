#include "stage/admit/limit_fields.hpp"

#include "base/wall_clock.hpp"

namespace hawser::stage::admit {

using std::chrono::ceil;
using std::chrono::seconds;

namespace {

void append_field(std::string& out, std::string_view name, const std::string& value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

/// A string of a structured field (RFC 8941, 3.3.3).
std::string quoted(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c >= ' ' && c < 0x7f ? c : '_');
  }
  return out + '"';
}

void append_ietf(std::span<const Standing> standings, std::string& out) {
  std::string policies, states;
  for (const auto& standing : standings) {
    const Limit& limit = *standing.limit;
    const std::string name = quoted(limit.name);
    const char* comma = policies.empty() ? "" : ", ";
    policies.append(comma).append(name).append(";q=").append(std::to_string(standing.quota()));
    states.append(comma).append(name).append(";r=").append(std::to_string(standing.left));
    if (limit.unit == Unit::concurrent) {
      policies.append(";qu=\"concurrent-requests\"");
      continue;
    }
    const auto window = std::chrono::duration_cast<seconds>(limit.pace.period).count();
    policies.append(";w=").append(std::to_string(window));
    states.append(";t=").append(std::to_string(ceil<seconds>(standing.until_full).count()));
  }
  append_field(out, "RateLimit-Policy", policies);
  append_field(out, "RateLimit", states);
}

double fullness(const Standing& standing) {
  return static_cast<double>(standing.left) / static_cast<double>(standing.quota());
}

const Standing* tightest(std::span<const Standing> standings, std::initializer_list<Unit> units) {
  const Standing* found = nullptr;
  for (const auto& standing : standings) {
    for (const Unit unit : units) {
      if (standing.limit->unit != unit) continue;
      if (found == nullptr || fullness(standing) < fullness(*found)) found = &standing;
    }
  }
  return found;
}

void append_openai(const Standing* standing, const char* what, std::string& out) {
  if (standing == nullptr) return;
  const auto field = [&](const char* kind, const std::string& value) {
    append_field(out, std::string("x-ratelimit-") + kind + "-" + what, value);
  };
  field("limit", std::to_string(standing->quota()));
  field("remaining", std::to_string(standing->left));
  field("reset", go_duration(standing->until_full));
}

void append_anthropic(const Standing* standing, const char* what,
                      std::chrono::system_clock::time_point now, std::string& out) {
  if (standing == nullptr) return;
  const auto field = [&](const char* kind, const std::string& value) {
    append_field(out, std::string("anthropic-ratelimit-") + what + "-" + kind, value);
  };
  field("limit", std::to_string(standing->quota()));
  field("remaining", std::to_string(standing->left));
  field("reset", rfc3339(now + ceil<seconds>(standing->until_full)));
}

}  // namespace

std::uint64_t Standing::quota() const {
  return limit->unit == Unit::concurrent ? limit->places : limit->pace.burst;
}

std::string go_duration(Clock::duration duration) {
  auto ms = ceil<milliseconds>(duration).count();
  if (ms < 1000) return std::to_string(ms) + "ms";
  std::string out;
  if (ms >= 3'600'000) out += std::to_string(ms / 3'600'000) + "h";
  if (ms >= 60'000) out += std::to_string(ms / 60'000 % 60) + "m";
  ms %= 60'000;
  out += std::to_string(ms / 1000);
  if (ms % 1000 != 0) {
    std::string rest = std::to_string(1000 + ms % 1000).substr(1);
    rest.erase(rest.find_last_not_of('0') + 1);
    out += "." + rest;
  }
  return out + "s";
}

void append_limit_fields(std::span<const Standing> standings, dialect::Dialect dialect,
                         std::chrono::system_clock::time_point now, std::string& out) {
  if (standings.empty()) return;
  append_ietf(standings, out);
  const Standing* requests = tightest(standings, {Unit::requests});
  if (dialect == dialect::Dialect::anthropic) {
    append_anthropic(requests, "requests", now, out);
    append_anthropic(tightest(standings, {Unit::tokens}), "tokens", now, out);
    append_anthropic(tightest(standings, {Unit::input_tokens}), "input-tokens", now, out);
    append_anthropic(tightest(standings, {Unit::output_tokens}), "output-tokens", now, out);
    return;
  }
  append_openai(requests, "requests", out);
  append_openai(tightest(standings, {Unit::tokens, Unit::input_tokens, Unit::output_tokens}),
                "tokens", out);
}

}  // namespace hawser::stage::admit
