#include "sim/plan.hpp"

#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

namespace hawser::sim {
namespace {

namespace json = boost::json;
using Kind = Fault::Kind;
using Where = Fault::Where;

Error wrong(std::string message) {
  return {.code = Code::invalid_request, .message = std::move(message)};
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto at = text.find(by);
    out.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + 1);
  }
}

bool parse_count(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse_ms(std::string_view text, double& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && out >= 0 && out < 1e9;
}

struct Named {
  std::string_view name;
  Kind kind;
  bool counted;  // takes a number
};
constexpr std::array kinds{Named{"status", Kind::status, true},
                           Named{"reset", Kind::reset, false},
                           Named{"close", Kind::close, false},
                           Named{"stall", Kind::stall, false},
                           Named{"malformed-event", Kind::malformed_event, true},
                           Named{"error-event", Kind::error_event, true},
                           Named{"empty-stream", Kind::empty_stream, false},
                           Named{"no-done", Kind::no_done, false},
                           Named{"endless", Kind::endless, false},
                           Named{"garbage-head", Kind::garbage_head, false},
                           Named{"truncate-length", Kind::truncate_length, true},
                           Named{"chunked-broken", Kind::chunked_broken, false}};

Result<> parse_where(std::string_view text, Fault& fault) {
  const auto equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  if (name == "before-request")
    fault.where = Where::before_request;
  else if (name == "before-head")
    fault.where = Where::before_head;
  else if (name == "after-bytes")
    fault.where = Where::after_bytes;
  else if (name == "after-events")
    fault.where = Where::after_events;
  else
    return wrong("unknown place '" + std::string(name) + "' of a fault");
  if (equals != std::string_view::npos && !parse_count(text.substr(equals + 1), fault.count)) {
    return wrong("'" + std::string(text) + "' lacks its number");
  }
  return {};
}

Result<> parse_status(const std::vector<std::string_view>& parts, Fault& fault) {
  fault.code = static_cast<int>(fault.count);
  for (std::size_t i = 2; i < parts.size(); ++i) {
    const auto equals = std::min(parts[i].find('='), parts[i].size());
    const auto name = parts[i].substr(0, equals);
    const std::string value(parts[i].substr(std::min(equals + 1, parts[i].size())));
    if (name == "retry-after")
      fault.retry_after = value;
    else if (name == "retry-after-ms")
      fault.retry_after_ms = value;
    else
      return wrong("unknown part '" + std::string(parts[i]) + "' of a status fault");
  }
  return {};
}

Result<> set(Plan& plan, std::string_view name, std::string_view value) {
  bool fine = true;
  std::uint64_t count = 0;
  if (name == "latency-ms")
    fine = parse_ms(value, plan.latency_ms);
  else if (name == "first-token-ms")
    fine = parse_ms(value, plan.first_token_ms);
  else if (name == "interval-ms")
    fine = parse_ms(value, plan.interval_ms);
  else if (name == "token-bytes")
    fine = parse_count(value, plan.token_bytes);
  else if (name == "chunking")
    plan.chunking = value;
  else if (name == "exchange")
    plan.exchange = value;
  else if (name == "tokens") {
    fine = parse_count(value, count);
    plan.tokens = count;
  } else if (name == "fault") {
    if (value.starts_with("slow-first-token:")) {
      fine = parse_ms(value.substr(17), plan.first_token_ms);
    } else {
      auto fault = parse_fault(value);
      if (!fault) return fault.error();
      plan.fault = *fault;
    }
  }
  if (!fine) return wrong("x-sim-" + std::string(name) + ": '" + std::string(value) + "'?");
  return {};
}

}  // namespace

Result<Fault> parse_fault(std::string_view text) {
  const auto parts = split(text, ':');
  for (const Named& named : kinds) {
    if (parts[0] != named.name) continue;
    Fault fault;
    fault.kind = named.kind;
    if (named.counted && (parts.size() < 2 || !parse_count(parts[1], fault.count))) {
      return wrong("the fault '" + std::string(text) + "' lacks its number");
    }
    Result<> read;
    if (named.kind == Kind::status) read = parse_status(parts, fault);
    const bool placed =
        named.kind == Kind::reset || named.kind == Kind::close || named.kind == Kind::stall;
    if (placed) read = parse_where(parts.size() > 1 ? parts[1] : "before-head", fault);
    if (!read) return read.error();
    return fault;
  }
  return wrong("unknown fault '" + std::string(text) + "'");
}

Result<Planner::Rule> Planner::parse_rule(const json::value& value) const {
  if (!value.is_object()) return wrong("a rule must be an object");
  Rule rule;
  for (const auto& [name, entry] : value.get_object()) {
    const std::string text =
        entry.is_string() ? std::string(entry.get_string()) : json::serialize(entry);
    if (name == "path")
      rule.path = text;
    else if (name == "model")
      rule.model = text;
    else if (name == "nth" && parse_count(text, rule.nth))
      continue;
    else if (name == "times" && parse_count(text, rule.times))
      continue;
    else {
      Plan trial;
      auto known = set(trial, name, text);
      if (!known) return known.error();
      rule.settings[std::string(name)] = text;
    }
  }
  return rule;
}

Result<> Planner::load(std::string_view script) {
  if (script.empty()) return {};
  boost::system::error_code error;
  const json::value root = json::parse(script, error);
  if (error || !root.is_array()) return wrong("the script must be a JSON array of rules");
  for (const auto& entry : root.get_array()) {
    auto rule = parse_rule(entry);
    if (!rule) return rule.error();
    rules_.push_back(std::move(*rule));
  }
  return {};
}

Result<Plan> Planner::plan(const wire::RequestHead& head, std::string_view model, bool counts) {
  Plan plan;
  for (Rule& rule : rules_) {
    if (!rule.path.empty() && head.path.find(rule.path) == std::string_view::npos) continue;
    if (!rule.model.empty() && rule.model != model) continue;
    const std::uint64_t matched = rule.matched + 1;
    if (counts) rule.matched = matched;
    if (rule.nth != 0 && matched != rule.nth) continue;
    if (rule.times != 0 && rule.applied >= rule.times) continue;
    if (counts) ++rule.applied;
    for (const auto& [name, value] : rule.settings) {
      auto done = set(plan, name, value);
      if (!done) return done.error();
    }
    break;
  }
  std::string fault_key;
  std::uint64_t fault_times = 0;
  for (const auto& field : head.fields) {
    if (field.name.size() < 7 || !wire::same_token(field.name.substr(0, 6), "x-sim-")) continue;
    std::string name(field.name.substr(6));
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    if (name == "fault-key") fault_key = field.value;
    if (name == "fault-times" && !parse_count(field.value, fault_times)) {
      return wrong("x-sim-fault-times must be a number");
    }
    auto done = set(plan, name, field.value);
    if (!done) return done.error();
  }
  if (fault_times != 0) {
    std::uint64_t& used = used_[fault_key];
    if (used >= fault_times) plan.fault = {};
    if (counts) ++used;
  }
  return plan;
}

}  // namespace hawser::sim
