// The Responses API.
#include <boost/json/serialize.hpp>

#include "sim/openai.hpp"
#include "sim/request_json.hpp"
#include "sim/text.hpp"

namespace hawser::sim {

namespace {

/// Events of the Responses API: named, numbered, in the order of wire.md, 3.
class ResponseStream {
 public:
  void add(std::string_view type, json::object members) {
    json::object event{{"type", json::string(type)}, {"sequence_number", sequence_++}};
    for (auto& [name, value] : members) event[name] = std::move(value);
    answer_.parts.push_back("event: " + std::string(type) + "\n" + data_event(event));
  }
  Answer finish() {
    answer_.stream = true;
    answer_.content_type = "text/event-stream; charset=utf-8";
    return std::move(answer_);
  }
  void begin_content() { answer_.content_at = answer_.parts.size(); }

 private:
  std::int64_t sequence_ = 0;
  Answer answer_;
};

void stream_text(ResponseStream& stream, const json::object& item,
                 const std::vector<std::string>& tokens) {
  const json::value& id = item.at("id");
  const json::value part = item.at("content").as_array().front();
  json::object opened = item;
  opened["content"] = json::array{};
  opened["status"] = "in_progress";
  json::object empty = part.as_object();
  empty["text"] = "";
  const json::object where{{"item_id", id}, {"output_index", 0}, {"content_index", 0}};
  const auto at = [&](json::object members) {
    json::object out = where;
    for (auto& [name, value] : members) out[name] = std::move(value);
    return out;
  };
  stream.add("response.output_item.added", {{"output_index", 0}, {"item", opened}});
  stream.add("response.content_part.added", at({{"part", empty}}));
  stream.begin_content();
  for (const auto& token : tokens) {
    stream.add("response.output_text.delta", at({{"delta", token}, {"logprobs", json::array{}}}));
  }
  stream.add("response.output_text.done",
             at({{"text", part.at("text")}, {"logprobs", json::array{}}}));
  stream.add("response.content_part.done", at({{"part", part}}));
  stream.add("response.output_item.done", {{"output_index", 0}, {"item", item}});
}

void stream_call(ResponseStream& stream, const json::object& item) {
  json::object opened = item;
  opened["arguments"] = "";
  opened["status"] = "in_progress";
  const std::string arguments(item.at("arguments").as_string());
  const json::value& id = item.at("id");
  stream.add("response.output_item.added", {{"output_index", 0}, {"item", opened}});
  for (std::size_t at = 0; at < arguments.size(); at += 4) {
    stream.add("response.function_call_arguments.delta",
               {{"item_id", id}, {"output_index", 0}, {"delta", arguments.substr(at, 4)}});
  }
  stream.add("response.function_call_arguments.done",
             {{"item_id", id}, {"output_index", 0}, {"arguments", arguments}});
  stream.add("response.output_item.done", {{"output_index", 0}, {"item", item}});
}

json::object response_frame(const std::string& id, std::string_view model,
                            std::string_view status) {
  return {{"id", id},
          {"object", "response"},
          {"created_at", created},
          {"status", json::string(status)},
          {"error", nullptr},
          {"incomplete_details", nullptr},
          {"instructions", nullptr},
          {"model", json::string(model)},
          {"output", json::array{}},
          {"parallel_tool_calls", true},
          {"tool_choice", "auto"},
          {"tools", json::array{}},
          {"usage", nullptr}};
}

}  // namespace

Answer OpenAi::responses(const json::object& request, const Plan& plan) {
  const auto model = string_member(request, "model");
  if (request.if_contains("input") == nullptr) return missing("input");
  const Prompt prompt = read_messages(request.if_contains("input"));
  const json::object* tool = called_tool(request, prompt);
  const std::string id = next_id("resp_");
  const auto tokens =
      make_tokens(model, prompt.last, tokens_wanted(request, plan), plan.token_bytes);

  json::object item;
  if (tool != nullptr) {
    item = {{"id", next_id("fc_")},
            {"type", "function_call"},
            {"status", "completed"},
            {"arguments", json::serialize(example_of(tool->if_contains("parameters")))},
            {"call_id", next_id("call_")},
            {"name", json::string(string_member(*tool, "name", "tool"))}};
  } else {
    item = {{"id", next_id("msg_")},
            {"type", "message"},
            {"status", "completed"},
            {"role", "assistant"},
            {"content", json::array{json::object{{"type", "output_text"},
                                                 {"annotations", json::array{}},
                                                 {"logprobs", json::array{}},
                                                 {"text", joined(tokens)}}}}};
  }
  json::object whole = response_frame(id, model, "completed");
  whole["output"] = json::array{item};
  whole["usage"] = {{"input_tokens", prompt.tokens},
                    {"input_tokens_details", {{"cached_tokens", 0}}},
                    {"output_tokens", tokens.size()},
                    {"output_tokens_details", {{"reasoning_tokens", 0}}},
                    {"total_tokens", prompt.tokens + tokens.size()}};
  responses_[id] = json::serialize(whole);
  if (!bool_member(request, "stream")) return json_answer(whole);

  ResponseStream stream;
  const json::object begun = response_frame(id, model, "in_progress");
  stream.add("response.created", {{"response", begun}});
  stream.add("response.in_progress", {{"response", begun}});
  if (tool != nullptr)
    stream_call(stream, item);
  else
    stream_text(stream, item, tokens);
  stream.add("response.completed", {{"response", whole}});
  return stream.finish();
}

}  // namespace hawser::sim
