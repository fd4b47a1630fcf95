#include "stage/cache/prompt_shape.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace hawser::stage::cache {
namespace json = boost::json;
namespace {

/// The text of a content: a string, or a list of one part of text.
json::string* only_text(json::value& content) {
  if (content.is_string()) return &content.get_string();
  if (!content.is_array() || content.get_array().size() != 1) return nullptr;
  json::value& part = content.get_array().front();
  if (!part.is_object()) return nullptr;
  const json::value* type = part.get_object().if_contains("type");
  json::value* text = part.get_object().if_contains("text");
  const bool plain = type != nullptr && type->is_string() && type->get_string() == "text";
  return plain && text != nullptr && text->is_string() ? &text->get_string() : nullptr;
}

}  // namespace

std::optional<PromptShape> prompt_shape(std::string_view canonical) {
  boost::system::error_code error;
  json::value body = json::parse(canonical, error);
  if (error || !body.is_object()) return std::nullopt;
  json::value* messages = body.get_object().if_contains("messages");
  if (messages == nullptr || !messages->is_array() || messages->get_array().empty()) {
    return std::nullopt;
  }
  json::value& last = messages->get_array().back();
  if (!last.is_object()) return std::nullopt;
  const json::value* role = last.get_object().if_contains("role");
  json::value* content = last.get_object().if_contains("content");
  if (role == nullptr || !role->is_string() || role->get_string() != "user" || !content) {
    return std::nullopt;
  }
  json::string* text = only_text(*content);
  if (text == nullptr || text->empty()) return std::nullopt;
  PromptShape shape;
  shape.question = std::string(*text);
  *content = nullptr;
  const json::value* temperature = body.get_object().if_contains("temperature");
  if (temperature != nullptr && temperature->is_number()) {
    shape.temperature = temperature->to_number<double>();
  }
  shape.context = json::serialize(body);
  return shape;
}

}  // namespace hawser::stage::cache
