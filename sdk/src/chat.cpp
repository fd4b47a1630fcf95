#include "chat.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace hawser::sdk {
namespace json = boost::json;
namespace {

const json::value* member(const json::object& object, std::string_view name) {
  return object.if_contains(name);
}
std::string text_of(const json::object& object, std::string_view name) {
  const auto* value = member(object, name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}
long long number_of(const json::object& object, std::string_view name) {
  const auto* value = member(object, name);
  return value != nullptr && value->is_int64() ? value->get_int64() : -1;
}
const json::object* object_of(const json::object& object, std::string_view name) {
  const auto* value = member(object, name);
  return value != nullptr ? value->if_object() : nullptr;
}
const json::array* array_of(const json::object& object, std::string_view name) {
  const auto* value = member(object, name);
  return value != nullptr ? value->if_array() : nullptr;
}

/// Null unless `text` is one JSON object.
const json::object* parse(std::string_view text, json::value& holder) {
  boost::system::error_code bad;
  holder = json::parse(text, bad);
  return bad ? nullptr : holder.if_object();
}

void read_usage(const json::object& body, ChatAnswer& answer) {
  const auto* usage = object_of(body, "usage");
  if (usage == nullptr) return;
  answer.prompt_tokens = number_of(*usage, "prompt_tokens");
  answer.completion_tokens = number_of(*usage, "completion_tokens");
}

/// Reads one choice's text, whole ("message") or a piece ("delta").
std::string read_choice(const json::object& body, const char* where, ChatAnswer& answer) {
  const auto* choices = array_of(body, "choices");
  if (choices == nullptr || choices->empty()) return {};
  const auto* choice = choices->front().if_object();
  if (choice == nullptr) return {};
  const std::string finish = text_of(*choice, "finish_reason");
  if (!finish.empty()) answer.finish_reason = finish;
  const auto* message = object_of(*choice, where);
  return message == nullptr ? std::string() : text_of(*message, "content");
}

bool read_response(const json::object& response, ResponseAnswer& answer) {
  answer.id = text_of(response, "id");
  answer.status = text_of(response, "status");
  if (const auto* usage = object_of(response, "usage")) {
    answer.input_tokens = number_of(*usage, "input_tokens");
    answer.output_tokens = number_of(*usage, "output_tokens");
  }
  const auto* output = array_of(response, "output");
  if (output == nullptr) return !answer.id.empty();
  std::string text;
  for (const auto& item : *output) {
    const auto* content = item.is_object() ? array_of(item.get_object(), "content") : nullptr;
    if (content == nullptr) continue;
    for (const auto& part : *content) {
      if (part.is_object() && text_of(part.get_object(), "type") == "output_text") {
        text += text_of(part.get_object(), "text");
      }
    }
  }
  if (!text.empty()) answer.text = std::move(text);
  return !answer.id.empty();
}

ApiError not_understood() {
  return make_error(ErrorType::upstream, "an event of the stream is not JSON");
}

std::optional<ApiError> error_in(const json::object& event, std::string_view text) {
  const auto* inside = member(event, "error");
  if (inside == nullptr || inside->is_null()) return std::nullopt;
  ApiError error = make_error(ErrorType::upstream, "");
  read_error(text, error);
  return error;
}

}  // namespace

std::string encode(const ChatRequest& request, bool stream) {
  json::array messages;
  for (const auto& message : request.messages) {
    messages.push_back({{"role", message.role}, {"content", message.content}});
  }
  json::object body{{"model", request.model}, {"messages", std::move(messages)}};
  if (request.max_tokens > 0) body["max_tokens"] = request.max_tokens;
  if (request.temperature >= 0) body["temperature"] = request.temperature;
  if (stream) {
    body["stream"] = true;
    body["stream_options"] = {{"include_usage", true}};
  }
  return json::serialize(body);
}

std::string encode(const ResponseRequest& request, bool stream) {
  json::object body{{"model", request.model}, {"input", request.input}};
  if (!request.input_json.empty()) {
    boost::system::error_code bad;
    auto items = json::parse(request.input_json, bad);
    if (!bad) body["input"] = std::move(items);
  }
  if (!request.instructions.empty()) body["instructions"] = request.instructions;
  if (!request.previous_response_id.empty()) {
    body["previous_response_id"] = request.previous_response_id;
  }
  if (request.max_output_tokens > 0) body["max_output_tokens"] = request.max_output_tokens;
  if (stream) body["stream"] = true;
  return json::serialize(body);
}

std::string encode_embedding(std::string_view model, const std::vector<std::string>& inputs) {
  json::array texts;
  for (const auto& input : inputs) texts.push_back(json::string(input));
  return json::serialize(json::object{
      {"model", json::string(model)}, {"input", std::move(texts)}, {"encoding_format", "float"}});
}

bool read(std::string_view body, ChatAnswer& answer) {
  json::value holder;
  const auto* object = parse(body, holder);
  if (object == nullptr) return false;
  answer.text = read_choice(*object, "message", answer);
  read_usage(*object, answer);
  return true;
}

bool read(std::string_view body, ResponseAnswer& answer) {
  json::value holder;
  const auto* object = parse(body, holder);
  return object != nullptr && read_response(*object, answer);
}

bool read(std::string_view body, EmbeddingAnswer& answer) {
  json::value holder;
  const auto* object = parse(body, holder);
  const auto* data = object == nullptr ? nullptr : array_of(*object, "data");
  if (data == nullptr) return false;
  answer.vectors.resize(data->size());
  for (std::size_t at = 0; at < data->size(); ++at) {
    const auto* entry = (*data)[at].if_object();
    const auto* numbers = entry == nullptr ? nullptr : array_of(*entry, "embedding");
    if (numbers == nullptr) return false;
    const auto index = number_of(*entry, "index");
    const auto place = index < 0 ? at : static_cast<std::size_t>(index);
    if (place >= answer.vectors.size()) return false;
    for (const auto& number : *numbers) {
      boost::system::error_code bad;
      answer.vectors[place].push_back(static_cast<float>(number.to_number<double>(bad)));
    }
  }
  if (const auto* usage = object_of(*object, "usage")) {
    answer.prompt_tokens = number_of(*usage, "prompt_tokens");
  }
  return true;
}

bool read_models(std::string_view body, std::vector<std::string>& names) {
  json::value holder;
  const auto* object = parse(body, holder);
  const auto* data = object == nullptr ? nullptr : array_of(*object, "data");
  if (data == nullptr) return false;
  for (const auto& entry : *data) {
    if (entry.is_object()) names.push_back(text_of(entry.get_object(), "id"));
  }
  return true;
}

Taken take_event(const StreamEvent& event, ChatAnswer& answer) {
  Taken taken;
  if (event.data == "[DONE]") {
    taken.last = true;
    return taken;
  }
  json::value holder;
  const auto* chunk = parse(event.data, holder);
  if (chunk == nullptr) {
    taken.error = not_understood();
    return taken;
  }
  taken.error = error_in(*chunk, event.data);
  if (taken.error) return taken;
  read_usage(*chunk, answer);
  taken.text = read_choice(*chunk, "delta", answer);
  answer.text += taken.text;
  return taken;
}

Taken take_event(const StreamEvent& event, ResponseAnswer& answer) {
  Taken taken;
  json::value holder;
  if (event.data == "[DONE]") return taken;
  const auto* object = parse(event.data, holder);
  if (object == nullptr) {
    taken.error = not_understood();
    return taken;
  }
  taken.error = error_in(*object, event.data);
  if (taken.error) return taken;
  const std::string type = text_of(*object, "type");
  if (type == "response.output_text.delta") {
    taken.text = text_of(*object, "delta");
    answer.text += taken.text;
  }
  if (const auto* response = object_of(*object, "response")) read_response(*response, answer);
  taken.last = type == "response.completed" || type == "response.incomplete";
  if (type == "response.failed") {
    taken.error = make_error(ErrorType::upstream, "the response failed");
    if (const auto* response = object_of(*object, "response")) {
      read_error(json::serialize(*response), *taken.error);
    }
  }
  return taken;
}

}  // namespace hawser::sdk
