#include "dialect/request_peek.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "base/json.hpp"
#include "base/json_scan.hpp"
#include "base/name_table.hpp"
#include "dialect/canonical_name.hpp"
#include "dialect/count.hpp"
#include "dialect/other_models.hpp"
#include "dialect/token_texts.hpp"

namespace hawser::dialect {
namespace {

constexpr std::size_t members_max = 256;       // of the outermost object
constexpr std::size_t inner_members_max = 64;  // of one that is looked into
constexpr std::uint32_t choices_max = 0xffff;  // what is beyond counts as so many

// Members that a policy or a provider acts on.
constexpr auto known_members = exact_names(std::to_array<std::string_view>({"audio",
                                                                            "background",
                                                                            "best_of",
                                                                            "cachedcontent",
                                                                            "contents",
                                                                            "conversation",
                                                                            "deferred",
                                                                            "documents",
                                                                            "file",
                                                                            "file_id",
                                                                            "functions",
                                                                            "generationconfig",
                                                                            "image",
                                                                            "input",
                                                                            "input_file_id",
                                                                            "instructions",
                                                                            "max_completion_tokens",
                                                                            "max_output_tokens",
                                                                            "max_tokens",
                                                                            "mcp_servers",
                                                                            "messages",
                                                                            "metadata",
                                                                            "modalities",
                                                                            "model",
                                                                            "n",
                                                                            "options",
                                                                            "parallel_tool_calls",
                                                                            "previous_response_id",
                                                                            "prompt",
                                                                            "query",
                                                                            "reasoning",
                                                                            "response_format",
                                                                            "safety_identifier",
                                                                            "seed",
                                                                            "service_tier",
                                                                            "stop",
                                                                            "store",
                                                                            "stream",
                                                                            "stream_options",
                                                                            "suffix",
                                                                            "system",
                                                                            "systeminstruction",
                                                                            "temperature",
                                                                            "text",
                                                                            "thinking",
                                                                            "tool_choice",
                                                                            "tools",
                                                                            "user",
                                                                            "web_search_options"}));
static_assert(known_members.size() <= 64);  // a bit each

// Gemini writes some of them with a capital in the middle.
constexpr std::array<std::string_view, 4> camel_members{"cachedContent", "generationConfig",
                                                        "systemInstruction", "toolChoice"};

Error not_json(JsonFault fault) {
  std::string why = "it must be one JSON object";
  if (fault == JsonFault::depth) why = "it is nested too deeply";
  if (fault == JsonFault::encoding) why = "it is not UTF-8";
  return {.code = Code::invalid_request,
          .message = "We could not parse the JSON body of your request: " + why + "."};
}
Error not_a(const char* field, const char* type) {
  return {.code = Code::invalid_request,
          .message = std::string("Invalid type for '") + field + "': expected " + type + ".",
          .param = field};
}

bool plain_name(std::string_view name) {
  return std::none_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
  });
}

/// Whether a lax reader takes the name, which is none of them, for one that matters.
bool looks_like_known(std::string_view name) {
  if (plain_name(name)) return false;
  if (std::find(camel_members.begin(), camel_members.end(), name) != camel_members.end()) {
    return false;
  }
  std::string lower;
  return known_members.has(folded(name, Separators::kept, lower));
}

