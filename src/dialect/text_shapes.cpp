#include "dialect/text_shapes.hpp"

#include <algorithm>
#include <array>

namespace hawser::dialect {
namespace {

template <std::size_t n>
bool holds(const std::array<std::string_view, n>& list, std::string_view name) {
  static const auto sorted = [&list] {
    auto copy = list;
    std::sort(copy.begin(), copy.end());
    return copy;
  }();
  return std::binary_search(sorted.begin(), sorted.end(), name);
}

// clang-format off
/// Names that the protocols define: no text, wherever they stand.
constexpr auto protocol_names = std::to_array<std::string_view>({
    "action", "allowed_tools", "annotations", "args", "arguments", "assistant", "audio",
    "b64_json", "background", "best_of", "bytes", "cachedContent", "cache_control", "cache_creation",
    "cache_creation_input_tokens", "cache_read_input_tokens", "cached_tokens", "call_id", "caller",
    "candidates", "candidatesTokenCount", "choice", "choices", "citations", "code",
    "completion_tokens", "completion_tokens_details", "container", "container_id", "content",
    "content_index", "contents", "context_management", "conversation", "created", "created_at",
    "data", "default", "definition", "delta", "description", "detail", "dimensions",
    "disable_parallel_tool_use", "display", "documents", "effort", "embedding", "embeddings",
    "encoding_format", "encrypted_content", "end_index", "error", "event_id", "expires_at", "file",
    "fileData", "fileUri", "file_data", "file_id", "file_ids", "filename", "filters",
    "finishReason", "finish_reason", "first_id", "format", "frequency_penalty", "function",
    "functionCall", "functionDeclarations", "functionResponse", "function_call", "functions",
    "generationConfig", "generation_config", "guided_json", "has_more", "id", "image",
    "image_detail", "image_url", "include", "include_usage", "incomplete_details", "index",
    "inlineData", "inline_data", "input", "input_audio", "input_file_id", "input_schema",
    "input_tokens", "input_tokens_details", "instructions", "is_error", "item", "item_id",
    "json_schema", "last_id", "logit_bias", "logprobs", "mask", "maxOutputTokens",
    "max_completion_tokens", "max_output_tokens", "max_tokens", "max_tool_calls", "mcp_servers",
    "media_type", "message", "messages", "metadata", "mimeType", "mime_type", "modalities", "mode",
    "model", "modelVersion", "moderation", "n", "name", "object", "obfuscation", "output",
    "output_config", "output_index", "output_text", "output_tokens", "output_tokens_details",
    "parallel_tool_calls", "param", "parameters", "parametersJsonSchema", "part",
    "partial_image_b64", "partial_json", "parts", "phase", "prediction", "presence_penalty",
    "previous_response_id", "prompt", "promptTokenCount", "prompt_cache_key", "prompt_tokens",
    "prompt_tokens_details", "quality", "query", "reasoning", "reasoning_content",
    "reasoning_details", "reasoning_effort", "reasoning_tokens", "refusal", "relevance_score",
    "requests", "response", "responseId", "responseJsonSchema", "responseMimeType",
    "responseSchema", "response_format", "response_id", "result", "results", "role",
    "safetyRatings", "safetySettings", "safety_identifier", "schema", "seed", "sequence_number",
    "server_label", "service_tier", "signature", "size", "source", "speed", "start_index",
    "status", "stop", "stop_reason", "stop_sequence", "stop_sequences", "store", "stream",
    "stream_options", "strict", "suffix", "summary", "summary_index", "syntax",
    "systemInstruction", "system_fingerprint", "system_instruction", "system", "temperature",
    "text", "thinking", "thinkingConfig", "thoughtSignature", "thought_signature", "thread_id",
    "timings", "title", "token", "toolConfig", "tool_call_id", "tool_calls", "tool_choice",
    "tool_resources", "tool_use_id", "tools", "topK", "topP", "top_k", "top_logprobs", "top_n",
    "top_p", "totalTokenCount", "totalTokens", "total_tokens", "truncation", "ttl", "type", "url",
    "usage", "usageMetadata", "user", "user_location", "values", "variables",
    "vector_store_id", "vector_store_ids", "verbosity", "voice", "web_search_options"});

/// Of JSON Schema, and of what models' providers add to it.
constexpr auto schema_names = std::to_array<std::string_view>({
    "$defs", "$id", "$ref", "$schema", "additionalProperties", "allOf", "anyOf", "const",
    "default", "definitions", "description", "enum", "example", "examples", "format", "items",
    "maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength", "minProperties",
    "minimum", "not", "nullable", "oneOf", "pattern", "patternProperties", "prefixItems",
    "properties", "propertyNames", "propertyOrdering", "required", "strict", "title", "type"});

using enum Shape;
using K = Kind;

struct Row {
  Shape shape;
  std::string_view name;
  Kind kind;
  Shape inside = Shape::free;
  std::string_view label = {};
};

constexpr std::string_view media = "media_type|mime_type|mimeType|format";

// Only what is no text, and what has objects of a protocol in it: all else needs no row.
constexpr auto rows = std::to_array<Row>({
  {schema, "items", K::text, schema}, {schema, "additionalProperties", K::text, schema},
  {schema, "anyOf", K::text, schema}, {schema, "oneOf", K::text, schema},
  {schema, "allOf", K::text, schema}, {schema, "not", K::text, schema},
  {schema, "prefixItems", K::text, schema}, {schema, "propertyNames", K::text, schema},
  {schema, "properties", K::text, schema_map}, {schema, "patternProperties", K::text, schema_map},
  {schema, "$defs", K::text, schema_map}, {schema, "definitions", K::text, schema_map},

  // OpenAI's chats, and what speaks like them.
  {chat_request, "model", K::identifier}, {chat_request, "messages", K::prompt, chat_message},
  {chat_request, "prompt", K::prompt}, {chat_request, "input", K::prompt},
  {chat_request, "tools", K::text, chat_tool}, {chat_request, "functions", K::text, chat_tool_function},
  {chat_request, "function_call", K::text, plain}, {chat_request, "tool_choice", K::text, chat_tool},
  {chat_request, "response_format", K::text, chat_format}, {chat_request, "audio", K::text, plain},
  {chat_request, "stream_options", K::text, plain}, {chat_request, "reasoning", K::text, plain},
  {chat_request, "thinking", K::text, plain}, {chat_request, "web_search_options", K::text, plain},
  {chat_request, "prediction", K::text, chat_message}, {chat_request, "guided_json", K::text, schema},
  {chat_request, "logit_bias", K::text, figures},
  {chat_message, "content", K::prompt, chat_part}, {chat_message, "tool_call_id", K::identifier},
  {chat_message, "tool_calls", K::text, chat_tool_call},
  {chat_message, "function_call", K::text, chat_function},
  {chat_message, "audio", K::text, chat_spoken}, {chat_message, "images", K::text, chat_part},
  {chat_message, "annotations", K::text, annotation},
  {chat_message, "reasoning_details", K::text, chat_thought},
  {chat_message, "cache_control", K::text, plain},
  {chat_part, "image_url", K::bytes, chat_url}, {chat_part, "video_url", K::bytes, chat_url},
  {chat_part, "audio_url", K::bytes, chat_url}, {chat_part, "input_audio", K::text, chat_sound},
  {chat_part, "file", K::text, chat_file}, {chat_part, "cache_control", K::text, plain},
  {chat_url, "url", K::bytes, free, media}, {chat_sound, "data", K::bytes, free, media},
  {chat_file, "file_data", K::bytes, free, media}, {chat_file, "file_id", K::identifier},
  {chat_spoken, "id", K::identifier}, {chat_spoken, "data", K::bytes},
  {chat_thought, "id", K::identifier},
  {chat_thought, "data", K::opaque, free, "type=reasoning.encrypted"},
  {chat_thought, "signature", K::opaque, free, "type=reasoning.text"},
  {chat_tool_call, "id", K::identifier}, {chat_tool_call, "function", K::text, chat_function},
  {chat_tool_call, "custom", K::text, plain},
  {chat_tool, "function", K::text, chat_tool_function}, {chat_tool, "custom", K::text, plain},
  {chat_tool, "cache_control", K::text, plain},
  {chat_tool_function, "parameters", K::text, schema},
  {chat_format, "json_schema", K::text, chat_format_schema}, {chat_format, "schema", K::text, schema},
  {chat_format_schema, "schema", K::text, schema},
  {chat_answer, "id", K::identifier}, {chat_answer, "model", K::identifier},
  {chat_answer, "system_fingerprint", K::identifier}, {chat_answer, "usage", K::text, figures},
  {chat_answer, "timings", K::text, figures}, {chat_answer, "choices", K::text, chat_choice},
  {chat_answer, "error", K::text, plain},
  {chat_choice, "message", K::text, chat_message}, {chat_choice, "delta", K::text, chat_message},
  {annotation, "file_id", K::identifier}, {annotation, "container_id", K::identifier},
  {annotation, "url_citation", K::text, plain},

  {completions_request, "model", K::identifier}, {completions_request, "prompt", K::prompt},
  {completions_request, "suffix", K::prompt}, {completions_request, "stream_options", K::text, plain},
  {completions_request, "input", K::prompt}, {completions_request, "messages", K::prompt, chat_message},
  {completions_request, "logit_bias", K::text, figures},

  // OpenAI's responses.
  {responses_request, "model", K::identifier}, {responses_request, "input", K::prompt, responses_item},
  {responses_request, "instructions", K::prompt, responses_item},
  {responses_request, "prompt", K::prompt, responses_prompt},
  {responses_request, "previous_response_id", K::identifier},
  {responses_request, "conversation", K::identifier, named},
  {responses_request, "tools", K::text, responses_tool},
  {responses_request, "tool_choice", K::text, responses_tool},
  {responses_request, "text", K::text, responses_text}, {responses_request, "reasoning", K::text, plain},
  {responses_request, "stream_options", K::text, plain},
  {responses_request, "response_format", K::text, chat_format},
  {named, "id", K::identifier}, {responses_prompt, "id", K::identifier},
  {responses_item, "id", K::identifier}, {responses_item, "call_id", K::identifier},
  {responses_item, "container_id", K::identifier},
  {responses_item, "approval_request_id", K::identifier},
  {responses_item, "content", K::prompt, responses_part}, {responses_item, "summary", K::text, responses_part},
  {responses_item, "output", K::text, responses_part}, {responses_item, "tools", K::text, responses_tool},
  {responses_item, "encrypted_content", K::opaque, free, "type=reasoning|type=compaction"},
  {responses_item, "result", K::bytes, free, "type=image_generation_call"},
  {responses_item, "image_url", K::bytes}, {responses_item, "file_id", K::identifier},
  {responses_part, "image_url", K::bytes, chat_url}, {responses_part, "file_id", K::identifier},
  {responses_part, "file_data", K::bytes, free, media},
  {responses_part, "input_audio", K::text, chat_sound},
  {responses_part, "annotations", K::text, annotation},
  {responses_part, "encrypted_content", K::opaque, free, "type=redacted_thinking|type=reasoning_text"},
  {responses_tool, "parameters", K::text, schema}, {responses_tool, "input_schema", K::text, schema},
  {responses_tool, "vector_store_ids", K::identifier},
  {responses_tool, "container", K::identifier, responses_container},
  {responses_tool, "model", K::identifier}, {responses_tool, "input_image_mask", K::text, responses_mask},
  {responses_tool, "user_location", K::text, plain}, {responses_tool, "ranking_options", K::text, plain},
  {responses_tool, "format", K::text, plain}, {responses_tool, "function", K::text, chat_tool_function},
  {responses_container, "file_ids", K::identifier}, {responses_container, "id", K::identifier},
  {responses_mask, "image_url", K::bytes}, {responses_mask, "file_id", K::identifier},
  {responses_text, "format", K::text, responses_format},
  {responses_format, "schema", K::text, schema},
  {responses_answer, "id", K::identifier}, {responses_answer, "model", K::identifier},
  {responses_answer, "item_id", K::identifier}, {responses_answer, "response_id", K::identifier},
  {responses_answer, "previous_response_id", K::identifier},
  {responses_answer, "conversation", K::identifier, named},
  {responses_answer, "first_id", K::identifier}, {responses_answer, "last_id", K::identifier},
  {responses_answer, "output", K::text, responses_item}, {responses_answer, "item", K::text, responses_item},
  {responses_answer, "data", K::text, responses_item}, {responses_answer, "input", K::text, responses_item},
  {responses_answer, "instructions", K::text, responses_item},
  {responses_answer, "part", K::text, responses_part}, {responses_answer, "annotation", K::text, annotation},
  {responses_answer, "response", K::text, responses_answer},
  {responses_answer, "tools", K::text, responses_tool},
  {responses_answer, "tool_choice", K::text, responses_tool},
  {responses_answer, "text", K::text, responses_text}, {responses_answer, "prompt", K::text, responses_prompt},
  {responses_answer, "reasoning", K::text, plain}, {responses_answer, "usage", K::text, figures},
  {responses_answer, "error", K::text, plain}, {responses_answer, "incomplete_details", K::text, plain},
  {responses_answer, "partial_image_b64", K::bytes},

  // Anthropic's messages.
  {messages_request, "model", K::identifier}, {messages_request, "messages", K::prompt, messages_message},
  {messages_request, "system", K::prompt, messages_block}, {messages_request, "tools", K::text, messages_tool},
  {messages_request, "tool_choice", K::text, plain}, {messages_request, "thinking", K::text, plain},
  {messages_request, "container", K::identifier, named},
  {messages_request, "output_config", K::text, messages_output},
  {messages_request, "output_format", K::text, responses_format},
  {messages_message, "content", K::prompt, messages_block},
  {messages_block, "id", K::identifier}, {messages_block, "tool_use_id", K::identifier},
  {messages_block, "file_id", K::identifier}, {messages_block, "content", K::prompt, messages_block},
  {messages_block, "source", K::text, messages_source},
  {messages_block, "citations", K::text, messages_citation},
  {messages_block, "cache_control", K::text, plain},
  {messages_block, "signature", K::opaque, free, "type=thinking|type=signature_delta"},
  {messages_block, "data", K::opaque, free, "type=redacted_thinking"},
  {messages_block, "encrypted_content", K::opaque, free, "type=web_search_result"},
  {messages_source, "data", K::bytes, free, "type=base64"}, {messages_source, "file_id", K::identifier},
  {messages_source, "content", K::text, messages_block},
  {messages_citation, "file_id", K::identifier},
  {messages_citation, "encrypted_index", K::opaque, free, "type=web_search_result_location"},
  {messages_tool, "input_schema", K::text, schema}, {messages_tool, "cache_control", K::text, plain},
  {messages_tool, "user_location", K::text, plain},
  {messages_output, "format", K::text, responses_format},
  {messages_answer, "id", K::identifier}, {messages_answer, "model", K::identifier},
  {messages_answer, "content", K::text, messages_block},
  {messages_answer, "content_block", K::text, messages_block},
  {messages_answer, "delta", K::text, messages_block}, {messages_answer, "message", K::text, messages_answer},
  {messages_answer, "usage", K::text, figures}, {messages_answer, "container", K::text, named},
  {messages_answer, "error", K::text, plain},

  // Gemini. Its names may be written with underscores.
  {gemini_request, "contents", K::prompt, gemini_content},
  {gemini_request, "systemInstruction", K::prompt, gemini_content},
  {gemini_request, "system_instruction", K::prompt, gemini_content},
  {gemini_request, "content", K::prompt, gemini_content},
  {gemini_request, "requests", K::text, gemini_request},
  {gemini_request, "generateContentRequest", K::text, gemini_request},
  {gemini_request, "generate_content_request", K::text, gemini_request},
  {gemini_request, "tools", K::text, gemini_tool}, {gemini_request, "toolConfig", K::text, plain},
  {gemini_request, "safetySettings", K::text, plain},
  {gemini_request, "generationConfig", K::text, gemini_config},
  {gemini_request, "generation_config", K::text, gemini_config},
  {gemini_request, "cachedContent", K::identifier}, {gemini_request, "cached_content", K::identifier},
  {gemini_request, "model", K::identifier},
  {gemini_content, "parts", K::prompt, gemini_part},
  {gemini_part, "inlineData", K::text, gemini_blob}, {gemini_part, "inline_data", K::text, gemini_blob},
  {gemini_part, "fileData", K::text, plain}, {gemini_part, "file_data", K::text, plain},
  {gemini_part, "functionCall", K::text, gemini_call}, {gemini_part, "function_call", K::text, gemini_call},
  {gemini_part, "functionResponse", K::text, gemini_result},
  {gemini_part, "function_response", K::text, gemini_result},
  {gemini_part, "thoughtSignature", K::opaque}, {gemini_part, "thought_signature", K::opaque},
  {gemini_blob, "data", K::bytes, free, media},
  {gemini_call, "id", K::identifier}, {gemini_result, "id", K::identifier},
  {gemini_result, "parts", K::text, gemini_part},
  {gemini_tool, "functionDeclarations", K::text, gemini_function},
  {gemini_tool, "function_declarations", K::text, gemini_function},
  {gemini_function, "parameters", K::text, schema}, {gemini_function, "parametersJsonSchema", K::text, schema},
  {gemini_function, "parameters_json_schema", K::text, schema},
  {gemini_function, "response", K::text, schema}, {gemini_function, "responseJsonSchema", K::text, schema},
  {gemini_config, "responseSchema", K::text, schema}, {gemini_config, "response_schema", K::text, schema},
  {gemini_config, "responseJsonSchema", K::text, schema},
  {gemini_config, "response_json_schema", K::text, schema},
  {gemini_config, "thinkingConfig", K::text, plain}, {gemini_config, "thinking_config", K::text, plain},
  {gemini_answer, "candidates", K::text, gemini_candidate}, {gemini_answer, "usageMetadata", K::text, figures},
  {gemini_answer, "modelVersion", K::identifier}, {gemini_answer, "responseId", K::identifier},
  {gemini_answer, "embedding", K::text, figures}, {gemini_answer, "embeddings", K::text, figures},
  {gemini_answer, "error", K::text, plain},
  {gemini_candidate, "content", K::text, gemini_content}, {gemini_candidate, "safetyRatings", K::text, plain},

  {embeddings_request, "model", K::identifier}, {embeddings_request, "input", K::prompt, chat_part},
  {embeddings_request, "messages", K::prompt, chat_message},
  {embeddings_answer, "id", K::identifier}, {embeddings_answer, "model", K::identifier},
  {embeddings_answer, "data", K::text, entry}, {embeddings_answer, "usage", K::text, figures},
  {embeddings_answer, "error", K::text, plain},
  {moderations_request, "model", K::identifier}, {moderations_request, "input", K::prompt, chat_part},
  {rerank_request, "model", K::identifier}, {rerank_request, "query", K::prompt},
  {rerank_request, "documents", K::prompt}, {rerank_answer, "id", K::identifier},
  {rerank_answer, "model", K::identifier}, {rerank_answer, "results", K::text, rerank_result},
  {rerank_answer, "usage", K::text, figures}, {rerank_answer, "meta", K::text, figures},
  {rerank_result, "index", K::text}, {rerank_result, "relevance_score", K::text},
  {speech_request, "model", K::identifier}, {speech_request, "input", K::prompt},
  {speech_request, "instructions", K::prompt},
  {image_request, "model", K::identifier}, {image_request, "prompt", K::prompt},
  {image_answer, "data", K::text, entry}, {image_answer, "usage", K::text, figures},
  {image_answer, "model", K::identifier}, {image_answer, "id", K::identifier},
  {image_answer, "error", K::text, plain},

  {entry, "id", K::identifier}, {entry, "model", K::identifier}, {entry, "b64_json", K::bytes},
  {entry, "embedding", K::bytes, figures, "object=embedding"},
  {entry, "content", K::text, responses_part}, {entry, "choices", K::text, chat_choice},
  {entry, "usage", K::text, figures}, {entry, "file_id", K::identifier},

  {any_answer, "id", K::identifier}, {any_answer, "model", K::identifier},
  {any_answer, "system_fingerprint", K::identifier}, {any_answer, "item_id", K::identifier},
  {any_answer, "response_id", K::identifier}, {any_answer, "modelVersion", K::identifier},
  {any_answer, "responseId", K::identifier}, {any_answer, "previous_response_id", K::identifier},
  {any_answer, "first_id", K::identifier}, {any_answer, "last_id", K::identifier},
  {any_answer, "usage", K::text, figures}, {any_answer, "usageMetadata", K::text, figures},
  {any_answer, "timings", K::text, figures}, {any_answer, "choices", K::text, chat_choice},
  {any_answer, "candidates", K::text, gemini_candidate}, {any_answer, "output", K::text, responses_item},
  {any_answer, "item", K::text, responses_item}, {any_answer, "part", K::text, responses_part},
  {any_answer, "response", K::text, responses_answer}, {any_answer, "annotation", K::text, annotation},
  {any_answer, "message", K::text, messages_answer}, {any_answer, "content_block", K::text, messages_block},
  {any_answer, "delta", K::text, messages_block}, {any_answer, "content", K::text, messages_block},
  {any_answer, "data", K::text, entry}, {any_answer, "partial_image_b64", K::bytes},
  {any_answer, "b64_json", K::bytes}, {any_answer, "tools", K::text, responses_tool},
  {any_answer, "error", K::text, plain},
});
// clang-format on

constexpr bool before(const Row& a, const Row& b) {
  return a.shape != b.shape ? a.shape < b.shape : a.name < b.name;
}

const Row* find(Shape shape, std::string_view name) {
  static const auto sorted = [] {
    auto copy = rows;
    std::sort(copy.begin(), copy.end(), before);
    return copy;
  }();
  const auto at = std::lower_bound(sorted.begin(), sorted.end(), Row{shape, name, K::text}, before);
  return at != sorted.end() && at->shape == shape && at->name == name ? &*at : nullptr;
}

}  // namespace

Shape shape_of(Operation operation, Side side) {
  const bool asks = side == Side::request;
  switch (operation) {
    case Operation::chat:
      return asks ? chat_request : chat_answer;
    case Operation::completions:
      return asks ? completions_request : chat_answer;
    case Operation::responses:
    case Operation::compact_response:
    case Operation::count_response_tokens:
    case Operation::stored_response:
    case Operation::cancel_response:
      return asks ? responses_request : responses_answer;
    case Operation::messages:
    case Operation::count_tokens:
      return asks ? messages_request : messages_answer;
    case Operation::gemini_generate:
    case Operation::gemini_stream:
    case Operation::gemini_embed:
    case Operation::gemini_count_tokens:
    case Operation::cached_contents:
      return asks ? gemini_request : gemini_answer;
    case Operation::embeddings:
      return asks ? embeddings_request : embeddings_answer;
    case Operation::moderations:
      return asks ? moderations_request : rerank_answer;
    case Operation::rerank:
      return asks ? rerank_request : rerank_answer;
    case Operation::speech:
      return asks ? speech_request : any_answer;
    case Operation::image_generation:
    case Operation::image_edit:
    case Operation::image_variation:
      return asks ? image_request : image_answer;
    case Operation::transcription:
    case Operation::translation:
    case Operation::list_models:
    case Operation::get_model:
    case Operation::generations:
    case Operation::stored_chat:
    case Operation::files:
    case Operation::uploads:
    case Operation::batches:
    case Operation::message_batches:
    case Operation::conversations:
    case Operation::assistants:
    case Operation::threads:
    case Operation::fine_tuning:
    case Operation::vector_stores:
    case Operation::containers:
    case Operation::evals:
    case Operation::videos:
    case Operation::skills:
    case Operation::administration:
    case Operation::unknown:
      break;
  }
  return asks ? Shape::free : any_answer;
}

Member member_of(Shape shape, std::string_view name) {
  const bool of_protocol = holds(protocol_names, name);
  switch (shape) {
    case Shape::free:
      return {.known = of_protocol || holds(schema_names, name)};
    case figures:
      return {.inside = figures, .known = of_protocol, .number = true};
    case schema_map:
      return {.inside = schema, .known = of_protocol || holds(schema_names, name)};
    default:
      break;
  }
  Member member;
  member.known = of_protocol || holds(schema_names, name);
  member.number = of_protocol && shape != schema;
  if (const Row* row = find(shape, name)) {
    member.inside = row->inside;
    member.kind = row->kind;
    member.label = row->label;
    member.known = true;
    member.number = shape != schema;
  }
  return member;
}

}  // namespace hawser::dialect
