#include "dialect/object_references.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

#include "base/json.hpp"
#include "base/json_scan.hpp"
#include "base/name_table.hpp"

namespace hawser::dialect {
namespace {

using K = ObjectKind;

/// What a member's name says of the values in it.
struct Member {
  std::string_view name;
  ObjectKind kind = K::none;    // its text, or each text of its list, is an id of one
  ObjectKind parent = K::none;  // it is an object whose "id" is an id of one, though it is none
  bool may_be_id = false;  // it holds bytes, an address, a name or an id: where it looks like one
};
constexpr auto members =
    exact_names(std::to_array<Member>({{"previous_response_id", K::response},
                                       {"response_id", K::response},
                                       {"conversation", K::conversation},
                                       {"conversation_id", K::conversation},
                                       {"file_id", K::file},
                                       {"file_ids", K::file},
                                       {"input_file_id", K::batch_input},
                                       {"output_file_id", K::file},
                                       {"result_files", K::file},
                                       {"training_file", K::file},
                                       {"validation_file", K::file},
                                       {"upload_id", K::upload},
                                       {"batch_id", K::batch},
                                       {"thread_id", K::thread},
                                       {"assistant_id", K::assistant},
                                       {"vector_store_id", K::vector_store},
                                       {"vector_store_ids", K::vector_store},
                                       {"container", K::container},
                                       {"container_id", K::container},
                                       {"video_id", K::video},
                                       {"eval_id", K::eval},
                                       {"skill_id", K::skill},
                                       {"cachedContent", K::cached_content},
                                       {"cached_content", K::cached_content},
                                       {"agent_id", K::assistant},
                                       {"library_ids", K::vector_store},
                                       {"collection_ids", K::vector_store},
                                       {"fileSearchStoreNames", K::vector_store},
                                       {"file_search_store_names", K::vector_store},
                                       {.name = "audio", .parent = K::item},
                                       {.name = "characters", .parent = K::item},
                                       {.name = "video", .parent = K::video, .may_be_id = true},
                                       {.name = "image", .may_be_id = true},
                                       {.name = "images", .may_be_id = true},
                                       {.name = "reference_images", .may_be_id = true},
                                       {.name = "input_reference", .may_be_id = true},
                                       {.name = "mask", .may_be_id = true},
                                       {.name = "voice", .may_be_id = true},
                                       {.name = "file", .may_be_id = true}}));
constexpr Member no_member{};

const Member& member_of(std::string_view name) {
  const Member* const member = members.find(name);
  return member == nullptr ? no_member : *member;
}

struct Form {
  std::string_view begin;
  ObjectKind kind;
};
/// How ids begin that providers give.
constexpr Form forms[] = {{"file-", K::file},       {"file_", K::file},
                          {"cfile_", K::file},      {"assistant-", K::file},
                          {"resp_", K::response},   {"conv_", K::conversation},
                          {"vs_", K::vector_store}, {"batch_", K::batch},
                          {"msgbatch_", K::batch},  {"asst_", K::assistant},
                          {"thread_", K::thread},   {"cntr_", K::container},
                          {"skill_", K::skill},     {"container_", K::container},
                          {"video_", K::video},     {"upload_", K::upload},
                          {"eval_", K::eval},       {"ftjob-", K::fine_tune},
                          {"msg_", K::item},        {"rs_", K::item},
                          {"ig_", K::item},         {"fc_", K::item},
                          {"fco_", K::item},        {"ctc_", K::item},
                          {"ctco_", K::item},       {"ws_", K::item},
                          {"fs_", K::item},         {"ci_", K::item},
                          {"cu_", K::item},         {"cuo_", K::item},
                          {"lsh_", K::item},        {"lsho_", K::item},
                          {"sh_", K::item},         {"sho_", K::item},
                          {"apc_", K::item},        {"apco_", K::item},
                          {"mcp_", K::item},        {"mcpl_", K::item},
                          {"mcpr_", K::item},       {"mcpa_", K::item},
                          {"cmp_", K::item},        {"tsc_", K::item},
                          {"tso_", K::item},        {"run_", K::item},
                          {"step_", K::item},       {"char_", K::item},
                          {"audio_", K::item}};
/// Items that a request brings whole: a provider need not look their ids up. Others, and those
/// without a type, stand for what it keeps.
constexpr std::string_view whole_items[] = {"message",
                                            "function_call",
                                            "function_call_output",
                                            "custom_tool_call",
                                            "custom_tool_call_output",
                                            "computer_call_output",
                                            "shell_call_output",
                                            "local_shell_call_output",
                                            "apply_patch_call_output",
                                            "mcp_approval_response"};
/// Ids by which the parts of a conversation name each other.
constexpr std::string_view within[] = {"call_id", "tool_call_id", "tool_use_id", "custom_id"};

template <std::size_t n>
bool stands_in(const std::string_view (&list)[n], std::string_view name) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

/// What an id of a known form is of.
ObjectKind kind_of_id(std::string_view id) {
  for (const Form& form : forms) {
    if (id.size() > form.begin.size() && id.starts_with(form.begin)) return form.kind;
  }
  return K::none;
}

bool holds_ids(std::string_view name) {
  return (name == "id" || name.ends_with("_id") || name.ends_with("_ids")) &&
         !stands_in(within, name);
}
bool holds_uri(std::string_view name) {
  return name == "fileUri" || name == "file_uri";
}

/// Alibaba's and Moonshot's, in texts and in the addresses of pictures.
constexpr std::array<std::string_view, 2> file_schemes{"fileid://", "ms://"};

/// Whether a text that stands there so may begin with one of them, however it is escaped.
bool begins_as_uri(std::string_view raw) {
  return !raw.empty() && (raw.front() == 'f' || raw.front() == 'm' || raw.front() == '\\');
}

/// Without the collection in front of it: "cachedContents/x", "projects/p/cachedContents/x".
std::string_view last_of(std::string_view collection, std::string_view name) {
  const auto at = name.rfind(collection);
  const bool whole = at != std::string_view::npos && (at == 0 || name[at - 1] == '/');
  return whole ? name.substr(at + collection.size()) : name;
}

/// The file that a "fileUri" means. Nothing: an address of the web, which anybody can read.
std::optional<std::string_view> file_of_uri(std::string_view uri) {
  const bool tls = uri.starts_with("https://");
  if (!tls && !uri.starts_with("http://")) return last_of("files/", uri);
  std::string_view rest = uri.substr(tls ? 8 : 7);
  std::string host(rest.substr(0, rest.find_first_of("/?#")));
  rest.remove_prefix(host.size());
  const std::string_view path = rest.substr(0, rest.find_first_of("?#"));
  host.resize(std::min(host.find(':'), host.size()));
  while (host.ends_with('.')) host.pop_back();
  bool plain = !host.empty();
  for (char& c : host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    plain = plain && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.');
  }
  const auto files = path.find("/files/");
  const bool versioned =
      files != std::string_view::npos && path.substr(0, files).find("/v") != std::string_view::npos;
  const bool of_account = host.ends_with("googleapis.com") || versioned;
  if (plain && !of_account) return std::nullopt;
  if (files == std::string_view::npos) return uri;
  const std::string_view id = path.substr(files + 7);
  return id.substr(0, id.find_first_of("/:"));
}

class References {
 public:
  References(const ReferenceRules& rules,
             const std::function<void(ObjectKind, std::string_view)>& each)
      : rules_(rules), each_(each) {
    levels_.reserve(8);
  }

