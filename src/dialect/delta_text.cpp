#include "dialect/delta_text.hpp"

#include "dialect/answer_format.hpp"
#include "dialect/json_walk.hpp"
#include "wire/sse.hpp"

namespace hawser::dialect {
namespace {

void append_string(std::string_view token, std::string& out) {
  std::string text;
  if (is_string(token) && decode_json_string(token, text)) out.append(text);
}

/// Names of what is no text of the answer: kinds, ids, and what only its maker can read.
bool is_opaque(std::string_view name) {
  static constexpr std::string_view opaque[] = {"role",        "type",         "id",
                                                "call_id",     "signature",    "thoughtSignature",
                                                "data",        "mimeType",     "encrypted_content",
                                                "obfuscation", "finish_reason"};
  for (const auto known : opaque) {
    if (name == known) return true;
  }
  return false;
}

/// Every text of a value, however deep, but what is opaque.
void append_strings(std::string_view value, std::string& out, int depth = 0) {
  constexpr int depth_max = 32;
  if (depth > depth_max) return;
  if (is_string(value)) return append_string(value, out);
  if (is_object(value)) {
    for_each_named(value, [&](std::string_view name, std::string_view inner) {
      if (!is_opaque(name)) append_strings(inner, out, depth + 1);
      return true;
    });
  } else if (is_array(value)) {
    for_each_element(value, [&](std::string_view inner) {
      append_strings(inner, out, depth + 1);
      return true;
    });
  }
}

/// Of all choices: deltas, whatever their members, and texts.
void append_choices(std::string_view data, std::string& out) {
  for_each_element(json_member(data, "choices"), [&](std::string_view choice) {
    for_each_named(choice, [&](std::string_view name, std::string_view value) {
      if (name == "delta" || name == "text") append_strings(value, out);
      return true;
    });
    return true;
  });
}

void append_of_response(std::string_view data, std::string& out) {
  const std::string type = json_text(data, "type").value_or("");
  if (type.ends_with(".delta")) append_string(json_member(data, "delta"), out);
}

void append_of_message(std::string_view data, std::string& out) {
  const std::string type = json_text(data, "type").value_or("");
  if (type == "content_block_delta") append_strings(json_member(data, "delta"), out);
  if (type == "content_block_start") append_strings(json_member(data, "content_block"), out);
}

void append_candidates(std::string_view data, std::string& out) {
  for_each_element(json_member(data, "candidates"), [&](std::string_view candidate) {
    append_strings(json_member(json_member(candidate, "content"), "parts"), out);
    return true;
  });
}

void append_all_of(AnswerFormat format, std::string_view data, std::string& out) {
  switch (format) {
    case AnswerFormat::chat:
    case AnswerFormat::completions:
      return append_choices(data, out);
    case AnswerFormat::responses:
      return append_of_response(data, out);
    case AnswerFormat::messages:
      return append_of_message(data, out);
    case AnswerFormat::gemini:
      return append_candidates(data, out);
    case AnswerFormat::other:
      return;
  }
}

std::string_view first_of(std::string_view array) {
  std::string_view first;
  for_each_element(array, [&first](std::string_view element) {
    first = element;
    return false;
  });
  return first;
}

std::string_view text_in(AnswerFormat format, std::string_view data) {
  switch (format) {
    case AnswerFormat::chat:
      return json_member(json_member(first_of(json_member(data, "choices")), "delta"), "content");
    case AnswerFormat::completions:
      return json_member(first_of(json_member(data, "choices")), "text");
    case AnswerFormat::responses: {
      const bool text = json_text(data, "type") == "response.output_text.delta";
      return text ? json_member(data, "delta") : std::string_view();
    }
    case AnswerFormat::messages:
      return json_member(json_member(data, "delta"), "text");
    case AnswerFormat::gemini: {
      const auto candidate = first_of(json_member(data, "candidates"));
      return json_member(first_of(json_member(json_member(candidate, "content"), "parts")), "text");
    }
    case AnswerFormat::other:
      break;
  }
  return {};
}

}  // namespace

void append_all_deltas(AnswerFormat format, std::string_view frames, std::string& out) {
  std::string scratch;
  while (!frames.empty()) {
    const std::size_t size = wire::first_frame(frames).size;
    const auto parts = wire::frame_parts(frames.substr(0, size), scratch);
    if (parts.data.starts_with('{')) append_all_of(format, parts.data, out);
    frames.remove_prefix(size);
  }
}

void append_delta_text(Api api, std::string_view frame, std::string& out) {
  std::string scratch;
  const auto parts = wire::frame_parts(frame, scratch);
  if (parts.data.starts_with('{')) append_string(text_in(format_of(api), parts.data), out);
}

}  // namespace hawser::dialect
