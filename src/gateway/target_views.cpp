#include "gateway/target_views.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <vector>

#include "export/page.hpp"

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

}  // namespace

std::string render_targets(const health::Directory& targets) {
  std::vector<const TargetHealth*> all;
  targets.each([&](const TargetHealth& target) { all.push_back(&target); });
  if (all.empty()) return {};
  const auto now = Clock::now();
  exporting::Page page;
  page.family("hawser_target_up", "gauge", "Whether a target of a model with several is asked.");
  for (const auto* target : all) {
    const bool warm = target->condition(now, 0).state == Condition::State::warm;
    page.sample({{"target", target->name()}}, warm ? 1 : 0);
  }
  page.family("hawser_target_first_token_seconds", "gauge",
              "Time to first token, as targets are compared.");
  for (const auto* target : all) {
    page.sample({{"target", target->name()}}, target->first_token_ms() / 1000);
  }
  return page.take();
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