  bool ambiguous() const { return ambiguous_; }

  bool name(const JsonToken& token, unsigned depth) {
    if (free_) return true;
    Level& here = level(depth);
    here.name = token.inner();
    if (token.escaped) {
      if (!decode_json_string(token.text, decoded_name(depth))) return false;
      here.name = decoded_name(depth);
    }
    here.member = &member_of(here.name);
    here.matters = matters(here);
    ambiguous_ = rules_.stored && !is_new(here);
    return !ambiguous_;
  }
  bool string(const JsonToken& token, unsigned depth) {
    if (free_) return true;
    Level& here = level(depth);
    const bool may_be_uri = begins_as_uri(token.inner());
    if (!here.matters && !may_be_uri) return true;
    std::string_view value = token.inner();
    if (token.escaped) {
      if (!decode_json_string(token.text, value_)) return false;
      value = value_;
    }
    if (may_be_uri) take_uris(value);
    if (here.matters) take(here, value);
    return true;
  }
  bool scalar(const JsonToken& token, unsigned depth) {
    const bool number = token.text.front() == '-' || (token.text.front() <= '9');
    if (free_ || !number) return true;
    const Level& here = level(depth);
    const ObjectKind kind = here.name == "id" ? here.id_kind : here.member->kind;
    if (kind != K::none) each_(kind, token.text);
    return true;
  }
  bool open(char kind, unsigned depth, std::size_t) {
    if (free_) return true;
    Level& inner = level(depth + 1);  // first: it may move the others
    const Level& outer = level(depth);
    if (is_users_own(outer, kind, depth)) {
      free_ = depth;
      return true;
    }
    const bool object = kind == '{';
    inner.own = outer.name;
    inner.name = object ? std::string_view() : outer.name;
    inner.member = object ? &no_member : outer.member;
    inner.in_one_that_may_be_id = outer.member->may_be_id;
    inner.id_kind = outer.id_kind;
    if (object) {
      const Member& own = *outer.member;
      inner.id_kind = own.kind != K::none ? own.kind : own.parent;
    }
    inner.item = object && rules_.stored && (outer.name == "input" || outer.name == "items");
    inner.source = object && outer.name == "source";
    inner.names = names_.size();
    inner.many.reset();
    inner.id.clear();
    inner.type.clear();
    inner.matters = matters(inner);
    return true;
  }
  bool close(char, unsigned depth, std::size_t) {
    if (free_) {
      if (*free_ == depth) free_.reset();
      return true;
    }
    const Level& inner = level(depth + 1);
    names_.resize(inner.names);
    if (inner.item && !inner.id.empty()) {
      const ObjectKind form = kind_of_id(inner.id);
      if (form != K::none) each_(form, inner.id);
      if (form == K::none && !stands_in(whole_items, inner.type)) each_(K::item, inner.id);
    }
    if (inner.type == "file_id" && !inner.id.empty()) each_(K::file, inner.id);
    // Of an evaluation: all that the account stores, whoever made it.
    if (inner.source && inner.type == "stored_completions") each_(K::chat, every_object);
    if (inner.source && inner.type == "responses") each_(K::response, every_object);
    return true;
  }

