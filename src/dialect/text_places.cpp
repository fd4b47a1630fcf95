#include "dialect/text_places.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "wire/characters.hpp"

namespace hawser::dialect {
namespace {

// All lists are sorted: they are searched by halves.
template <std::size_t n>
constexpr bool holds(const std::array<std::string_view, n>& list, std::string_view name) {
  return std::binary_search(list.begin(), list.end(), name);
}

// clang-format off
/// Members whose values are words of the protocol.
constexpr auto word_members = std::to_array<std::string_view>({
    "choice", "detail", "effort", "encoding_format", "finishReason", "finish_reason", "format",
    "include", "media_type", "mimeType", "mime_type", "modalities", "mode", "object", "phase",
    "quality", "reasoning_effort", "required", "response_format", "role", "service_tier", "size",
    "status", "stop_reason", "syntax", "tool_choice", "truncation", "ttl", "type", "verbosity"});

/// The words that may stand there. Any other value there is text.
constexpr auto words = std::to_array<std::string_view>({
    "1024x1024", "1024x1536", "1024x1792", "1536x1024", "1792x1024", "1h", "256x256", "512x512",
    "5m", "any", "application/json", "application/pdf", "approximate", "array", "assistant",
    "audio", "audio/mp3", "audio/mpeg", "audio/wav", "auto", "base64", "batch",
    "bash_20250124", "boolean", "canceled", "cancelled", "chat.completion",
    "chat.completion.chunk", "code_execution_20250522", "code_execution_20250825",
    "code_interpreter", "code_interpreter_call", "commentary", "completed", "compaction",
    "computer", "computer_call", "computer_call_output", "computer_use_preview", "content_block",
    "content_block_delta", "content_block_start", "content_block_stop", "content_filter",
    "critic", "custom", "custom_tool_call", "custom_tool_call_output", "default", "developer",
    "disabled", "document", "embedding", "enabled", "end_turn", "ephemeral", "error", "failed",
    "file", "file_citation", "file_search", "file_search_call", "final_answer", "flex", "float",
    "function", "function_call", "function_call_output", "grammar", "hd", "high", "image",
    "image/gif", "image/jpeg", "image/png", "image/webp", "image_generation",
    "image_generation_call", "image_url", "in_progress", "incomplete", "input_audio", "input_file",
    "input_image", "input_json_delta", "input_text", "integer", "invalid_request_error",
    "item_reference", "json", "json_object", "json_schema", "lark", "length", "list",
    "local_shell", "local_shell_call", "local_shell_call_output", "low", "max", "max_tokens",
    "mcp", "mcp_approval_request", "mcp_call", "mcp_list_tools", "medium", "message",
    "message_delta", "message_start", "message_stop", "minimal", "model", "none", "null", "number",
    "object", "output_audio", "output_text", "ping", "priority", "queued", "reasoning",
    "reasoning_text", "redacted_thinking", "refusal", "regex", "required", "response", "scale",
    "search_result", "server_tool_use", "shell", "shell_call", "shell_call_output",
    "signature_delta", "standard", "standard_only", "stop", "stop_sequence", "string",
    "summary_text", "system", "text", "text/plain", "text_completion", "text_delta",
    "text_editor_20250124", "text_editor_20250728", "thinking", "thinking_delta", "tool",
    "tool_calls", "tool_result", "tool_use", "truncated", "url", "url_citation", "user",
    "web_search", "web_search_20250305", "web_search_call", "web_search_preview",
    "web_search_tool_result", "wav", "xhigh"});

/// Beginnings of the names of streams' events.
constexpr auto event_words =
    std::to_array<std::string_view>({"response.", "transcript.", "thread."});

/// Members that name an object.
constexpr auto identifier_members = std::to_array<std::string_view>(
    {"assistant_id", "batch_id", "call_id", "container", "container_id", "conversation", "file_id",
     "file_ids", "id", "input_file_id", "item_id", "model", "modelVersion", "previous_response_id",
     "responseId", "response_id", "system_fingerprint", "thread_id", "tool_call_id", "tool_use_id",
     "vector_store_id", "vector_store_ids"});

/// Members that hold bytes as base64, or a data: URL of them.
constexpr auto base64_members = std::to_array<std::string_view>(
    {"audio", "b64_json", "data", "embedding", "encrypted_content", "file_data", "image",
     "image_url", "mask", "partial_image_b64", "result", "signature", "thoughtSignature",
     "thought_signature", "url"});

/// Members whose content is the user's own.
constexpr auto free_members = std::to_array<std::string_view>(
    {"args", "arguments", "input_schema", "metadata", "parameters", "parametersJsonSchema",
     "properties", "responseSchema", "schema"});

/// The rest of the names that the protocols define.
constexpr auto other_members = std::to_array<std::string_view>({
    "$defs", "$ref", "$schema", "action", "additionalProperties", "allowed_tools", "annotations",
    "anyOf", "assistant", "background", "best_of", "bytes", "cache_control",
    "cache_creation", "cache_creation_input_tokens", "cache_read_input_tokens", "cached_tokens",
    "candidates", "candidatesTokenCount", "caller", "choices", "citations", "code",
    "completion_tokens", "completion_tokens_details", "const", "content", "content_index",
    "contents", "context_management", "created", "created_at", "default", "definition", "delta",
    "description", "dimensions", "disable_parallel_tool_use", "display", "documents", "end_index",
    "enum", "error", "event_id", "examples", "expires_at", "fileData", "fileUri", "filename",
    "filters", "frequency_penalty", "function", "functionCall", "functionDeclarations",
    "functionResponse", "function_call", "functions", "generationConfig", "generation_config",
    "guided_json", "image_detail", "include_usage", "incomplete_details", "index", "inlineData",
    "inline_data", "input", "input_audio", "input_tokens", "input_tokens_details", "instructions",
    "is_error", "items", "json_schema", "logit_bias", "logprobs", "maxItems", "maxLength",
    "maxOutputTokens", "max_completion_tokens", "max_output_tokens", "max_tokens",
    "max_tool_calls", "maximum", "mcp_servers", "message", "messages", "minItems", "minLength",
    "minimum", "moderation", "n", "name", "nullable", "obfuscation", "oneOf", "output",
    "output_config", "output_index", "output_tokens", "output_tokens_details",
    "parallel_tool_calls", "param", "partial_json", "parts", "pattern", "prediction",
    "presence_penalty", "prompt", "promptTokenCount", "prompt_cache_key", "prompt_tokens",
    "prompt_tokens_details", "propertyNames", "query", "quality", "reasoning", "reasoning_content",
    "reasoning_tokens", "refusal", "requests", "response", "responseMimeType", "safetyRatings",
    "safetySettings", "safety_identifier", "seed", "sequence_number", "server_label", "source",
    "speed", "start_index", "stop", "stop_sequence", "stop_sequences", "store", "stream",
    "stream_options", "strict", "suffix", "summary", "summary_index", "system",
    "systemInstruction", "system_instruction", "temperature", "text", "thinking", "thinkingConfig",
    "title", "token", "toolConfig", "tool_calls", "tool_resources", "tools", "topK", "topP",
    "top_k", "top_logprobs", "top_p", "totalTokenCount", "total_tokens", "usage", "usageMetadata",
    "user", "user_location", "voice", "web_search_options"});
// clang-format on

static_assert(std::is_sorted(word_members.begin(), word_members.end()));
static_assert(std::is_sorted(identifier_members.begin(), identifier_members.end()));
static_assert(std::is_sorted(base64_members.begin(), base64_members.end()));
static_assert(std::is_sorted(free_members.begin(), free_members.end()));

constexpr std::size_t identifier_max = 256;
constexpr std::size_t base64_min = 256;  // shorter ones cost nothing to look at

bool identifier(std::string_view value) {
  return !value.empty() && value.size() <= identifier_max &&
         std::all_of(value.begin(), value.end(), [](char c) {
           return wire::is_alnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' ||
                  c == '.' || c == ':' || c == '/';
         });
}

/// All of it: alphabet, length and padding.
bool wholly_base64(std::string_view value) {
  if (value.starts_with("data:")) {
    constexpr std::string_view mark = ";base64,";
    const auto at = value.substr(0, 256).find(mark);
    if (at == std::string_view::npos || !identifier(value.substr(5, at - 5))) return false;
    value.remove_prefix(at + mark.size());
  }
  if (value.size() < base64_min) return false;
  std::size_t padding = 0;
  while (padding < 2 && value.ends_with('=')) {
    value.remove_suffix(1);
    ++padding;
  }
  if (padding > 0 && (value.size() + padding) % 4 != 0) return false;
  return value.size() % 4 != 1 && std::all_of(value.begin(), value.end(), [](char c) {
           return wire::is_alnum(static_cast<unsigned char>(c)) || c == '+' || c == '/' ||
                  c == '-' || c == '_';
         });
}

bool is_word(std::string_view value) {
  static const auto sorted = [] {
    auto list = words;
    std::sort(list.begin(), list.end());
    return list;
  }();
  if (holds(sorted, value)) return true;
  return std::any_of(event_words.begin(), event_words.end(), [&](std::string_view beginning) {
    return value.starts_with(beginning) && value.size() <= 64 && identifier(value);
  });
}

}  // namespace

Place place_of(std::string_view name, std::string_view value, bool free) {
  if (name == "arguments") return Place::json_text;
  if (holds(word_members, name) && is_word(value)) return Place::word;
  if (free) return Place::text;
  if (holds(identifier_members, name) && identifier(value)) return Place::identifier;
  if (value.size() >= base64_min && holds(base64_members, name) && wholly_base64(value)) {
    return Place::base64;
  }
  return Place::text;
}

bool opens_free(std::string_view name, unsigned depth) {
  if (name == "input") return depth > 1;  // of a tool's use; the outermost one is the prompt
  return holds(free_members, name);
}

bool protocol_name(std::string_view name) {
  static const auto sorted = [] {
    auto list = other_members;
    std::sort(list.begin(), list.end());
    return list;
  }();
  return holds(sorted, name) || holds(word_members, name) || holds(identifier_members, name) ||
         holds(base64_members, name) || holds(free_members, name);
}

}  // namespace hawser::dialect
