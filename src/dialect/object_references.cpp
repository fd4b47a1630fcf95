#include "dialect/object_references.hpp"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <optional>

#include "base/json.hpp"
#include "base/json_scan.hpp"

namespace hawser::dialect {
namespace json = boost::json;
namespace {

using K = ObjectKind;

struct Member {
  std::string_view name;
  ObjectKind kind;
};
/// Members whose text, or each text of whose list, is an id.
constexpr Member members[] = {{"previous_response_id", K::response},
                              {"response_id", K::response},
                              {"conversation", K::conversation},
                              {"conversation_id", K::conversation},
                              {"file_id", K::file},
                              {"file_ids", K::file},
                              {"input_file_id", K::file},
                              {"output_file_id", K::file},
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
                              {"cached_content", K::cached_content}};
/// Objects whose "id" is an id.
constexpr Member parents[] = {{"conversation", K::conversation}, {"container", K::container}};

template <std::size_t n>
ObjectKind kind_in(const Member (&list)[n], std::string_view name) {
  for (const Member& member : list) {
    if (member.name == name) return member.kind;
  }
  return K::none;
}

class References {
 public:
  explicit References(const std::function<void(ObjectKind, std::string_view)>& each)
      : each_(each) {}

  bool name(const JsonToken& token, unsigned depth) {
    Level& level = levels_[depth];
    level.name = token.inner();
    if (token.escaped) {
      if (!decode_json_string(token.text, level.decoded)) return false;
      level.name = level.decoded;
    }
    return true;
  }
  bool string(const JsonToken& token, unsigned depth) {
    Level& level = levels_[depth];
    std::string_view value = token.inner();
    if (token.escaped) {
      if (!decode_json_string(token.text, value_)) return false;
      value = value_;
    }
    if (const ObjectKind kind = kind_in(members, level.name); kind != K::none) {
      each_(kind, value);
    } else if (level.name == "id") {
      if (level.id_kind != K::none) each_(level.id_kind, value);
      level.id = value;
    } else if (level.name == "type") {
      level.type = value;
      // An item without a type, or of this one, stands for one that the provider keeps.
      level.whole = level.whole || value != "item_reference";
    }
    return true;
  }
  bool scalar(const JsonToken&, unsigned) { return true; }
  bool open(char kind, unsigned depth, std::size_t) {
    const Level& outer = levels_[depth];
    Level& inner = levels_[depth + 1];
    inner.name = kind == '[' ? outer.name : std::string_view();
    inner.id_kind = kind == '{' ? kind_in(parents, outer.name) : K::none;
    inner.item = kind == '{' && depth == 2 && (outer.name == "input" || outer.name == "items");
    inner.source = kind == '{' && outer.name == "source";
    inner.whole = false;
    inner.id.clear();
    inner.type.clear();
    return true;
  }
  bool close(char, unsigned depth, std::size_t) {
    const Level& inner = levels_[depth + 1];
    if (inner.item && !inner.whole && !inner.id.empty()) each_(K::item, inner.id);
    if (inner.type == "file_id" && !inner.id.empty()) each_(K::file, inner.id);
    // Of an evaluation: all that the account stores, whoever made it.
    if (inner.source && inner.type == "stored_completions") each_(K::chat, every_object);
    if (inner.source && inner.type == "responses") each_(K::response, every_object);
    return true;
  }

 private:
  struct Level {
    std::string_view name{};
    std::string decoded{};
    std::string id{};              // the object's
    std::string type{};            // the object's
    ObjectKind id_kind = K::none;  // of the object's "id"
    bool item = false;             // an entry of the outermost "input"
    bool source = false;           // of data, of an evaluation
    bool whole = false;            // it is an item itself
  };

  const std::function<void(ObjectKind, std::string_view)>& each_;
  std::string value_;
  std::array<Level, json_depth_max + 1> levels_{};
};

const json::value* member(const json::value* value, std::string_view name) {
  return value != nullptr && value->is_object() ? value->get_object().if_contains(name) : nullptr;
}

std::string_view id_of(const json::value* object) {
  const json::value* id = member(object, "id");
  return id != nullptr && id->is_string() ? std::string_view(id->get_string()) : std::string_view();
}

}  // namespace

bool names_object(std::string_view field) {
  while (field.ends_with(']')) {
    const auto open = field.rfind('[');
    if (open == std::string_view::npos) break;
    const std::string_view inner = field.substr(open + 1, field.size() - open - 2);
    if (kind_in(members, inner) != K::none) return true;
    field = field.substr(0, open);
  }
  return kind_in(members, field) != K::none;
}

bool for_each_reference(std::string_view body,
                        const std::function<void(ObjectKind kind, std::string_view id)>& each) {
  References references(each);
  return scan_json(body, references) == JsonFault::none;
}

void for_each_made(std::string_view text, ObjectKind makes,
                   const std::function<void(ObjectKind kind, std::string_view id)>& each) {
  boost::system::error_code error;
  const json::value answer = json::parse(text, error);
  if (error) return;
  const json::value* const item = member(&answer, "item");          // of an event
  const json::value* const response = member(&answer, "response");  // of an event
  const json::value* const made = response != nullptr ? response : &answer;
  if (item == nullptr) {
    if (const auto id = id_of(made); !id.empty()) each(makes, id);
  } else if (const auto id = id_of(item); !id.empty()) {
    each(K::item, id);
  }
  if (const auto id = id_of(member(made, "file")); !id.empty()) each(K::file, id);
  const json::value* output = member(made, "output");
  if (output == nullptr || !output->is_array()) return;
  for (const json::value& entry : output->get_array()) {
    if (const auto id = id_of(&entry); !id.empty()) each(K::item, id);
  }
}

std::optional<std::string> filter_list(std::string_view text,
                                       const std::function<bool(std::string_view id)>& keep) {
  boost::system::error_code error;
  json::value list = json::parse(text, error);
  if (error || !list.is_object()) return std::nullopt;
  json::value* data = list.get_object().if_contains("data");
  if (data == nullptr || !data->is_array()) return std::nullopt;
  json::array kept;
  for (json::value& entry : data->get_array()) {
    if (keep(id_of(&entry))) kept.push_back(std::move(entry));
  }
  // The cursors would tell the ids of what was taken out.
  for (const auto& [name, entry] : {std::pair("first_id", kept.empty() ? nullptr : &kept.front()),
                                    std::pair("last_id", kept.empty() ? nullptr : &kept.back())}) {
    if (!list.get_object().contains(name)) continue;
    list.get_object()[name] = entry == nullptr ? json::value() : json::value(id_of(entry));
  }
  list.get_object()["data"] = std::move(kept);
  return json::serialize(list);
}

}  // namespace hawser::dialect