 private:
  struct Level {
    std::string_view name{};             // of the member, or of the list's
    std::string_view own{};              // of the member that the container is the value of
    const Member* member = &no_member;   // what its name says
    bool in_one_that_may_be_id = false;  // what `own` says
    bool matters = false;                // texts that stand in it are looked at
    std::string id{};                    // the object's
    std::string type{};                  // the object's
    ObjectKind id_kind = K::none;        // of the object's "id"
    bool item = false;                   // of an "input" or "items"
    bool source = false;                 // of data, of an evaluation
    std::size_t names = 0;               // where the object's begin
    std::unique_ptr<std::unordered_set<std::size_t>> many{};  // the same, where they are many
  };

  bool matters(const Level& level) const {
    return level.member->kind != K::none || may_be_id(level) || level.name == "id" ||
           level.name == "type" || holds_uri(level.name) ||
           (rules_.stored && holds_ids(level.name));
  }
  static bool may_be_id(const Level& level) {
    return level.member->may_be_id || level.in_one_that_may_be_id;
  }

  bool is_users_own(const Level& outer, char kind, unsigned depth) const {
    if (depth == 1 && kind == '{' && outer.name == "metadata") return true;
    if (rules_.tool_inputs && outer.name == "input" && outer.own == "content") return true;
    if (!rules_.gemini) return false;
    return (outer.name == "args" &&
            (outer.own == "functionCall" || outer.own == "function_call")) ||
           (outer.name == "response" &&
            (outer.own == "functionResponse" || outer.own == "function_response"));
  }

  /// Whether no member of the object has the name already. Two names of one hash are refused too.
  bool is_new(Level& level) {
    constexpr std::size_t few = 32;
    const std::size_t hash = std::hash<std::string_view>()(level.name);
    const auto begin = names_.begin() + static_cast<std::ptrdiff_t>(level.names);
    const auto end = names_.end();
    if (!level.many && static_cast<std::size_t>(end - begin) >= few) {
      level.many = std::make_unique<std::unordered_set<std::size_t>>(begin, end);
    }
    const bool known =
        level.many ? !level.many->insert(hash).second : std::find(begin, end, hash) != end;
    names_.push_back(hash);
    return !known;
  }

