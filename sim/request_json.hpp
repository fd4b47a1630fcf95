#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "sim/answer.hpp"
#include "sim/plan.hpp"

/// Reading OpenAI's requests and writing its answers, for all of its APIs.
namespace hawser::sim {

namespace json = boost::json;

// Answers are deterministic: time stands still.
inline constexpr std::int64_t created = 1'760'000'000;

/// The text of a string or of a list of content parts.
std::string text_of(const json::value* value);
std::string_view string_member(const json::object& object, std::string_view name,
                               std::string_view otherwise = {});
bool bool_member(const json::object& object, std::string_view name);
std::int64_t number_member(const json::object& object, std::string_view name,
                           std::int64_t otherwise);

/// A value that fits a JSON Schema: enough for tool arguments.
json::value example_of(const json::value* schema);

/// The conversation, boiled down.
struct Prompt {
  std::string last{};
  std::uint64_t tokens = 0;
  bool after_tool = false;
  std::string begun{};  // of the answer: the client asks for its rest
};
Prompt read_messages(const json::value* messages);
/// The function that is called, if any: the first tool.
const json::object* called_tool(const json::object& request, const Prompt& prompt);
std::uint64_t tokens_wanted(const json::object& request, const Plan& plan);

std::string joined(const std::vector<std::string>& tokens);
Answer json_answer(const json::value& body);
std::string data_event(const json::value& body);
Answer missing(std::string_view field);

}  // namespace hawser::sim
