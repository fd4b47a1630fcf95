#include "sim/request_json.hpp"

#include <boost/json/serialize.hpp>

#include "sim/openai.hpp"
#include "sim/text.hpp"

namespace hawser::sim {

std::string text_of(const json::value* value) {
  if (value == nullptr) return {};
  if (value->is_string()) return std::string(value->get_string());
  std::string out;
  if (value->is_array()) {
    for (const auto& part : value->get_array()) {
      if (part.is_string()) out += std::string_view(part.get_string());
      if (!part.is_object()) continue;
      const auto* text = part.get_object().if_contains("text");
      if (text == nullptr) text = part.get_object().if_contains("content");
      out += text_of(text);
    }
  }
  return out;
}

std::string_view string_member(const json::object& object, std::string_view name,
                               std::string_view otherwise) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : otherwise;
}
bool bool_member(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}
std::int64_t number_member(const json::object& object, std::string_view name,
                           std::int64_t otherwise) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_int64() ? value->get_int64() : otherwise;
}

Answer json_answer(const json::value& body) {
  Answer answer;
  answer.parts.push_back(json::serialize(body));
  return answer;
}

std::string data_event(const json::value& body) {
  return "data: " + json::serialize(body) + "\n\n";
}

/// A value that fits a JSON Schema: enough for tool arguments.
json::value example_of(const json::value* schema) {
  if (schema == nullptr || !schema->is_object()) return json::object{};
  const auto& object = schema->get_object();
  if (const auto* values = object.if_contains("enum");
      values != nullptr && values->is_array() && !values->get_array().empty()) {
    return values->get_array().front();
  }
  const auto type = string_member(object, "type", "object");
  if (type == "string") return "example";
  if (type == "integer" || type == "number") return 7;
  if (type == "boolean") return true;
  if (type == "array") return json::array{example_of(object.if_contains("items"))};
  json::object out;
  if (const auto* members = object.if_contains("properties"); members && members->is_object()) {
    for (const auto& [name, member] : members->get_object()) out[name] = example_of(&member);
  }
  return out;
}

Prompt read_messages(const json::value* messages) {
  Prompt prompt;
  if (messages == nullptr) return prompt;
  if (messages->is_string()) {
    prompt.last = std::string(messages->get_string());
    prompt.tokens = count_tokens(prompt.last);
    return prompt;
  }
  if (!messages->is_array()) return prompt;
  for (const auto& entry : messages->get_array()) {
    if (!entry.is_object()) continue;
    const auto& message = entry.get_object();
    const std::string text = text_of(message.if_contains("content"));
    prompt.tokens += count_tokens(text) + 3;
    if (bool_member(message, "prefix") || bool_member(message, "partial")) {
      prompt.begun = text;
      continue;
    }
    prompt.last = text;
    prompt.after_tool = string_member(message, "role") == "tool" ||
                        string_member(message, "type") == "function_call_output";
  }
  return prompt;
}

/// The function that is called, if any: the first tool.
const json::object* called_tool(const json::object& request, const Prompt& prompt) {
  const auto* tools = request.if_contains("tools");
  if (tools == nullptr || !tools->is_array() || tools->get_array().empty()) return nullptr;
  if (prompt.after_tool || string_member(request, "tool_choice") == "none") return nullptr;
  const auto& tool = tools->get_array().front();
  if (!tool.is_object()) return nullptr;
  const auto* function = tool.get_object().if_contains("function");
  return function != nullptr && function->is_object() ? &function->get_object()
                                                      : &tool.get_object();
}

std::uint64_t tokens_wanted(const json::object& request, const Plan& plan) {
  if (plan.tokens) return *plan.tokens;
  for (const auto* name : {"max_completion_tokens", "max_tokens", "max_output_tokens"}) {
    const auto wanted = number_member(request, name, 0);
    if (wanted > 0) return static_cast<std::uint64_t>(wanted);
  }
  return 32;
}

std::string joined(const std::vector<std::string>& tokens) {
  std::string out;
  for (const auto& token : tokens) out += token;
  return out;
}

Answer missing(std::string_view field) {
  return openai_error(400, "Missing required parameter: '" + std::string(field) + "'.",
                      "invalid_request_error", field, "missing_required_parameter");
}

}  // namespace hawser::sim
