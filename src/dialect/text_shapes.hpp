#pragma once

#include <cstdint>
#include <string_view>

#include "dialect/operation.hpp"

namespace hawser::dialect {

/// The objects of the protocols. Where something stands in a body is told by the shape of the
/// object that it is a member of, and that by the whole path from the outermost one: a member's
/// name alone means nothing. Arrays do not count: their entries are as the array.
enum class Shape : std::uint8_t {
  free,        // nobody's protocol: what a user, a tool or a stranger filled. All of it is text
  plain,       // an object of a protocol that has nothing but words, figures and texts
  figures,     // of numbers, however deep: usage
  schema,      // a JSON Schema
  schema_map,  // names of a user's own, each with a schema

  chat_request,
  chat_message,
  chat_part,
  chat_url,
  chat_sound,
  chat_file,
  chat_spoken,
  chat_thought,
  chat_tool_call,
  chat_function,
  chat_tool,
  chat_tool_function,
  chat_format,
  chat_format_schema,
  chat_answer,
  chat_choice,
  annotation,

  completions_request,

  responses_request,
  responses_prompt,
  responses_item,
  responses_part,
  responses_tool,
  responses_container,
  responses_mask,
  responses_text,
  responses_format,
  responses_answer,
  named,  // {"id": ...}

  messages_request,
  messages_message,
  messages_block,
  messages_source,
  messages_citation,
  messages_tool,
  messages_output,
  messages_answer,

  gemini_request,
  gemini_content,
  gemini_part,
  gemini_blob,
  gemini_call,
  gemini_result,
  gemini_tool,
  gemini_function,
  gemini_config,
  gemini_candidate,
  gemini_answer,

  embeddings_request,
  embeddings_answer,
  moderations_request,
  rerank_request,
  rerank_answer,
  rerank_result,
  speech_request,
  image_request,
  image_answer,
  entry,       // of a list
  any_answer,  // of an operation that has no shape of its own, and any event
};

/// What a string is, where it stands.
enum class Kind : std::uint8_t {
  text,
  identifier,  // names an object of the protocol
  bytes,       // base64 or a data: URL of an image, a sound, a file
  opaque,      // base64 that only its maker can read: a signature
  prompt       // text; as a number, or a list of them, it is a text in somebody's tokens
};

/// A member of an object.
struct Member {
  Shape inside = Shape::free;  // of objects that stand there
  Kind kind = Kind::text;
  bool known = false;   // the name is one of the protocols' or of JSON Schema's words
  bool number = false;  // the protocol has it here: a number is the protocol's, not somebody's
  /// Of bytes: what must stand beside them. "media_type": a member of that name; "type=base64": one
  /// of that value. One of several, parted by bars; empty: their place says enough.
  std::string_view label{};
};

enum class Side : std::uint8_t { request, answer };
/// Of the outermost object. An event of a stream is an `any_answer`.
Shape shape_of(Operation operation, Side side);

/// @param name  decoded
Member member_of(Shape shape, std::string_view name);

}  // namespace hawser::dialect
