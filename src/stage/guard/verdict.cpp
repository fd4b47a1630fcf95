#include "stage/guard/verdict.hpp"

#include <boost/json/parse.hpp>

#include "base/json.hpp"

namespace hawser::stage::guard {
namespace json = boost::json;
namespace {

constexpr std::size_t reason_max = 200;

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out += out.size() == 1 ? "\"" : ",\"";
  out.append(name).append("\":");
  append_json_string(out, value);
}

/// A stranger's words in our errors: one line, and short.
std::string tidied(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, reason_max)) {
    const bool plain = static_cast<unsigned char>(c) >= ' ' && c != 0x7f;
    out += plain ? c : ' ';
  }
  while (!out.empty() && text.size() > reason_max && (out.back() & 0x80) != 0) out.pop_back();
  return out;
}

Error not_of_the_form() {
  return {.code = Code::upstream, .message = "the guard's answer is not of its form"};
}

Result<Verdict> parse_plain(const json::object& answer) {
  const json::value* allow = answer.if_contains("allow");
  if (allow == nullptr || !allow->is_bool()) return not_of_the_form();
  Verdict verdict;
  verdict.allow = allow->get_bool();
  const json::value* reason = answer.if_contains("reason");
  if (reason != nullptr && reason->is_string()) verdict.reason = tidied(reason->get_string());
  return verdict;
}

double score_of(const json::object& result, std::string_view category) {
  const json::value* scores = result.if_contains("category_scores");
  const json::value* score = scores != nullptr && scores->is_object()
                                 ? scores->get_object().if_contains(category)
                                 : nullptr;
  return score != nullptr && score->is_number() ? score->to_number<double>() : 0;
}

/// The first category that is true, for the reason.
std::string flagged_category(const json::object& result) {
  const json::value* categories = result.if_contains("categories");
  if (categories == nullptr || !categories->is_object()) return {};
  for (const auto& [name, on] : categories->get_object()) {
    if (on.is_bool() && on.get_bool()) return tidied(name);
  }
  return {};
}

Result<Verdict> parse_moderation(const GuardConfig& config, const json::object& answer) {
  const json::value* results = answer.if_contains("results");
  if (results == nullptr || !results->is_array()) return not_of_the_form();
  for (const auto& entry : results->get_array()) {
    if (!entry.is_object()) return not_of_the_form();
    const json::object& result = entry.get_object();
    const json::value* flagged = result.if_contains("flagged");
    if (flagged == nullptr || !flagged->is_bool()) return not_of_the_form();
    for (const auto& [category, limit] : config.categories) {
      if (score_of(result, category) >= limit) return Verdict{false, tidied(category)};
    }
    if (config.categories.empty() && flagged->get_bool()) {
      return Verdict{false, flagged_category(result)};
    }
  }
  return Verdict{};
}

}  // namespace

std::string write_question(const GuardConfig& config, const Question& question) {
  std::string out = "{";
  if (config.form == Form::openai_moderation) {
    if (!config.model.empty()) append_member(out, "model", config.model);
    append_member(out, "input", question.text);
    return out + "}";
  }
  append_member(out, "id", question.id);
  append_member(out, "tenant", question.tenant);
  append_member(out, "model", question.model);
  append_member(out, "direction", question.direction == Direction::prompt ? "prompt" : "answer");
  append_member(out, "text", question.text);
  return out + "}";
}

Result<Verdict> parse_verdict(const GuardConfig& config, std::string_view body) {
  boost::system::error_code error;
  const json::value answer = json::parse(body, error);
  if (error || !answer.is_object()) return not_of_the_form();
  if (config.form == Form::openai_moderation) return parse_moderation(config, answer.get_object());
  return parse_plain(answer.get_object());
}

}  // namespace hawser::stage::guard
