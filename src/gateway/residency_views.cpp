#include "gateway/residency_views.hpp"

#include <algorithm>
#include <array>

#include "base/json.hpp"

namespace hawser::gateway {
namespace {

using policy::Policy;
using Reasons = std::vector<Policy::Reason>;

Error not_understood(std::string message) {
  return {.code = Code::invalid_request, .message = std::move(message)};
}

/// What is asked about.
struct Question {
  std::string tenant{}, team{}, key{}, model{}, data_class{}, residency{};
};

Result<Question> read(std::string_view body) {
  if (!is_json(body)) return not_understood("the body is not JSON");
  Question question;
  const std::array<std::pair<std::string_view, std::string*>, 6> members{
      {{"\"tenant\"", &question.tenant},
       {"\"team\"", &question.team},
       {"\"key\"", &question.key},
       {"\"model\"", &question.model},
       {"\"data_class\"", &question.data_class},
       {"\"residency\"", &question.residency}}};
  const bool good = for_each_member(body, [&](std::string_view name, std::string_view value) {
    const auto found = std::find_if(members.begin(), members.end(),
                                    [&](const auto& member) { return member.first == name; });
    return found != members.end() && decode_json_string(value, *found->second);
  });
  if (good) return question;
  return not_understood(
      "known are tenant, team, key, model, data_class and residency, all of them texts");
}

/// Who has a key is known by it.
Result<> complete(const settings::Config& config, Question& question) {
  if (question.key.empty()) return Result<>();
  const auto key = std::find_if(config.keys.begin(), config.keys.end(),
                                [&](const auto& one) { return one.name == question.key; });
  if (key == config.keys.end()) {
    return Error{.code = Code::not_found, .message = "there is no key of this name"};
  }
  if (question.tenant.empty()) question.tenant = key->tenant;
  if (question.team.empty()) question.team = key->team;
  return Result<>();
}

/// JSON, put together in order.
class Page {
 public:
  Page& raw(std::string_view text) {
    text_.append(text);
    return *this;
  }
  Page& text(std::string_view text) {
    append_json_string(text_, text);
    return *this;
  }
  Page& comma(bool first) { return first ? *this : raw(","); }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void add_reasons(Page& page, const Reasons& reasons) {
  page.raw(",\"reasons\":[");
  for (std::size_t i = 0; i < reasons.size(); ++i) {
    page.comma(i == 0).raw("{\"rule\":").text(reasons[i].rule);
    page.raw(",\"why\":").text(reasons[i].why).raw("}");
  }
  page.raw("]");
}

/// What a question came to.
struct Finding {
  const Policy& policy;
  policy::Asker asker;
  std::size_t model;
  Policy::Wish wish;
  Policy::Eligible eligible;
};

void add_rules(Page& page, const Finding& finding) {
  page.raw(",\"rules\":[");
  bool first = true;
  for (std::size_t i = 0; i < finding.policy.given().rules.size(); ++i) {
    if (!finding.policy.concerns(i, finding.asker)) continue;
    page.comma(std::exchange(first, false)).text(finding.policy.given().rules[i].name);
  }
  page.raw("]");
}

/// In the order in which they would be tried; then those that would not be.
void add_targets(Page& page, const Finding& finding) {
  const auto& targets = finding.policy.given().models[finding.model].targets;
  page.raw(",\"targets\":[");
  bool first = true;
  int place = 0;
  for (const bool eligible : {true, false}) {
    for (const std::uint8_t t : finding.eligible.order) {
      if ((finding.eligible.targets >> t & 1) != (eligible ? 1u : 0u)) continue;
      page.comma(std::exchange(first, false)).raw("{\"target\":").text(targets[t].name);
      page.raw(eligible ? ",\"eligible\":true,\"order\":" + std::to_string(++place)
                        : ",\"eligible\":false");
      add_reasons(page, finding.policy.why_not(finding.asker, finding.model, t, finding.wish));
      page.raw("}");
    }
  }
  page.raw("]");
}

void add_services(Page& page, const Finding& finding) {
  const auto& services = finding.policy.given().services;
  page.raw(",\"services\":[");
  for (std::size_t s = 0; s < std::min<std::size_t>(services.size(), 64); ++s) {
    const bool allowed = (finding.eligible.grants.bits() >> s & 1) != 0;
    page.comma(s == 0).raw("{\"service\":").text(services[s].resource.name);
    page.raw(",\"use\":");
    for (const auto& word : policy::names_of(policy::Use{})) {
      if (word.value == services[s].use) page.text(word.name);
    }
    page.raw(allowed ? ",\"eligible\":true" : ",\"eligible\":false");
    add_reasons(page, finding.policy.why_no_service(finding.asker, s, finding.wish));
    page.raw("}");
  }
  page.raw("]");
}

}  // namespace

Result<std::string> explain_policy(const Snapshot& snapshot, std::string_view body) {
  auto question = read(body);
  if (!question) return question.error();
  if (const auto known = complete(*snapshot.config, *question); !known) return known.error();
  const auto* entry = question->model.empty() ? nullptr : snapshot.routes->find(question->model);
  if (entry == nullptr) entry = snapshot.routes->fallback();
  if (entry == nullptr) {
    return Error{.code = Code::not_found, .message = "no target serves this model"};
  }
  auto wish = snapshot.policy->wish(question->residency);
  if (!wish) return wish.error();
  const policy::Asker asker{question->tenant, question->team, question->key, question->model,
                            question->data_class};
  const Finding finding{*snapshot.policy, asker, entry->index, *wish,
                        snapshot.policy->eligible(asker, entry->index, *wish)};
  Page page;
  page.raw("{\"model\":").text(question->model).raw(",\"entry\":").text(entry->name);
  page.raw(",\"tenant\":").text(question->tenant);
  add_rules(page, finding);
  page.raw(",\"refused_by\":");
  const bool refused = finding.eligible.targets == 0;
  if (refused) page.text(finding.eligible.bound->name);
  page.raw(refused ? "" : "null");
  add_targets(page, finding);
  add_services(page, finding);
  return page.raw("}").take();
}

}  // namespace hawser::gateway
