#include "sim/openai.hpp"

#include <openssl/evp.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <cstring>

#include "sim/request_json.hpp"
#include "sim/text.hpp"

namespace hawser::sim {

namespace {

json::object chat_usage(std::uint64_t in, std::uint64_t out) {
  return {{"prompt_tokens", in},
          {"completion_tokens", out},
          {"total_tokens", in + out},
          {"prompt_tokens_details", {{"cached_tokens", 0}, {"audio_tokens", 0}}},
          {"completion_tokens_details", {{"reasoning_tokens", 0}, {"audio_tokens", 0}}}};
}

}  // namespace

Answer openai_error(int status, std::string_view message, std::string_view type,
                    std::string_view param, std::string_view code) {
  const auto or_null = [](std::string_view text) {
    return text.empty() ? json::value(nullptr) : json::value(json::string(text));
  };
  Answer answer = json_answer(json::object{{"error",
                                            {{"message", json::string(message)},
                                             {"type", json::string(type)},
                                             {"param", or_null(param)},
                                             {"code", or_null(code)}}}});
  answer.status = status;
  return answer;
}

std::string OpenAi::next_id(std::string_view prefix) {
  std::string number = std::to_string(++ids_);
  return std::string(prefix) + std::string(24 - std::min<std::size_t>(number.size(), 24), '0') +
         number;
}

// --- chat completions

namespace {

/// The chunks of a streamed chat answer, in the order of wire.md, 2.
class ChatStream {
 public:
  ChatStream(std::string id, std::string_view model, bool with_usage)
      : id_(std::move(id)), model_(model), with_usage_(with_usage) {}

  void add(std::int64_t choice, json::object delta, const json::value& finish = nullptr) {
    json::object chunk = frame();
    chunk["choices"] = json::array{json::object{{"index", choice},
                                                {"delta", std::move(delta)},
                                                {"logprobs", nullptr},
                                                {"finish_reason", finish}}};
    if (with_usage_) chunk["usage"] = nullptr;
    answer_.parts.push_back(data_event(chunk));
  }
  void begin_content() { answer_.content_at = answer_.parts.size(); }
  Answer finish(const json::object& usage) {
    if (with_usage_) {
      json::object chunk = frame();
      chunk["choices"] = json::array{};
      chunk["usage"] = usage;
      answer_.parts.push_back(data_event(chunk));
    }
    answer_.parts.push_back("data: [DONE]\n\n");
    answer_.stream = true;
    answer_.content_type = "text/event-stream; charset=utf-8";
    return std::move(answer_);
  }