std::uint32_t hash_of(std::string_view name) {
  std::uint32_t hash = 2166136261u;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

/// Outermost members whose own members are looked at.
bool is_looked_into(std::string_view name) {
  return name == "stream_options" || name == "generationConfig" || name == "generation_config";
}

/// Members of members that are looked at.
enum class Inner : std::uint8_t { none, include_usage, candidates, output_max };

struct InnerName {
  std::string_view name;
  Inner is;
  bool option;  // of stream_options; else of Gemini's configuration
};
constexpr InnerName inner_names[] = {{"include_usage", Inner::include_usage, true},
                                     {"candidateCount", Inner::candidates, false},
                                     {"candidate_count", Inner::candidates, false},
                                     {"maxOutputTokens", Inner::output_max, false},
                                     {"max_output_tokens", Inner::output_max, false}};

// So a member that is known as it stands needs no look at how else it could be read.
static_assert(std::none_of(known_members.begin(), known_members.end(), [](std::string_view name) {
  return other_model_names.has(name) || other_place_names.has(name) || token_text_names.has(name) ||
         name.find("logprob") != std::string_view::npos;
}));

/// Outermost members whose own members are the user's: a "model" in them is a word.
bool is_users_own(std::string_view name) {
  constexpr std::string_view names[] = {"contents", "documents", "input",      "labels",
                                        "messages", "metadata",  "modalities", "prompt"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

/// Takes the facts from the outermost members as the scan meets them.
class Peek {
 public:
  Peek(std::string_view body, RequestFacts& facts, PeekMode mode)
      : body_(body), facts_(facts), mode_(mode) {}

  bool name(const JsonToken& token, unsigned depth) {
    if (depth > 3 || (depth == 3 && name_ != "tools")) return true;
    std::string_view& name = depth == 1 ? name_ : inner_name_;
    name = token.inner();
    if (token.escaped) {
      std::string& decoded = depth == 1 ? decoded_ : inner_decoded_;
      if (!decode_json_string(token.text, decoded)) return false;
      name = decoded;
    }
    if (depth == 1) return outermost_name();
    canonical_name(inner_name_, canonical_);
    if (depth == 3) {
      note_other_model();
      return true;
    }
    if (name_ != "metadata") note_token_texts(inner_name_);
    if (!is_users_own(name_)) note_other_model(name_ == "extra_body");
    return !is_looked_into(name_) || note_inner();
  }
  bool string(const JsonToken& token, unsigned depth) {
    take_token_texts(token.text, depth);
    if (depth <= 2 && name_ == "include") {
      facts_.logprobs = facts_.logprobs || token.escaped ||
                        names_token_texts(canonical_name(token.inner(), canonical_));
    }
    if (depth == 2 && prompts_listed_) ++prompts_;
    if (depth == 1 && name_ == "response_format" &&
        (token.escaped || repeats_texts(token.inner()))) {
      facts_.logprobs = true;
    }
    if (name_ == "modalities" && (token.escaped || token.inner() == "audio")) facts_.speaks = true;
    if (depth == 2) take_inner(token.text);
    if (depth != 1) return depth > 1 || object_missing();
    if (name_ == "model") return take_model(token);
    if (runs_on()) facts_.background = true;  // whatever a lax reader takes for a yes
    take_count(token.text);
    if (name_ == "stream") return wrong(not_a("stream", "a boolean"));
    if (name_ == "safety_identifier" || (name_ == "user" && facts_.user.empty())) {
      facts_.user = token.text;
    }
    return true;
  }
  bool scalar(const JsonToken& token, unsigned depth) {
    take_token_texts(token.text, depth);
    if (depth == 2) take_inner(token.text);
    if (depth != 1) return depth > 1 || object_missing();
    return take_scalar(token.text);
  }
  bool open(char kind, unsigned depth, std::size_t) {
    if (depth == 0 && kind != '{') return object_missing();
    take_token_texts("{", depth);
    if (depth == 2 && prompts_listed_ && kind == '[') ++prompts_;
    if (depth == 2) take_inner({});
    if (depth != 1) return true;
    take_count({});
    if (runs_on()) facts_.background = true;
    prompts_listed_ = kind == '[' && name_ == "prompt";
    if (name_ == "model") return wrong(not_a("model", "a string"));
    return name_ != "stream" || wrong(not_a("stream", "a boolean"));
  }
  bool close(char, unsigned depth, std::size_t) {
    if (depth == 1) {
      inner_ = Inner::none;
      prompts_listed_ = false;
    }
    return true;
  }
  /// Each prompt of a list is answered on its own.
  void count_choices() {
    const std::uint64_t all = std::uint64_t{facts_.choices} * std::max<std::uint32_t>(prompts_, 1);
    facts_.choices = static_cast<std::uint16_t>(std::min<std::uint64_t>(all, choices_max));
  }
  /// By the name of its API: what a provider does not know it does not keep to.
  void choose_output_max(AnswerFormat format) {
    switch (format) {
      case AnswerFormat::chat:
      case AnswerFormat::completions:
      case AnswerFormat::messages:
        facts_.output_max = maxima_.chat;
        break;
      case AnswerFormat::responses:
        facts_.output_max = maxima_.responses;
        break;
      case AnswerFormat::gemini:
        facts_.output_max = maxima_.gemini;
        break;
      case AnswerFormat::other:
        facts_.output_max = std::max({maxima_.chat, maxima_.responses, maxima_.gemini});
        break;
    }
  }

  std::optional<Error> error{};

 private:
  /// Whether the member says that the answer is made when nobody waits for it: OpenAI's, xAI's.
  bool runs_on() const { return name_ == "background" || name_ == "deferred"; }

  bool outermost_name() {
    inner_members_ = 0;
    inner_ = Inner::none;
    token_texts_ = false;
    if (const auto* known = known_members.find(name_)) {
      const auto bit = std::uint64_t{1} << static_cast<unsigned>(known - known_members.begin());
      if ((known_seen_ & bit) != 0) return duplicate();
      known_seen_ |= bit;
      if (name_ == "audio") facts_.speaks = true;
      return true;
    }
    canonical_name(name_, canonical_);
    note_token_texts(name_);
    if (other_model_names.has(canonical_)) facts_.other_models = true;
    if (other_place_names.has(canonical_)) facts_.other_places = true;
    return note_unknown();
  }

  /// Of the outermost object, and of those right in it, such as Gemini's generationConfig.
  void note_token_texts(std::string_view name) {
    token_texts_ = names_token_texts(canonical_);
    if (token_texts_) token_name_ = name;
  }
  void take_token_texts(std::string_view value, unsigned depth) {
    if (!token_texts_ || depth > 2) return;
    token_texts_ = false;
    if (!asks_for_none(token_name_, value)) facts_.logprobs = true;
  }
  /// A model that a part of the request asks for: a tool's, a transcription's.
  /// @param outermost  some servers take it as if it stood outermost
  void note_other_model(bool outermost = false) {
    const bool other = canonical_ == "model" || (outermost && other_model_names.has(canonical_));
    facts_.other_models = facts_.other_models || other;
  }
  bool object_missing() {
    error = not_json(JsonFault::syntax);
    return false;
  }
  bool wrong(Error found) {
    if (mode_ == PeekMode::unknown) return true;
    error = std::move(found);
    return false;
  }

  /// Nobody may read another one than we do.
  bool note_inner() {
    inner_ = Inner::none;
    const std::uint32_t hash = hash_of(canonical_);
    const auto end = inner_hashes_.begin() + static_cast<std::ptrdiff_t>(inner_members_);
    if (std::find(inner_hashes_.begin(), end, hash) != end) {
      return refuse_inner("Duplicate field '" + name_of_inner() + "' in the request body.");
    }
    if (inner_members_ == inner_members_max) {
      return refuse_inner("'" + std::string(name_) + "' has more than 64 fields.");
    }
    inner_hashes_[inner_members_++] = hash;
    for (const auto& [name, is, option] : inner_names) {
      std::string same;
      if (option != (name_ == "stream_options") || canonical_ != canonical_name(name, same)) {
        continue;
      }
      inner_ = is;
      if (inner_name_ == name) return true;
    }
    if (inner_ == Inner::none) return true;
    return refuse_inner("Unknown field '" + name_of_inner() +
                        "': it differs from a known field only in its spelling.");
  }
  std::string name_of_inner() const { return std::string(name_) + "." + std::string(inner_name_); }
  bool refuse_inner(std::string message) {
    error = Error{
        .code = Code::invalid_request, .message = std::move(message), .param = name_of_inner()};
    return false;
  }

  bool duplicate() {
    error = Error{.code = Code::invalid_request,
                  .message = "Duplicate field '" + std::string(name_) + "' in the request body.",
                  .param = std::string(name_)};
    return false;
  }
  bool note_unknown() {
    // Gemini takes both for the same.
    const bool snake = name_ == "generation_config";
    const std::uint32_t hash = hash_of(snake ? "generationConfig" : name_);
    const auto end = hashes_.begin() + static_cast<std::ptrdiff_t>(members_);
    if (std::find(hashes_.begin(), end, hash) != end) return duplicate();
    if (members_ == members_max) {
      error = Error{.code = Code::invalid_request,
                    .message = "The request body has more than 256 fields."};
      return false;
    }
    hashes_[members_++] = hash;
    if (!looks_like_known(name_)) return true;
    error = Error{.code = Code::invalid_request,
                  .message = "Unknown field '" + std::string(name_) +
                             "': it differs from a known field only in upper and lower case.",
                  .param = std::string(name_)};
    return false;
  }

  bool take_model(const JsonToken& token) {
    if (!decode_json_string(token.text, facts_.model)) return object_missing();
    facts_.has_model = true;
    facts_.model_at = static_cast<std::uint32_t>(token.text.data() - body_.data());
    facts_.model_size = static_cast<std::uint32_t>(token.text.size());
    return true;
  }

  bool take_scalar(std::string_view value) {
    if (name_ == "model") return value == "null" || wrong(not_a("model", "a string"));
    if (name_ == "stream") {
      facts_.stream = value == "true";
      return facts_.stream || value == "false" || value == "null" ||
             wrong(not_a("stream", "a boolean"));
    }
    take_count(value);
    if (runs_on() && value != "false" && value != "null") facts_.background = true;
    if (name_ == "store") facts_.stores = value == "true";
    return true;
  }
  /// A count that stands outermost. @param value  empty: an object or a list
  void take_count(std::string_view value) {
    if (name_ == "n" || name_ == "best_of")
      take_choices(value, name_ == "n" ? CountName::n : CountName::best_of);
    if (name_ == "max_tokens" || name_ == "max_completion_tokens") {
      take_output_max(value, maxima_.chat);
    }
    if (name_ == "max_output_tokens") take_output_max(value, maxima_.responses);
  }
  void take_inner(std::string_view value) {
    if (inner_ == Inner::include_usage) facts_.usage_asked = value == "true";
    if (inner_ == Inner::candidates) take_choices(value, CountName::candidates);
    if (inner_ == Inner::output_max) take_output_max(value, maxima_.gemini);
    inner_ = Inner::none;
  }
  /// Of several names the larger counts: which one the provider goes by is not known.
  static void take_output_max(std::string_view value, std::uint32_t& most) {
    most = std::max(most, read_count(value).value_or(0));
  }
  void take_choices(std::string_view value, CountName name) {
    if (value == "null") return;
    const auto read = read_count(value);
    if (!read) facts_.unread_count = name;
    const std::uint32_t count = std::min(read.value_or(0), choices_max);
    facts_.choices = std::max(facts_.choices, static_cast<std::uint16_t>(count));
  }

  std::string_view body_;
  RequestFacts& facts_;
  PeekMode mode_;
  std::string_view name_{};  // of the outermost member under way
  std::string decoded_{};    // the same, where it was escaped
  std::string canonical_{};  // of the name that was read last
  struct OutputMaxima {
    std::uint32_t chat = 0;       // max_tokens, max_completion_tokens
    std::uint32_t responses = 0;  // max_output_tokens
    std::uint32_t gemini = 0;     // generationConfig.maxOutputTokens
  } maxima_{};
  Inner inner_ = Inner::none;      // what the next value of a member's member is
  std::string_view inner_name_{};  // of the member's member under way
  std::string inner_decoded_{};
  std::size_t inner_members_ = 0;
  std::array<std::uint32_t, inner_members_max> inner_hashes_;  // as hashes_
  std::string token_name_{};
  bool token_texts_ = false;  // the next value says whether token_name_ is asked for
  bool prompts_listed_ = false;
  std::uint32_t prompts_ = 0;
  std::uint64_t known_seen_ = 0;                   // a bit each of known_members
  std::size_t members_ = 0;                        // that are not known
  std::array<std::uint32_t, members_max> hashes_;  // of their names; uninitialised behind members_
};

}  // namespace

bool decide_alike(const RequestFacts& a, const RequestFacts& b) {
  return a.has_model == b.has_model && a.model == b.model && a.output_max == b.output_max &&
         a.choices == b.choices && a.stream == b.stream && a.usage_asked == b.usage_asked &&
         a.stores == b.stores && a.speaks == b.speaks && a.logprobs == b.logprobs &&
         a.background == b.background && a.other_models == b.other_models &&
         a.other_places == b.other_places && a.unread_count == b.unread_count;
}

std::string_view name_of(CountName name) {
  switch (name) {
    case CountName::none:
      return "";
    case CountName::n:
      return "n";
    case CountName::best_of:
      return "best_of";
    case CountName::candidates:
      return "candidateCount";
  }
  return "";
}

Result<> peek_request(std::string_view body, RequestFacts& facts, PeekMode mode,
                      AnswerFormat format) {
  facts = RequestFacts{};
  if (body.size() > std::numeric_limits<std::uint32_t>::max()) {
    return Error{.code = Code::too_large, .message = "The JSON body is larger than 4 GiB."};
  }
  Peek peek(body, facts, mode);
  const JsonFault fault = scan_json(body, peek);
  if (peek.error) return *peek.error;
  if (fault != JsonFault::none) return not_json(fault);
  peek.count_choices();
  peek.choose_output_max(format);
  return {};
}

}  // namespace hawser::dialect
