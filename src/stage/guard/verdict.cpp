#include "stage/guard/verdict.hpp"

#include <boost/json/parse.hpp>
#include <optional>
#include <set>
#include <vector>

#include "base/json.hpp"
#include "base/json_scan.hpp"

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

/// Whether no object has a name twice: a reader takes one of them, and nobody knows which.
class Names {
 public:
  bool name(const JsonToken& token, unsigned depth) {
    std::string name;
    if (seen_.size() <= depth) seen_.resize(depth + 1);
    return decode_json_string(token.text, name) && seen_[depth].insert(std::move(name)).second;
  }
  bool string(const JsonToken&, unsigned) { return true; }
  bool scalar(const JsonToken&, unsigned) { return true; }
  bool open(char, unsigned depth, std::size_t) {
    if (seen_.size() > depth + 1) seen_[depth + 1].clear();
    return true;
  }
  bool close(char, unsigned, std::size_t) { return true; }

 private:
  std::vector<std::set<std::string>> seen_{};  // by depth
};

Result<Verdict> parse_plain(const json::object& answer) {
  const json::value* allow = answer.if_contains("allow");
  if (allow == nullptr || !allow->is_bool()) return not_of_the_form();
  Verdict verdict;
  verdict.allow = allow->get_bool();
  const json::value* reason = answer.if_contains("reason");
  if (reason == nullptr || reason->is_null()) return verdict;
  if (!reason->is_string()) return not_of_the_form();
  verdict.reason = tidied(reason->get_string());
  return verdict;
}

/// Nothing: the category has no score, or one that is none.
std::optional<double> score_of(const json::object& result, std::string_view category) {
  const json::value* scores = result.if_contains("category_scores");
  if (scores == nullptr || !scores->is_object()) return std::nullopt;
  const json::value* score = scores->get_object().if_contains(category);
  if (score == nullptr || !score->is_number()) return std::nullopt;
  const auto value = score->to_number<double>();
  return value >= 0 && value <= 1 ? std::optional(value) : std::nullopt;
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

Result<Verdict> judge_result(const GuardConfig& config, const json::value& entry) {
  if (!entry.is_object()) return not_of_the_form();
  const json::object& result = entry.get_object();
  const json::value* flagged = result.if_contains("flagged");
  if (flagged == nullptr || !flagged->is_bool()) return not_of_the_form();
  if (config.categories.empty()) {
    if (!flagged->get_bool()) return Verdict{};
    return Verdict{false, flagged_category(result)};
  }
  Verdict verdict;
  for (const auto& [category, limit] : config.categories) {
    const auto score = score_of(result, category);
    if (!score) return not_of_the_form();
    if (*score >= limit && verdict.allow) verdict = {false, tidied(category)};
  }
  return verdict;
}

Result<Verdict> parse_moderation(const GuardConfig& config, const json::object& answer) {
  const json::value* results = answer.if_contains("results");
  if (results == nullptr || !results->is_array() || results->get_array().empty()) {
    return not_of_the_form();
  }
  Verdict verdict;
  for (const auto& entry : results->get_array()) {
    auto judged = judge_result(config, entry);
    if (!judged) return judged;
    if (verdict.allow) verdict = std::move(*judged);
  }
  return verdict;
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
  Names names;
  if (scan_json(body, names) != JsonFault::none) return not_of_the_form();
  boost::system::error_code error;
  const json::value answer = json::parse(body, error);
  if (error || !answer.is_object()) return not_of_the_form();
  if (config.form == Form::openai_moderation) return parse_moderation(config, answer.get_object());
  return parse_plain(answer.get_object());
}

}  // namespace hawser::stage::guard