 private:
  json::object frame() const {
    return {
        {"id", id_},       {"object", "chat.completion.chunk"}, {"created", created},
        {"model", model_}, {"service_tier", "default"},         {"system_fingerprint", "fp_sim"}};
  }
  std::string id_;
  std::string model_;
  bool with_usage_;
  Answer answer_;
};

json::object tool_call(const std::string& id, const json::object& tool) {
  return {{"id", id},
          {"type", "function"},
          {"function",
           {{"name", json::string(string_member(tool, "name", "tool"))},
            {"arguments", json::serialize(example_of(tool.if_contains("parameters")))}}}};
}

void stream_tool_call(ChatStream& stream, std::int64_t choice, json::object call) {
  json::object& function = call["function"].as_object();
  const std::string arguments(function["arguments"].as_string());
  function["arguments"] = "";
  call["index"] = 0;
  stream.add(choice,
             {{"role", "assistant"}, {"content", nullptr}, {"tool_calls", json::array{call}}});
  stream.begin_content();
  for (std::size_t at = 0; at < arguments.size(); at += 4) {
    stream.add(choice,
               {{"tool_calls",
                 json::array{json::object{
                     {"index", 0}, {"function", {{"arguments", arguments.substr(at, 4)}}}}}}});
  }
}

}  // namespace

namespace {

/// What is left of an answer whose beginning the client has; all of it where that is another one.
std::vector<std::string> rest_behind(std::string_view begun, std::vector<std::string> tokens) {
  const std::string whole = joined(tokens);
  if (!whole.starts_with(begun)) return tokens;
  std::size_t size = 0;
  std::size_t at = 0;
  while (size < begun.size()) size += tokens[at++].size();
  std::vector<std::string> rest;
  if (size > begun.size()) rest.push_back(whole.substr(begun.size(), size - begun.size()));
  rest.insert(rest.end(), tokens.begin() + static_cast<std::ptrdiff_t>(at), tokens.end());
  return rest;
}

}  // namespace

Answer OpenAi::chat(const json::object& request, const Plan& plan) {
  const auto model = string_member(request, "model");
  const auto* messages = request.if_contains("messages");
  if (messages == nullptr) return missing("messages");
  const Prompt prompt = read_messages(messages);
  const json::object* tool = called_tool(request, prompt);
  const auto choices = number_member(request, "n", 1);
  const std::string id = next_id("chatcmpl-");
  const auto* options = request.if_contains("stream_options");
  const bool with_usage = options != nullptr && options->is_object() &&
                          bool_member(options->get_object(), "include_usage");

  std::uint64_t completion_tokens = 0;
  json::array whole;
  ChatStream stream(id, model, with_usage);
  for (std::int64_t choice = 0; choice < choices; ++choice) {
    json::object message{{"role", "assistant"}, {"content", nullptr}, {"refusal", nullptr}};
    if (tool != nullptr) {
      const json::object call = tool_call(next_id("call_"), *tool);
      message["tool_calls"] = json::array{call};
      completion_tokens += 10;
      stream_tool_call(stream, choice, call);
      stream.add(choice, {}, "tool_calls");
    } else {
      const std::string seed = std::string(model) + "#" + std::to_string(choice);
      auto tokens = make_tokens(seed, prompt.last, tokens_wanted(request, plan), plan.token_bytes);
      if (!prompt.begun.empty()) tokens = rest_behind(prompt.begun, std::move(tokens));
      completion_tokens += tokens.size();
      message["content"] = joined(tokens);
      stream.add(choice, {{"role", "assistant"}, {"content", ""}, {"refusal", nullptr}});
      if (choice == 0) stream.begin_content();
      for (const auto& token : tokens) stream.add(choice, {{"content", token}});
      stream.add(choice, {}, "stop");
    }
    whole.push_back({{"index", choice},
                     {"message", std::move(message)},
                     {"logprobs", nullptr},
                     {"finish_reason", tool != nullptr ? "tool_calls" : "stop"}});
  }
  const json::object usage = chat_usage(prompt.tokens, completion_tokens);
  if (bool_member(request, "stream")) return stream.finish(usage);
  return json_answer(json::object{{"id", id},
                                  {"object", "chat.completion"},
                                  {"created", created},
                                  {"model", json::string(model)},
                                  {"choices", std::move(whole)},
                                  {"usage", usage},
                                  {"service_tier", "default"},
                                  {"system_fingerprint", "fp_sim"}});
}

Answer OpenAi::completions(const json::object& request, const Plan& plan) {
  const auto model = string_member(request, "model");
  const std::string prompt = text_of(request.if_contains("prompt"));
  const auto tokens = make_tokens(model, prompt, tokens_wanted(request, plan), plan.token_bytes);
  const std::string id = next_id("cmpl-");
  const auto frame = [&](std::string_view text, const json::value& finish) {
    return json::object{{"id", id},
                        {"object", "text_completion"},
                        {"created", created},
                        {"model", json::string(model)},
                        {"choices", json::array{json::object{{"text", json::string(text)},
                                                             {"index", 0},
                                                             {"logprobs", nullptr},
                                                             {"finish_reason", finish}}}}};
  };
  if (!bool_member(request, "stream")) {
    json::object whole = frame(joined(tokens), "stop");
    const auto in = count_tokens(prompt);
    whole["usage"] = {{"prompt_tokens", in},
                      {"completion_tokens", tokens.size()},
                      {"total_tokens", in + tokens.size()}};
    return json_answer(whole);
  }
  Answer answer;
  answer.stream = true;
  answer.content_type = "text/event-stream";
  for (const auto& token : tokens) answer.parts.push_back(data_event(frame(token, nullptr)));
  answer.parts.push_back(data_event(frame("", "stop")));
  answer.parts.push_back("data: [DONE]\n\n");
  return answer;
}

// --- embeddings, files, the rest

namespace {

std::vector<float> vector_of(std::string_view text, std::int64_t dimensions) {
  std::vector<float> out(static_cast<std::size_t>(dimensions));
  std::uint64_t state = stable_hash(text);
  double norm = 0;
  for (float& x : out) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    x = static_cast<float>(static_cast<double>(state >> 40) / (1 << 23) - 1.0);
    norm += static_cast<double>(x) * x;
  }
  for (float& x : out) x = static_cast<float>(x / std::sqrt(norm));
  return out;
}

std::string base64(const void* bytes, std::size_t size) {
  std::string out(4 * ((size + 2) / 3), '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                  static_cast<const unsigned char*>(bytes), static_cast<int>(size));
  return out;
}

json::value list_of(json::array data) {
  return json::object{{"object", "list"}, {"data", std::move(data)}, {"has_more", false}};
}

json::object model_object(std::string_view id) {
  return {{"id", json::string(id)}, {"object", "model"}, {"created", created}, {"owned_by", "sim"}};
}

/// The content of the part named "file" of a multipart body.
std::string file_part(std::string_view body) {
  const auto name = body.find("name=\"file\"");
  if (name == std::string_view::npos) return {};
  const auto begin = body.find("\r\n\r\n", name);
  const auto boundary = body.substr(0, body.find("\r\n"));
  const auto end = body.find("\r\n" + std::string(boundary), begin);
  if (begin == std::string_view::npos || end == std::string_view::npos) return {};
  return std::string(body.substr(begin + 4, end - begin - 4));
}

json::object file_object(const std::string& id, std::size_t bytes) {
  return {{"id", id},
          {"object", "file"},
          {"bytes", bytes},
          {"created_at", created},
          {"filename", "data.bin"},
          {"purpose", "assistants"},
          {"status", "processed"}};
}

/// Everything that the simulator does not know: what came, so that a test can compare.
Answer echo(const Call& call) {
  json::object headers;
  for (const auto& field : call.head->fields) {
    headers[json::string_view(field.name.data(), field.name.size())] = json::string(field.value);
  }
  return json_answer(json::object{{"object", "echo"},
                                  {"method", json::string(call.method)},
                                  {"target", json::string(call.target)},
                                  {"content_type", json::string(call.content_type)},
                                  {"body_size", call.body.size()},
                                  {"body_sha256", call.body_sha256}});
}

}  // namespace

Answer OpenAi::embeddings(const json::object& request) {
  const auto* input = request.if_contains("input");
  if (input == nullptr) return missing("input");
  const auto dimensions = number_member(request, "dimensions", 16);
  json::array inputs;
  if (input->is_array())
    inputs = input->get_array();
  else
    inputs.push_back(*input);
  json::array data;
  std::uint64_t tokens = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string text =
        inputs[i].is_string() ? std::string(inputs[i].get_string()) : json::serialize(inputs[i]);
    const auto vector = vector_of(text, dimensions);
    tokens += count_tokens(text);
    json::value embedding;
    if (string_member(request, "encoding_format") == "base64") {
      embedding = json::string(base64(vector.data(), vector.size() * sizeof(float)));
    } else {
      json::array numbers;
      for (const float x : vector) numbers.push_back(static_cast<double>(x));
      embedding = std::move(numbers);
    }
    data.push_back({{"object", "embedding"}, {"index", i}, {"embedding", std::move(embedding)}});
  }
  return json_answer(
      json::object{{"object", "list"},
                   {"data", std::move(data)},
                   {"model", json::string(string_member(request, "model"))},
                   {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}});
}