  Level& level(std::size_t depth) {
    if (levels_.size() <= depth) levels_.resize(depth + 1);
    return levels_[depth];
  }
  /// Where the name under way at that depth is kept, if it was escaped.
  std::string& decoded_name(std::size_t depth) {
    if (decoded_names_.size() <= depth) decoded_names_.resize(depth + 1);
    auto& name = decoded_names_[depth];
    if (!name) name = std::make_unique<std::string>();
    return *name;
  }
  /// Texts that some providers read as files of theirs, wherever they stand: one or several.
  void take_uris(std::string_view value) {
    for (const std::string_view scheme : file_schemes) {
      if (!value.starts_with(scheme)) continue;
      for (std::string_view rest = value; !rest.empty();) {
        const auto size = std::min(rest.find_first_of(", \t\r\n"), rest.size());
        const std::string_view one = rest.substr(0, size);
        if (one.starts_with(scheme)) each_(K::file, one.substr(scheme.size()));
        rest.remove_prefix(std::min(size + 1, rest.size()));
      }
    }
  }
  void take(Level& level, std::string_view value) {
    if (level.name == "type") level.type = value;
    if (level.name == "id") {
      level.id = value;
      if (level.id_kind != K::none) return each_(level.id_kind, value);
      if (level.item) return;  // its type tells
    }
    if (holds_uri(level.name)) {
      if (const auto file = file_of_uri(value)) each_(K::file, *file);
      return;
    }
    if (const ObjectKind kind = level.member->kind; kind != K::none) {
      return each_(kind, kind == K::cached_content ? last_of("cachedContents/", value)
                                                   : last_of("fileSearchStores/", value));
    }
    if (value.size() < 128 && may_be_id(level)) {
      if (const ObjectKind kind = kind_of_id(value); kind != K::none) return each_(kind, value);
    }
    if (!rules_.stored || !holds_ids(level.name)) return;
    if (const ObjectKind kind = kind_of_id(value); kind != K::none) each_(kind, value);
  }

  const ReferenceRules& rules_;
  const std::function<void(ObjectKind, std::string_view)>& each_;
  std::string value_;
  std::vector<std::unique_ptr<std::string>> decoded_names_;  // by depth
  std::vector<std::size_t> names_;  // hashes, of the objects that are open, the outermost first
  std::optional<unsigned> free_{};  // the depth that what is the user's own stands at
  bool ambiguous_ = false;
  std::vector<Level> levels_{};  // as deep as it went
};

}  // namespace

ReferenceRules reference_rules(const Endpoint& endpoint) {
  using enum Operation;
  const Operation operation = endpoint.operation();
  ReferenceRules rules;
  rules.tool_inputs =
      operation == messages || operation == count_tokens || operation == message_batches;
  rules.gemini = endpoint.match.model.size > 0 && endpoint.dialect == Dialect::gemini;
  rules.stored = operation == responses || operation == compact_response ||
                 operation == count_response_tokens ||
                 (endpoint.traits().stateful && operation != message_batches);
  return rules;
}

bool names_object(std::string_view field) {
  const auto names = [](std::string_view part) {
    return part == "id" || holds_uri(part) || member_of(part).kind != K::none;
  };
  while (field.ends_with(']')) {
    const auto open = field.rfind('[');
    if (open == std::string_view::npos) break;
    if (names(field.substr(open + 1, field.size() - open - 2))) return true;
    field = field.substr(0, open);
  }
  return names(field);
}

ReferencesRead for_each_reference(
    std::string_view body, const ReferenceRules& rules,
    const std::function<void(ObjectKind kind, std::string_view id)>& each) {
  References references(rules, each);
  if (scan_json(body, references) == JsonFault::none) return ReferencesRead::all;
  return references.ambiguous() ? ReferencesRead::ambiguous : ReferencesRead::not_json;
}

}  // namespace hawser::dialect
