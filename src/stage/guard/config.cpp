#include "stage/guard/config.hpp"

#include <algorithm>
#include <array>

#include "dialect/operation.hpp"

namespace hawser::stage::guard {
namespace {

/// What OpenAI's moderation API scores, and Mistral's, which has its form. Any other name would
/// never be scored.
/// Source: the API references of OpenAI (moderations) and Mistral (classifiers).
constexpr auto categories_known = std::to_array<std::string_view>({"harassment",
                                                                   "harassment/threatening",
                                                                   "hate",
                                                                   "hate/threatening",
                                                                   "illicit",
                                                                   "illicit/violent",
                                                                   "self-harm",
                                                                   "self-harm/instructions",
                                                                   "self-harm/intent",
                                                                   "sexual",
                                                                   "sexual/minors",
                                                                   "violence",
                                                                   "violence/graphic",  // OpenAI
                                                                   "dangerous_and_criminal_content",
                                                                   "financial",
                                                                   "hate_and_discrimination",
                                                                   "health",
                                                                   "jailbreaking",
                                                                   "law",
                                                                   "pii",
                                                                   "selfharm",
                                                                   "violence_and_threats"});

}  // namespace

std::vector<config::Problem> GuardConfig::check() const {
  std::vector<config::Problem> problems;
  if (auto problem = dialect::grants_problem(pass_unread); !problem.empty()) {
    problems.push_back({"pass_unread", std::move(problem)});
  }
  if (form != Form::openai_moderation && !categories.empty()) {
    problems.push_back({"categories", "only the form openai_moderation has categories"});
    return problems;
  }
  for (const auto& [category, limit] : categories) {
    const bool known = std::find(categories_known.begin(), categories_known.end(), category) !=
                       categories_known.end();
    if (!known) {
      problems.push_back({"categories." + category,
                          "no moderation API scores this category; violence, self-harm, hate, "
                          "sexual, ... are known (docs/guards.md)"});
    }
    if (!(limit > 0 && limit <= 1)) {
      problems.push_back({"categories." + category, "a score is above 0 and at most 1"});
    }
  }
  return problems;
}

}  // namespace hawser::stage::guard
