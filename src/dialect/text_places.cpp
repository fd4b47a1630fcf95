#include "dialect/text_places.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "base/base64.hpp"
#include "base/utf8.hpp"
#include "wire/characters.hpp"

namespace hawser::dialect {
namespace {

template <std::size_t n>
bool holds(const std::array<std::string_view, n>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// clang-format off
/// Members of protocols' objects whose values are words.
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

/// Types in a JSON Schema; Gemini writes them in capitals.
constexpr auto schema_types = std::to_array<std::string_view>({
    "array", "boolean", "integer", "null", "number", "object", "string",
    "ARRAY", "BOOLEAN", "INTEGER", "NULL", "NUMBER", "OBJECT", "STRING"});

/// Beginnings of the names of streams' events.
constexpr auto event_words =
    std::to_array<std::string_view>({"response.", "transcript.", "thread."});

/// Members by which a protocol says what bytes are.
constexpr auto label_names = std::to_array<std::string_view>(
    {"type", "media_type", "mime_type", "mimeType", "format", "object"});
// clang-format on

constexpr std::size_t identifier_max = 256;
constexpr std::size_t label_max = 128;
constexpr std::size_t digits_min = 6;  // of a number that can be somebody's
constexpr std::size_t digits_max = 64;

bool identifier(std::string_view value) {
  return !value.empty() && value.size() <= identifier_max &&
         std::all_of(value.begin(), value.end(), [](char c) {
           return wire::is_alnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' ||
                  c == '.' || c == ':' || c == '/';
         });
}

bool is_word(std::string_view value) {
  static const auto sorted = [] {
    auto list = words;
    std::sort(list.begin(), list.end());
    return list;
  }();
  if (std::binary_search(sorted.begin(), sorted.end(), value)) return true;
  return std::any_of(event_words.begin(), event_words.end(), [&](std::string_view beginning) {
    return value.starts_with(beginning) && value.size() <= 64 && identifier(value);
  });
}

/// Where the base64 of a data: URL begins; npos: it is none.
std::size_t payload_at(std::string_view value) {
  if (!value.starts_with("data:")) return std::string_view::npos;
  constexpr std::string_view mark = ";base64,";
  const auto at = value.substr(0, 256).find(mark);
  return at == std::string_view::npos ? at : at + mark.size();
}

bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

int sextet_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  return c == '/' || c == '_' ? 63 : -1;
}

bool text_byte(unsigned char byte) {
  return byte >= ' ' ? byte != 0x7f : is_blank(static_cast<char>(byte)) || byte == '\f';
}

}  // namespace

bool Labels::tells(std::string_view name) {
  return holds(label_names, name);
}

void Labels::add(std::string_view name, std::string_view value) {
  if (told_.empty()) told_ = "|";
  const bool plain = value.size() <= label_max && value.find('|') == std::string_view::npos;
  told_.append(name).append("=").append(plain ? value : "").append("|");
}

bool Labels::has(std::string_view one) const {
  const auto equals = one.find('=');
  const std::string name = "|" + std::string(one.substr(0, equals)) + "=";
  const auto at = told_.find(name);
  // Two of one name: nobody knows which of them a reader takes.
  if (at == std::string::npos || told_.find(name, at + 1) != std::string::npos) return false;
  if (equals == std::string_view::npos) return told_[at + name.size()] != '|';
  return told_.compare(at + 1, one.size() + 1, std::string(one) + "|") == 0;
}

bool Labels::fulfil(std::string_view wanted) const {
  if (wanted.empty()) return true;
  while (!wanted.empty()) {
    const auto bar = std::min(wanted.find('|'), wanted.size());
    if (has(wanted.substr(0, bar))) return true;
    wanted.remove_prefix(std::min(bar + 1, wanted.size()));
  }
  return false;
}

bool needs_labels(const Member& member, std::string_view value) {
  if (member.kind != Kind::bytes && member.kind != Kind::opaque) return false;
  return !member.label.empty() && payload_at(value) == std::string_view::npos && is_base64(value);
}

Place place_of(Shape shape, const Member& member, std::string_view name, std::string_view value,
               const Labels& labels) {
  if (shape == Shape::free || shape == Shape::schema_map) return Place::text;
  if (shape == Shape::schema) {
    return name == "type" && holds(schema_types, value) ? Place::word : Place::text;
  }
  if (holds(word_members, name) && is_word(value)) return Place::word;
  switch (member.kind) {
    case Kind::text:
    case Kind::prompt:
      break;
    case Kind::identifier:
      if (identifier(value)) return Place::identifier;
      break;
    case Kind::bytes:
      if (const auto at = payload_at(value); at != std::string_view::npos) {
        return is_base64(value.substr(at)) ? Place::bytes : Place::text;
      }
      [[fallthrough]];
    case Kind::opaque:
      if (labels.fulfil(member.label) && is_base64(value)) return Place::bytes;
      break;
  }
  return Place::text;
}

bool holds_words(std::string_view name) {
  return holds(word_members, name);
}

bool is_base64(std::string_view value) {
  std::size_t size = 0, padding = 0;
  bool of_urls = false, of_mail = false;
  for (const char c : value) {
    if (is_blank(c)) continue;
    if (c == '=') {
      if (++padding > 2) return false;
      continue;
    }
    if (padding > 0 || sextet_of(c) < 0) return false;
    of_urls = of_urls || c == '-' || c == '_';
    of_mail = of_mail || c == '+' || c == '/';
    ++size;
  }
  if (size == 0 || (of_urls && of_mail)) return false;
  return size % 4 != 1 && (padding == 0 || (size + padding) % 4 == 0);
}

namespace {

std::string decoded_base64(std::string_view value) {
  std::string bytes;
  bytes.reserve(value.size() / 4 * 3 + 3);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : value) {
    const int sextet = sextet_of(c);
    if (sextet < 0) continue;  // blanks and padding
    bits = bits << 6 | static_cast<unsigned>(sextet);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count));
  }
  return bytes;
}

