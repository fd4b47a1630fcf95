#include "stage/cache/cacheable.hpp"

#include <algorithm>

#include "base/json.hpp"

namespace hawser::stage::cache {
namespace {

/// Calls `each(element)` for the elements of an array; false where it is none, or `each` says so.
template <class Each>
bool all_of(std::string_view array, Each each) {
  JsonCursor cursor(array);
  if (!cursor.take('[')) return false;
  if (cursor.take(']')) return true;
  do {
    const std::size_t begin = cursor.at();
    if (!cursor.skip_value() || !each(cursor.since(begin))) return false;
  } while (cursor.take(','));
  return cursor.take(']');
}

/// Functions are the client's to run; web search, code interpreters and the like answer differently
/// each time, and cost.
bool client_runs(std::string_view tools) {
  return tools == "null" || all_of(tools, [](std::string_view tool) {
           const auto type = json_text(tool, "type");
           return type == "function" || type == "custom" ||
                  (!type && !json_member(tool, "name").empty());
         });
}

bool is_given(std::string_view value) {
  return value != "null" && value != "false" && value != "\"none\"";
}

bool text_only(std::string_view modalities) {
  return modalities == "null" ||
         all_of(modalities, [](std::string_view kind) { return kind == "\"text\""; });
}

struct Reader {
  dialect::Api api;
  Cacheability out{.possible = true};
  bool stored = false;
  bool store_said = false;

  void forbid(bool forbidden) { out.possible = out.possible && !forbidden; }

  void take(std::string_view name, std::string_view value) {
    if (name == "temperature") out.deterministic |= value == "0" || value == "0.0";
    if (name == "top_k") out.deterministic |= value == "1";
    if (name == "seed") out.deterministic |= value != "null";
    if (name == "store") {
      store_said = true;
      stored = is_given(value);
    }
    if (name == "background" || name == "previous_response_id" || name == "conversation" ||
        name == "web_search_options" || name == "audio" || name == "container" ||
        name == "mcp_servers") {
      forbid(is_given(value));
    }
    if (name == "tools") forbid(!client_runs(value));
    if (name == "modalities") forbid(!text_only(value));
    if (name == "max_tokens" || name == "max_completion_tokens" || name == "max_output_tokens") {
      out.bounded |= value != "null";
    }
    if (name == "stream_options") {
      out.with_usage = json_member(value, "include_usage") == "true";
    }
  }
};

}  // namespace

Cacheability cacheability_of(dialect::Api api, std::string_view tail, std::string_view body) {
  const bool moderation = tail == "/moderations";
  switch (api) {
    case dialect::Api::chat:
    case dialect::Api::completions:
    case dialect::Api::responses:
    case dialect::Api::messages:
    case dialect::Api::embeddings:
      break;
    default:
      if (!moderation) return {};
  }
  Reader reader{api};
  std::string scratch;
  const bool whole = for_each_member(body, [&](std::string_view name, std::string_view value) {
    scratch.clear();
    if (!decode_json_string(name, scratch)) return false;
    reader.take(scratch, value);
    return true;
  });
  if (!whole) return {};
  // Responses are stored unless the request says otherwise.
  const bool stored = reader.store_said ? reader.stored : api == dialect::Api::responses;
  reader.forbid(stored);
  if (moderation || api == dialect::Api::embeddings) reader.out.deterministic = true;
  return reader.out;
}

}  // namespace hawser::stage::cache