Answer OpenAi::files(const Call& call) {
  std::string_view rest = call.tail.substr(6);  // behind "/files"
  if (rest.empty() && call.method == "POST") {
    const std::string id = next_id("file-");
    files_[id] = file_part(call.body);
    return json_answer(file_object(id, files_[id].size()));
  }
  if (rest.empty()) {
    json::array all;
    for (const auto& [id, content] : files_) all.push_back(file_object(id, content.size()));
    return json_answer(list_of(std::move(all)));
  }
  rest.remove_prefix(1);
  const auto found = files_.find(std::string(rest.substr(0, rest.find('/'))));
  if (found == files_.end()) {
    return openai_error(404, "No such File object", "invalid_request_error", "id", "");
  }
  if (rest.ends_with("/content")) {
    Answer answer;
    answer.content_type = "application/octet-stream";
    answer.parts.push_back(found->second);
    return answer;
  }
  const std::string id = found->first;
  if (call.method != "DELETE") return json_answer(file_object(id, found->second.size()));
  files_.erase(found);
  return json_answer(json::object{{"id", id}, {"object", "file"}, {"deleted", true}});
}

Answer OpenAi::answer(const Call& call, const Plan& plan) {
  const std::string_view tail = call.tail;
  if (call.method == "GET" && tail == "/models") {
    return json_answer(list_of({model_object("sim-large"), model_object("sim-small")}));
  }
  if (call.method == "GET" && tail.starts_with("/models/")) {
    return json_answer(model_object(tail.substr(8)));
  }
  if (tail.starts_with("/files")) return files(call);
  if (call.method == "GET" && tail.starts_with("/responses/")) {
    const auto found = responses_.find(std::string(tail.substr(11)));
    if (found == responses_.end()) {
      return openai_error(404, "Response not found.", "invalid_request_error", "", "");
    }
    Answer answer;
    answer.parts.push_back(found->second);
    return answer;
  }
  const bool known = tail == "/chat/completions" || tail == "/responses" ||
                     tail == "/completions" || tail == "/embeddings";
  if (call.method == "POST" && tail == "/audio/speech") {
    Answer answer;
    answer.content_type = "audio/mpeg";
    std::string sound(48'000, '\0');
    for (std::size_t i = 0; i < sound.size(); ++i) sound[i] = static_cast<char>(i * 31 + i / 251);
    answer.parts.push_back(std::move(sound));
    return answer;
  }
  if (call.method == "POST" && tail == "/audio/transcriptions") {
    return json_answer(json::object{{"text", "the quick brown fox"}});
  }
  if (call.method != "POST" || !known) return echo(call);

  boost::system::error_code error;
  const json::value parsed = json::parse(call.body, error);
  if (error || !parsed.is_object()) {
    return openai_error(400, "We could not parse the JSON body of your request.",
                        "invalid_request_error", "", "");
  }
  const auto& request = parsed.get_object();
  const auto model = string_member(request, "model");
  if (model.empty()) return missing("model");
  if (model == "no-such-model") {
    return openai_error(404,
                        "The model `no-such-model` does not exist or you do not have access to it.",
                        "invalid_request_error", "", "model_not_found");
  }
  if (tail == "/chat/completions") return chat(request, plan);
  if (tail == "/responses") return responses(request, plan);
  if (tail == "/completions") return completions(request, plan);
  return embeddings(request);
}

}  // namespace hawser::sim