enum class Utf16 : std::uint8_t { none, little, big };

/// By its mark, or because every other byte is 0: Latin letters.
Utf16 utf16_of(std::string_view bytes) {
  if (bytes.starts_with("\xff\xfe")) return Utf16::little;
  if (bytes.starts_with("\xfe\xff")) return Utf16::big;
  std::array<std::size_t, 2> zeros{};
  for (std::size_t i = 0; i < bytes.size(); ++i) zeros[i % 2] += bytes[i] == '\0' ? 1 : 0;
  const std::size_t many = bytes.size() / 4;
  if (bytes.size() < 4 || (zeros[0] < many && zeros[1] < many)) return Utf16::none;
  if (zeros[0] == zeros[1]) return Utf16::none;
  return zeros[1] > zeros[0] ? Utf16::little : Utf16::big;
}

std::string text_of_utf16(std::string_view bytes, Utf16 order) {
  std::string text;
  std::uint32_t high = 0;  // the first half of a pair
  for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) {
    const auto first = static_cast<unsigned char>(bytes[at]);
    const auto second = static_cast<unsigned char>(bytes[at + 1]);
    const std::uint32_t unit = order == Utf16::little ? first | std::uint32_t{second} << 8
                                                      : std::uint32_t{first} << 8 | second;
    if (unit == 0xfeff || unit == 0) continue;  // zeros: halves of UTF-32
    if (unit >= 0xd800 && unit < 0xdc00) {
      high = unit;
    } else if (unit >= 0xdc00 && unit < 0xe000) {
      if (high != 0) append_utf8(text, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
      high = 0;
    } else {
      append_utf8(text, unit);
      high = 0;
    }
  }
  return text;
}

