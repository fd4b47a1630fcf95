#include "dialect/chat_shape.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <map>

#include "dialect/event_data.hpp"
#include "wire/sse.hpp"

namespace hawser::dialect {
namespace json = boost::json;
namespace {

std::string_view text_of(const json::value& value) {
  return value.is_string() ? std::string_view(value.get_string()) : std::string_view();
}
std::string_view member_text(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value == nullptr ? std::string_view() : text_of(*value);
}
std::optional<json::object> parsed_object(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

/// Some tell "error": null in every chunk.
bool is_error(const json::object& chunk) {
  const auto* error = chunk.if_contains("error");
  return error != nullptr && !error->is_null();
}

/// Calls `each(event)` for the data of every event; false ends it.
template <class Each>
bool for_each_event(std::string_view frames, Each each) {
  while (!frames.empty()) {
    const std::size_t size = wire::first_frame(frames).size;
    const std::string data = data_of(frames.substr(0, size));
    frames.remove_prefix(size);
    if (!data.empty() && !each(std::string_view(data))) return false;
  }
  return true;
}

/// Puts together what one choice's deltas add.
class Choice {
 public:
  bool add(const json::object& chunk_choice) {
    if (const auto* delta = chunk_choice.if_contains("delta")) {
      if (!delta->is_object()) return false;
      for (const auto& [name, value] : delta->get_object()) {
        if (!add_member(name, value)) return false;
      }
    }
    if (const auto* text = chunk_choice.if_contains("text")) text_ += text_of(*text);
    // An empty one is none.
    if (const auto* reason = chunk_choice.if_contains("finish_reason"); reason != nullptr) {
      if (!text_of(*reason).empty()) finish_ = *reason;
    }
    const auto* odds = chunk_choice.if_contains("logprobs");
    return odds == nullptr || odds->is_null() || add_odds(*odds);
  }
  bool finished() const { return !finish_.is_null(); }

  json::object whole(std::int64_t index, bool chat) && {
    json::object out{{"index", index}};
    if (chat) {
      if (!message_.contains("content")) message_["content"] = nullptr;
      if (!calls_.empty()) {
        json::array list;
        for (auto& [at, call] : calls_) list.push_back(std::move(call));
        message_["tool_calls"] = std::move(list);
      }
      out["message"] = std::move(message_);
    } else {
      out["text"] = text_;
    }
    out["logprobs"] = odds_.empty() ? json::value(nullptr) : json::value(std::move(odds_));
    out["finish_reason"] = finish_;
    return out;
  }

 private:
  bool add_member(std::string_view name, const json::value& value) {
    if (name == "tool_calls") return value.is_null() || (value.is_array() && add_calls(value));
    json::value& there = message_[name];
    if (value.is_null()) return true;
    if (name == "role" || there.is_null()) {
      there = value;
      return value.is_string();
    }
    if (!value.is_string() || !there.is_string()) return false;
    there.get_string().append(value.get_string());
    return true;
  }
  bool add_calls(const json::value& list) {
    for (const auto& part : list.get_array()) {
      if (!part.is_object()) return false;
      const auto* index = part.get_object().if_contains("index");
      json::object& call = calls_[index != nullptr && index->is_int64() ? index->get_int64() : 0];
      for (const auto& [name, value] : part.get_object()) {
        if (name == "index") continue;
        if (name == "function" && value.is_object()) {
          if (!call.contains("function")) call["function"] = json::object{};
          add_function(call["function"].get_object(), value.get_object());
        } else if (!value.is_null() && !call.contains(name)) {
          call[name] = value;
        }
      }
    }
    return true;
  }
  static void add_function(json::object& function, const json::object& part) {
    for (const auto& [name, value] : part) {
      json::value& there = function[name];
      if (there.is_string() && value.is_string()) {
        there.get_string().append(value.get_string());
      } else if (!value.is_null()) {
        there = value;
      }
    }
  }
  bool add_odds(const json::value& odds) {
    if (!odds.is_object()) return false;
    for (const auto& [name, value] : odds.get_object()) {
      json::value& there = odds_[name];
      if (there.is_array() && value.is_array()) {
        for (const auto& entry : value.get_array()) there.get_array().push_back(entry);
      } else if (!value.is_null() || there.is_null()) {
        there = value;
      }
    }
    return true;
  }

  json::object message_;
  std::map<std::int64_t, json::object> calls_;
  std::string text_;
  json::object odds_;
  json::value finish_;
};

std::optional<std::string> chat_body(bool chat, std::string_view frames) {
  json::object whole;
  std::map<std::int64_t, Choice> choices;
  json::value usage;
  bool done = false;
  const bool understood = for_each_event(frames, [&](std::string_view data) {
    if (data == "[DONE]") return done = true;
    const auto chunk = parsed_object(data);
    if (!chunk || is_error(*chunk)) return false;
    for (const auto& [name, value] : *chunk) {
      if (name == "error") continue;
      if (name == "usage") {
        if (!value.is_null()) usage = value;
      } else if (name != "choices" && name != "obfuscation" && !whole.contains(name)) {
        whole[name] = value;
      }
    }
    const auto* list = chunk->if_contains("choices");
    if (list == nullptr || !list->is_array()) return false;
    for (const auto& entry : list->get_array()) {
      if (!entry.is_object()) return false;
      const auto* index = entry.get_object().if_contains("index");
      const std::int64_t at = index != nullptr && index->is_int64() ? index->get_int64() : 0;
      if (!choices[at].add(entry.get_object())) return false;
    }
    return true;
  });
  if (!understood || !done || choices.empty()) return std::nullopt;
  if (chat) whole["object"] = "chat.completion";
  json::array list;
  for (auto& [index, choice] : choices) {
    if (!choice.finished()) return std::nullopt;
    list.push_back(std::move(choice).whole(index, chat));
  }
  whole["choices"] = std::move(list);
  if (!usage.is_null()) whole["usage"] = std::move(usage);
  return json::serialize(whole);
}

/// The last event of a responses stream holds all of it.
std::optional<std::string> responses_body(std::string_view frames) {
  std::optional<std::string> body;
  for_each_event(frames, [&](std::string_view data) {
    const auto event = parsed_object(data);
    if (!event || member_text(*event, "type") != "response.completed") return true;
    const auto* response = event->if_contains("response");
    if (response != nullptr) body = json::serialize(*response);
    return false;
  });
  return body;
}

/// One block of a message, from its first event and its deltas.
bool add_delta(json::object& block, std::string& input, const json::object& delta) {
  const std::string_view type = member_text(delta, "type");
  const auto append = [&](const char* name) {
    json::value& there = block[name];
    if (!there.is_string()) there.emplace_string();
    there.get_string().append(member_text(delta, name));
    return true;
  };
  if (type == "text_delta") return append("text");
  if (type == "thinking_delta") return append("thinking");
  if (type == "signature_delta") return append("signature");
  if (type != "input_json_delta") return false;
  input.append(member_text(delta, "partial_json"));
  return true;
}

/// Events of Anthropic's messages (wire.md, 5).
class Message {
 public:
  /// @return false: it holds what a body could not, or an error
  bool add(const json::object& event) {
    const std::string_view type = member_text(event, "type");
    if (type == "ping") return true;
    if (type == "message_start") return start(event);
    if (type == "message_stop") return done_ = true;
    if (type == "message_delta") return finish(event);
    const auto* index = event.if_contains("index");
    if (index == nullptr || !index->is_int64()) return false;
    Block& block = blocks_[index->get_int64()];
    if (type == "content_block_start") {
      const auto* given = event.if_contains("content_block");
      if (given == nullptr || !given->is_object()) return false;
      block.body = given->get_object();
      return true;
    }
    if (type == "content_block_delta") {
      const auto* delta = event.if_contains("delta");
      return delta != nullptr && delta->is_object() &&
             add_delta(block.body, block.input, delta->get_object());
    }
    return type == "content_block_stop";
  }

  std::optional<std::string> whole() && {
    if (!done_ || message_.empty()) return std::nullopt;
    json::array content;
    for (auto& [index, block] : blocks_) {
      if (!block.input.empty()) {
        auto input = parsed_object(block.input);
        if (!input) return std::nullopt;
        block.body["input"] = std::move(*input);
      }
      content.push_back(std::move(block.body));
    }
    message_["content"] = std::move(content);
    return json::serialize(message_);
  }

 private:
  struct Block {
    json::object body{};
    std::string input{};
  };
  bool start(const json::object& event) {
    const auto* message = event.if_contains("message");
    if (message == nullptr || !message->is_object()) return false;
    message_ = message->get_object();
    return true;
  }
  bool finish(const json::object& event) {
    if (const auto* delta = event.if_contains("delta"); delta != nullptr && delta->is_object()) {
      for (const auto& [name, value] : delta->get_object()) message_[name] = value;
    }
    const auto* usage = event.if_contains("usage");
    if (usage == nullptr || !usage->is_object()) return true;
    json::value& there = message_["usage"];
    if (!there.is_object()) there.emplace_object();
    for (const auto& [name, value] : usage->get_object()) there.get_object()[name] = value;
    return true;
  }

  json::object message_;
  std::map<std::int64_t, Block> blocks_;
  bool done_ = false;
};

std::optional<std::string> messages_body(std::string_view frames) {
  Message message;
  const bool understood = for_each_event(frames, [&](std::string_view data) {
    const auto event = parsed_object(data);
    return event && message.add(*event);
  });
  if (!understood) return std::nullopt;
  return std::move(message).whole();
}

/// Up to about 24 bytes, cut before a blank.
std::string_view take_words(std::string_view& text) {
  constexpr std::size_t about = 24;
  std::size_t end = text.size() <= about ? text.size() : text.find(' ', about);
  if (end == std::string_view::npos || end > 4 * about) end = std::min(text.size(), 4 * about);
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
  const std::string_view words = text.substr(0, end);
  text.remove_prefix(end);
  return words;
}

class ChunkWriter {
 public:
  ChunkWriter(const json::object& body, bool chat) : chat_(chat) {
    for (const auto& [name, value] : body) {
      if (name != "choices" && name != "usage") frame_[name] = value;
    }
    if (chat) frame_["object"] = "chat.completion.chunk";
  }
  void choice(const json::value& index, json::value delta, const json::value& finish) {
    json::object choice{{"index", index}};
    choice[chat_ ? "delta" : "text"] = std::move(delta);
    choice["logprobs"] = nullptr;
    choice["finish_reason"] = finish;
    event(json::array{std::move(choice)});
  }
  void usage(const json::value& usage) {
    frame_["usage"] = usage;
    event(json::array{});
    frame_.erase("usage");
  }
  std::string finish() && { return std::move(out_) + "data: [DONE]\n\n"; }

 private:
  void event(json::array choices) {
    frame_["choices"] = std::move(choices);
    out_.append("data: ").append(json::serialize(frame_)).append("\n\n");
  }
  bool chat_;
  json::object frame_;
  std::string out_;
};

bool write_message(ChunkWriter& out, const json::value& index, const json::object& message) {
  json::object first{{"role", "assistant"}};
  const auto* content = message.if_contains("content");
  if (content != nullptr) first["content"] = content->is_string() ? json::value("") : *content;
  out.choice(index, std::move(first), nullptr);
  for (const auto& [name, value] : message) {
    if (name == "role" || value.is_null()) continue;
    if (name == "tool_calls") {
      if (!value.is_array()) return false;
      std::int64_t at = 0;
      for (const auto& call : value.get_array()) {
        if (!call.is_object()) return false;
        json::object delta = call.get_object();
        delta["index"] = at++;
        out.choice(index, json::object{{"tool_calls", json::array{std::move(delta)}}}, nullptr);
      }
    } else if (value.is_string()) {
      std::string_view text = value.get_string();
      while (!text.empty()) {
        const std::string_view words = take_words(text);
        out.choice(index, json::object{{name, json::string(words)}}, nullptr);
      }
    } else if (!(value.is_array() && value.get_array().empty())) {
      return false;  // audio, annotations: no chunk that we know says it
    }
  }
  return true;
}

}  // namespace

std::optional<std::string> body_of_stream(Api api, std::string_view frames) {
  if (api == Api::responses) return responses_body(frames);
  if (api == Api::messages) return messages_body(frames);
  if (api != Api::chat && api != Api::completions) return std::nullopt;
  return chat_body(api == Api::chat, frames);
}

std::optional<std::string> stream_of_body(Api api, std::string_view body, bool with_usage) {
  if (api != Api::chat && api != Api::completions) return std::nullopt;
  const auto whole = parsed_object(body);
  if (!whole) return std::nullopt;
  const auto* choices = whole->if_contains("choices");
  const auto* usage = whole->if_contains("usage");
  if (choices == nullptr || !choices->is_array()) return std::nullopt;
  if (with_usage && usage == nullptr) return std::nullopt;
  const bool chat = api == Api::chat;
  ChunkWriter out(*whole, chat);
  for (const auto& entry : choices->get_array()) {
    if (!entry.is_object()) return std::nullopt;
    const json::object& choice = entry.get_object();
    const auto* odds = choice.if_contains("logprobs");
    if (odds != nullptr && !odds->is_null()) return std::nullopt;
    const auto* at = choice.if_contains("index");
    const json::value index = at == nullptr ? json::value(0) : *at;
    const auto* message = choice.if_contains("message");
    if (chat && (message == nullptr || !message->is_object())) return std::nullopt;
    if (chat && !write_message(out, index, message->get_object())) return std::nullopt;
    std::string_view text = member_text(choice, "text");
    while (!text.empty()) out.choice(index, json::string(take_words(text)), nullptr);
    const auto* reason = choice.if_contains("finish_reason");
    out.choice(index, chat ? json::value(json::object{}) : json::value(""),
               reason == nullptr ? json::value("stop") : *reason);
  }
  if (with_usage) out.usage(*usage);
  return std::move(out).finish();
}

Ending ending_of(Api api, std::string_view body) {
  Ending ending;
  const auto whole = parsed_object(body);
  if (!whole || is_error(*whole)) return ending;
  if (api == Api::responses) {
    ending.whole = member_text(*whole, "status") == "completed";
    return ending;
  }
  if (api == Api::messages) {
    const std::string_view reason = member_text(*whole, "stop_reason");
    ending.length = reason == "max_tokens";
    ending.filtered = reason == "refusal";
    ending.whole = !reason.empty() && reason != "pause_turn";
    return ending;
  }
  if (api != Api::chat && api != Api::completions) {
    ending.whole = true;
    return ending;
  }
  const auto* choices = whole->if_contains("choices");
  if (choices == nullptr || !choices->is_array() || choices->get_array().empty()) return ending;
  ending.whole = true;
  for (const auto& choice : choices->get_array()) {
    const std::string_view reason =
        choice.is_object() ? member_text(choice.get_object(), "finish_reason") : "";
    if (reason.empty()) ending.whole = false;
    if (reason == "length") ending.length = true;
    if (reason == "content_filter") ending.filtered = true;
  }
  return ending;
}

}  // namespace hawser::dialect
