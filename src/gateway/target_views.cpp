#include "gateway/target_views.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>

#include "telemetry/json_text.hpp"

namespace hawser::gateway {
namespace {

namespace json = boost::json;
using health::Condition;
using health::TargetHealth;

std::string_view name_of(Condition::State state) {
  switch (state) {
    case Condition::State::warm:
      return "warm";
    case Condition::State::avoided:
      return "avoided";
    case Condition::State::cold:
      return "cold";
  }
  return "warm";
}

std::string series(const char* name, const TargetHealth& target) {
  std::string out = name;
  out.append("{target=");
  telemetry::append_json(out, target.name());
  return out.append("} ");
}

}  // namespace

std::string render_targets(const health::Directory& targets) {
  std::string fit, first_token;
  const auto now = Clock::now();
  targets.each([&](const TargetHealth& target) {
    const bool warm = target.condition(now, 0).state == Condition::State::warm;
    fit += series("hawser_target_up", target) + (warm ? "1\n" : "0\n");
    first_token += series("hawser_target_first_token_seconds", target) +
                   std::to_string(target.first_token_ms() / 1000) + "\n";
  });
  if (fit.empty()) return {};
  return "# HELP hawser_target_up Whether a target of a model with several is asked.\n"
         "# TYPE hawser_target_up gauge\n" +
         fit +
         "# HELP hawser_target_first_token_seconds Time to first token, as targets are compared.\n"
         "# TYPE hawser_target_first_token_seconds gauge\n" +
         first_token;
}

std::string list_targets(const health::Directory& targets) {
  json::array list;
  const auto now = Clock::now();
  targets.each([&](const TargetHealth& target) {
    const Condition condition = target.condition(now, 0);
    json::object one{{"target", target.name()},
                     {"state", name_of(condition.state)},
                     {"first_token_ms", std::round(target.first_token_ms() * 10) / 10},
                     {"usual_first_token_ms", std::round(target.usual_first_token_ms() * 10) / 10},
                     {"tokens_under_way", target.outstanding_tokens()}};
    if (condition.state != Condition::State::warm) {
      one["why"] = condition.why;
      one["for_ms"] = std::chrono::ceil<milliseconds>(condition.until - now).count();
    }
    list.push_back(std::move(one));
  });
  return json::serialize(json::object{{"targets", std::move(list)}});
}

}  // namespace hawser::gateway
