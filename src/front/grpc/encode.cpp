#include "front/grpc/encode.hpp"

#include <google/protobuf/util/json_util.h>

#include <charconv>

#include "base/json.hpp"

namespace hawser::front::grpc {

using hawser::v1::Event;

namespace {

Error invalid(std::string message, std::string param) {
  return {.code = Code::invalid_request, .message = std::move(message), .param = std::move(param)};
}

void add_member(std::string& out, std::string_view name, std::string_view json) {
  if (out.back() != '{') out.push_back(',');
  append_json_string(out, name);
  out.push_back(':');
  out.append(json);
}
void add_text(std::string& out, std::string_view name, std::string_view text) {
  std::string json;
  append_json_string(json, text);
  add_member(out, name, json);
}
std::string number(double value) {
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

std::string json_of(const google::protobuf::Struct& object) {
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(object, &json).ok()) return "{}";
  return json;
}

std::string tool_calls(const hawser::v1::Message& message) {
  std::string out = "[";
  for (const auto& call : message.tool_calls()) {
    if (out.size() > 1) out.push_back(',');
    std::string function = "{";
    add_text(function, "name", call.name());
    add_text(function, "arguments", call.arguments());
    std::string entry = "{";
    add_text(entry, "id", call.id());
    add_text(entry, "type", "function");
    add_member(entry, "function", function + "}");
    out.append(entry).append("}");
  }
  return out + "]";
}

Result<std::string> messages_of(const hawser::v1::GenerateRequest& request) {
  std::string out = "[";
  for (const auto& message : request.messages()) {
    if (out.size() > 1) out.push_back(',');
    std::string entry = "{";
    add_text(entry, "role", message.role());
    if (!message.content_json().empty()) {
      if (!is_json(message.content_json())) {
        return invalid("content_json is not JSON.", "messages");
      }
      add_member(entry, "content", message.content_json());
    } else if (message.tool_calls_size() == 0 || !message.content().empty()) {
      add_text(entry, "content", message.content());
    }
    if (message.tool_calls_size() > 0) add_member(entry, "tool_calls", tool_calls(message));
    if (!message.tool_call_id().empty()) add_text(entry, "tool_call_id", message.tool_call_id());
    if (!message.name().empty()) add_text(entry, "name", message.name());
    out.append(entry).append("}");
  }
  return out + "]";
}

std::string tools_of(const hawser::v1::GenerateRequest& request) {
  std::string out = "[";
  for (const auto& tool : request.tools()) {
    if (out.size() > 1) out.push_back(',');
    std::string function = "{";
    add_text(function, "name", tool.name());
    if (!tool.description().empty()) add_text(function, "description", tool.description());
    if (tool.has_parameters()) add_member(function, "parameters", json_of(tool.parameters()));
    std::string entry = "{";
    add_text(entry, "type", "function");
    add_member(entry, "function", function + "}");
    out.append(entry).append("}");
  }
  return out + "]";
}

/// The provider's own form, as a stream or not as the call asks for it.
Result<Asked> encode_raw(const hawser::v1::GenerateRequest& request, bool stream) {
  Asked asked;
  const std::string& dialect = request.raw_dialect();
  if (dialect.empty() || dialect == "openai.chat") {
    asked.target = "/v1/chat/completions";
  } else if (dialect == "openai.responses") {
    asked.target = "/v1/responses";
  } else if (dialect == "anthropic.messages") {
    asked.target = "/v1/messages";
  } else {
    return invalid("This dialect is not known: " + dialect, "raw_dialect");
  }
  asked.body = "{";
  const bool whole =
      for_each_member(request.raw_json(), [&](std::string_view name, std::string_view value) {
        if (name != "\"stream\"") {
          if (asked.body.size() > 1) asked.body.push_back(',');
          asked.body.append(name).append(":").append(value);
        }
        return true;
      });
  if (!whole) return invalid("raw_json is not one JSON object.", "raw_json");
  add_member(asked.body, "stream", stream ? "true" : "false");
  asked.body.push_back('}');
  return asked;
}

/// What is between the first '[' and its ']' of an array member.
std::string_view first_of(std::string_view array) {
  JsonCursor cursor(array);
  if (!cursor.take('[')) return {};
  const std::size_t at = cursor.at();
  return cursor.skip_value() ? cursor.since(at) : std::string_view();
}

template <class Each>
void for_each_element(std::string_view array, Each&& each) {
  JsonCursor cursor(array);
  if (!cursor.take('[') || cursor.take(']')) return;
  for (;;) {
    const std::size_t at = cursor.at();
    if (!cursor.skip_value()) return;
    each(cursor.since(at));
    if (!cursor.take(',')) return;
  }
}

std::string text(std::string_view object, std::string_view name) {
  return json_text(object, name).value_or("");
}

void read_usage(std::string_view usage, hawser::v1::Usage& out) {
  const auto count = [&](const char* a, const char* b) {
    return json_number(usage, a).value_or(json_number(usage, b).value_or(0));
  };
  out.set_input_tokens(count("input_tokens", "prompt_tokens"));
  out.set_output_tokens(count("output_tokens", "completion_tokens"));
}

void decode_chat(std::string_view data, Event& event) {
  const std::string_view choice = first_of(json_member(data, "choices"));
  const std::string_view delta = json_member(choice, "delta");
  const auto index = static_cast<std::uint32_t>(json_number(choice, "index").value_or(0));
  if (auto content = json_text(delta, "content"); content && !content->empty()) {
    event.mutable_text()->set_text(std::move(*content));
    event.mutable_text()->set_index(index);
  } else if (auto reasoning = json_text(delta, "reasoning_content")) {
    event.mutable_reasoning()->set_text(std::move(*reasoning));
    event.mutable_reasoning()->set_index(index);
  } else if (const auto tool = first_of(json_member(delta, "tool_calls")); !tool.empty()) {
    const auto place = static_cast<std::uint32_t>(json_number(tool, "index").value_or(0));
    const std::string_view function = json_member(tool, "function");
    if (auto id = json_text(tool, "id")) {
      event.mutable_tool()->set_id(std::move(*id));
      event.mutable_tool()->set_name(text(function, "name"));
      event.mutable_tool()->set_index(place);
    } else {
      event.mutable_args()->set_arguments(text(function, "arguments"));
      event.mutable_args()->set_index(place);
    }
  } else if (auto reason = json_text(choice, "finish_reason")) {
    event.mutable_done()->set_finish_reason(std::move(*reason));
  } else if (const auto usage = json_member(data, "usage"); usage.starts_with('{')) {
    read_usage(usage, *event.mutable_usage());
  } else if (!delta.empty()) {
    event.mutable_started()->set_id(text(data, "id"));
    event.mutable_started()->set_model(text(data, "model"));
  }
}

void decode_response(std::string_view data, Event& event) {
  const std::string type = text(data, "type");
  const std::string_view response = json_member(data, "response");
  if (type == "response.output_text.delta") {
    event.mutable_text()->set_text(text(data, "delta"));
  } else if (type == "response.created") {
    event.mutable_started()->set_id(text(response, "id"));
    event.mutable_started()->set_model(text(response, "model"));
  } else if (type == "response.function_call_arguments.delta") {
    event.mutable_args()->set_arguments(text(data, "delta"));
  } else if (type == "response.completed" || type == "response.incomplete") {
    event.mutable_done()->set_finish_reason(text(response, "status"));
  }
}

void decode_message(std::string_view data, Event& event) {
  const std::string type = text(data, "type");
  const std::string_view delta = json_member(data, "delta");
  if (type == "content_block_delta") {
    if (auto words = json_text(delta, "text")) {
      event.mutable_text()->set_text(std::move(*words));
    } else if (auto thinking = json_text(delta, "thinking")) {
      event.mutable_reasoning()->set_text(std::move(*thinking));
    } else if (auto part = json_text(delta, "partial_json")) {
      event.mutable_args()->set_arguments(std::move(*part));
    }
  } else if (type == "message_start") {
    const std::string_view message = json_member(data, "message");
    event.mutable_started()->set_id(text(message, "id"));
    event.mutable_started()->set_model(text(message, "model"));
  } else if (type == "message_delta") {
    event.mutable_done()->set_finish_reason(text(delta, "stop_reason"));
  }
}

}  // namespace

Result<Asked> encode(const hawser::v1::GenerateRequest& request, bool stream) {
  if (!request.raw_json().empty()) return encode_raw(request, stream);
  if (request.model().empty()) return invalid("A model is needed.", "model");
  auto messages = messages_of(request);
  if (!messages) return messages.error();
  Asked asked{.target = "/v1/chat/completions", .body = "{"};
  std::string& body = asked.body;
  add_text(body, "model", request.model());
  add_member(body, "messages", *messages);
  if (request.tools_size() > 0) add_member(body, "tools", tools_of(request));
  if (request.has_temperature()) add_member(body, "temperature", number(request.temperature()));
  if (request.has_top_p()) add_member(body, "top_p", number(request.top_p()));
  if (request.has_max_tokens())
    add_member(body, "max_tokens", std::to_string(request.max_tokens()));
  if (request.has_seed()) add_member(body, "seed", std::to_string(request.seed()));
  if (!request.user().empty()) add_text(body, "user", request.user());
  if (request.stop_size() > 0) {
    std::string stops = "[";
    for (const auto& stop : request.stop()) {
      if (stops.size() > 1) stops.push_back(',');
      append_json_string(stops, stop);
    }
    add_member(body, "stop", stops + "]");
  }
  if (request.has_extra()) {
    for_each_member(json_of(request.extra()), [&](std::string_view name, std::string_view value) {
      body.push_back(',');
      body.append(name).append(":").append(value);
      return true;
    });
  }
  if (stream) {
    add_member(body, "stream", "true");
    if (json_member(body + "}", "stream_options").empty()) {
      add_member(body, "stream_options", R"({"include_usage":true})");
    }
  }
  body.push_back('}');
  return asked;
}

std::string encode(const hawser::v1::EmbedRequest& request) {
  std::string body = "{";
  add_text(body, "model", request.model());
  std::string inputs = "[";
  for (const auto& input : request.inputs()) {
    if (inputs.size() > 1) inputs.push_back(',');
    append_json_string(inputs, input);
  }
  add_member(body, "input", inputs + "]");
  add_text(body, "encoding_format", "float");
  if (request.has_dimensions())
    add_member(body, "dimensions", std::to_string(request.dimensions()));
  return body + "}";
}

void decode_event(dialect::Api api, std::string_view name, std::string_view data, Event& event) {
  event.set_raw(data.data(), data.size());
  if (!name.empty()) event.set_raw_name(name.data(), name.size());
  if (const auto error = json_member(data, "error"); error.starts_with('{')) {
    event.mutable_error()->set_code(text(error, "code"));
    event.mutable_error()->set_message(text(error, "message"));
    return;
  }
  switch (api) {
    case dialect::Api::responses:
      return decode_response(data, event);
    case dialect::Api::messages:
      return decode_message(data, event);
    default:
      return decode_chat(data, event);
  }
}

void decode_answer(dialect::Api api, std::string_view body, hawser::v1::GenerateResponse& answer) {
  answer.set_raw_json(body.data(), body.size());
  answer.set_id(text(body, "id"));
  answer.set_model(text(body, "model"));
  if (const auto usage = json_member(body, "usage"); usage.starts_with('{')) {
    read_usage(usage, *answer.mutable_usage());
  }
  if (api == dialect::Api::chat) {
    const std::string_view choice = first_of(json_member(body, "choices"));
    const std::string_view message = json_member(choice, "message");
    answer.set_text(text(message, "content"));
    answer.set_finish_reason(text(choice, "finish_reason"));
    for_each_element(json_member(message, "tool_calls"), [&](std::string_view call) {
      auto* const out = answer.add_tool_calls();
      out->set_id(text(call, "id"));
      out->set_name(text(json_member(call, "function"), "name"));
      out->set_arguments(text(json_member(call, "function"), "arguments"));
    });
    return;
  }
  const bool messages = api == dialect::Api::messages;
  answer.set_finish_reason(text(body, messages ? "stop_reason" : "status"));
  std::string all;
  for_each_element(json_member(body, messages ? "content" : "output"), [&](std::string_view item) {
    if (messages) {
      all += text(item, "text");
    } else {
      for_each_element(json_member(item, "content"),
                       [&](std::string_view part) { all += text(part, "text"); });
    }
  });
  answer.set_text(all);
}

void decode_embeddings(std::string_view body, hawser::v1::EmbedResponse& answer) {
  answer.set_model(text(body, "model"));
  if (const auto usage = json_member(body, "usage"); usage.starts_with('{')) {
    read_usage(usage, *answer.mutable_usage());
  }
  for_each_element(json_member(body, "data"), [&](std::string_view entry) {
    auto* const vector = answer.add_vectors();
    for_each_element(json_member(entry, "embedding"), [&](std::string_view value) {
      float one = 0;
      std::from_chars(value.data(), value.data() + value.size(), one);
      vector->add_values(one);
    });
  });
}

void decode_models(std::string_view body, hawser::v1::ListModelsResponse& answer) {
  for_each_element(json_member(body, "data"),
                   [&](std::string_view entry) { answer.add_models(text(entry, "id")); });
}

}  // namespace hawser::front::grpc