struct LaxText {
  std::string text{};
  std::size_t strange = 0;  // bytes that stand in no text
};
/// What is UTF-8 as it is, other bytes as Latin-1. A byte of a control stays where it is.
LaxText lax_text(std::string_view bytes) {
  LaxText out;
  out.text.reserve(bytes.size());
  while (!bytes.empty()) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    const std::size_t size = byte < 0x80 ? 1 : utf8_size(bytes);
    if (size == 0) append_utf8(out.text, byte);
    if (size > 0) out.text.append(bytes, 0, size);
    if (size == 0 || (byte < 0x80 && !text_byte(byte))) ++out.strange;
    bytes.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

/// Whether most bytes are such as stand in texts.
bool mostly_text(std::string_view bytes) {
  return utf16_of(bytes) != Utf16::none || lax_text(bytes).strange * 4 < bytes.size();
}

/// Whether a long one is no text at its beginning, in its middle nor at its end: most pictures and
/// sounds, which need not be decoded whole. How it begins says nothing: "ID3" is a word, too.
bool is_long_binary(std::string_view base64) {
  constexpr std::size_t window = 4'096;  // characters; those of whole groups of four
  const bool in_lines = base64.substr(0, window).find_first_of(" \t\r\n") != std::string_view::npos;
  if (base64.size() < 4 * window || in_lines) return false;
  for (const std::size_t at : {std::size_t{0}, base64.size() / 2, base64.size() - window}) {
    if (mostly_text(decoded_base64(base64.substr(at - at % 4, window)))) return false;
  }
  return true;
}

/// Of a media type, or of another word for a form.
bool says_text(std::string_view label) {
  constexpr std::string_view of_texts[] = {"text", "json",   "xml",      "yaml", "csv",
                                           "html", "script", "markdown", "toml", "sql"};
  // Such as application/vnd.openxmlformats-officedocument: packed, however they are called.
  constexpr std::string_view packed[] = {"openxmlformats", "opendocument", "+zip"};
  std::string lower(label);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  const auto holds_one_of = [&lower](const auto& list) {
    return std::any_of(std::begin(list), std::end(list), [&](std::string_view word) {
      return lower.find(word) != std::string::npos;
    });
  };
  return holds_one_of(of_texts) && !holds_one_of(packed);
}

}  // namespace

bool Labels::say_text() const {
  std::string_view rest = told_;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find('|'));
    const auto equals = one.find('=');
    if (equals != std::string_view::npos && one.substr(0, equals) != "type" &&
        one.substr(0, equals) != "object" && says_text(one.substr(equals + 1))) {
      return true;
    }
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
  }
  return false;
}

std::optional<std::string> text_of_bytes(std::string_view value, const Labels& labels) {
  bool labelled = labels.say_text();
  if (const auto at = payload_at(value); at != std::string_view::npos) {
    labelled = labelled || says_text(value.substr(0, at));
    value.remove_prefix(at);
  }
  if (!labelled && is_long_binary(value)) return std::nullopt;
  const std::string bytes = decoded_base64(value);
  if (bytes.empty()) return std::nullopt;
  if (const Utf16 order = utf16_of(bytes); order != Utf16::none) {
    auto text = lax_text(text_of_utf16(bytes, order));
    if (labelled || text.strange * 4 < text.text.size()) return std::move(text.text);
  }
  auto text = lax_text(bytes);
  if (!labelled && text.strange * 4 >= bytes.size()) return std::nullopt;
  return std::move(text.text);
}

std::string with_text(std::string_view value, std::string_view text) {
  const auto at = payload_at(value);
  std::string out(value.substr(0, at == std::string_view::npos ? 0 : at));
  append_base64(out, text);
  return out;
}

std::optional<std::string> whole_digits(std::string_view number) {
  const bool negative = number.starts_with('-');
  if (negative) number.remove_prefix(1);
  const auto mark = std::min(number.find_first_of("eE"), number.size());
  const std::string_view mantissa = number.substr(0, mark);
  std::string_view power = number.substr(std::min(mark + 1, number.size()));
  if (power.starts_with('+')) power.remove_prefix(1);
  long exponent = 0;
  if (!power.empty()) {
    const auto [end, error] = std::from_chars(power.data(), power.data() + power.size(), exponent);
    if (error != std::errc{} || end != power.data() + power.size()) return std::nullopt;
  }
  std::string digits;
  const auto point = std::min(mantissa.find('.'), mantissa.size());
  digits.append(mantissa.substr(0, point));
  digits.append(mantissa.substr(std::min(point + 1, mantissa.size())));
  const auto behind = static_cast<long>(digits.size() - point);
  if (exponent > 1'000 || exponent < -100'000'000) return std::nullopt;
  for (long shift = exponent - behind; shift != 0; shift += shift < 0 ? 1 : -1) {
    if (shift > 0) {
      digits.push_back('0');
      if (digits.size() > 2 * digits_max + mantissa.size()) return std::nullopt;
    } else if (digits.empty() || digits.back() != '0') {
      return std::nullopt;
    } else {
      digits.pop_back();
    }
  }
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  if (digits.size() < digits_min) return std::nullopt;
  return (negative ? "-" : "") + digits;
}

}  // namespace hawser::dialect
