#include "dialect/made_objects.hpp"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/json.hpp"
#include "base/json_scan.hpp"

namespace hawser::dialect {
namespace json = boost::json;
namespace {

using K = ObjectKind;

/// Gemini's names have their collection in front.
std::string_view without(std::string_view collection, std::string_view name) {
  return name.starts_with(collection) ? name.substr(collection.size()) : name;
}

/// Where in an answer something stands.
enum class Place : std::uint8_t {
  elsewhere,
  answer,  // the answer, or the "response" of an event
  items,   // a list of items
  item,
  entries,  // a list of what belongs to an object
  entry,
  file,       // that was put together
  parts,      // of an item's content, and their annotations
  resources,  // of an assistant or a thread
  choices,
  choice,
  message,
  sound,
  files  // a list of ids
};

class Made {
 public:
  Made(ObjectKind makes, bool entries,
       const std::function<void(ObjectKind, std::string_view)>& each)
      : makes_(makes), entries_(entries), each_(each) {}

  /// The answer's own id comes last: an event that has an item makes that alone.
  void finish() {
    if (makes_ != K::none && !of_item_ && !own_.empty()) each_(makes_, own_);
  }

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
    const Level& level = levels_[depth];
    if (level.place == Place::elsewhere) return true;
    std::string_view value = token.inner();
    if (token.escaped) {
      if (!decode_json_string(token.text, value_)) return false;
      value = value_;
    }
    take(level, value);
    return true;
  }
  bool scalar(const JsonToken&, unsigned) { return true; }
  bool open(char kind, unsigned depth, std::size_t) {
    const Level& outer = levels_[depth];
    Level& inner = levels_[depth + 1];
    inner.name = kind == '[' ? outer.name : std::string_view();
    inner.place = depth == 0 ? (kind == '{' ? Place::answer : Place::elsewhere)
                             : place_in(outer, kind == '{');
    if (depth == 1 && inner.place == Place::item) of_item_ = true;
    return true;
  }
  bool close(char, unsigned, std::size_t) { return true; }

 private:
  struct Level {
    std::string_view name{};
    std::string decoded{};
    Place place = Place::elsewhere;
  };

  Place place_in(const Level& outer, bool object) const {
    const std::string_view name = outer.name;
    switch (outer.place) {
      case Place::answer:
        if (object) {
          if (name == "response" || name == "conversation") {
            return name == "response" ? Place::answer : Place::elsewhere;
          }
          if (name == "item") return Place::item;
          if (name == "file") return Place::file;
          if (name == "annotation" || name == "part") return Place::parts;
          return name == "tool_resources" ? Place::resources : Place::elsewhere;
        }
        if (name == "output") return Place::items;
        if (name == "data" && entries_) return Place::entries;
        if (name == "result_files") return Place::files;
        return name == "choices" ? Place::choices : Place::elsewhere;
      case Place::items:
        return object ? Place::item : Place::elsewhere;
      case Place::item:
        return !object && name == "content" ? Place::parts : Place::elsewhere;
      case Place::entries:
        return object ? Place::entry : Place::elsewhere;
      case Place::parts:
        if (object) return Place::parts;  // an entry of the list
        return name == "annotations" ? Place::parts : Place::elsewhere;
      case Place::resources:
        return Place::resources;
      case Place::choices:
        return object ? Place::choice : Place::elsewhere;
      case Place::choice:
        return object && (name == "message" || name == "delta") ? Place::message : Place::elsewhere;
      case Place::message:
        return object && name == "audio" ? Place::sound : Place::elsewhere;
      case Place::elsewhere:
      case Place::entry:
      case Place::file:
      case Place::sound:
      case Place::files:
        return Place::elsewhere;
    }
    return Place::elsewhere;
  }

  void take(const Level& level, std::string_view value) {
    switch (level.place) {
      case Place::answer:
        if (level.name == "id") own_ = value;
        if (level.name == "name" && makes_ == K::cached_content) {
          each_(makes_, without("cachedContents/", value));
        }
        if (level.name == "output_file_id" || level.name == "error_file_id") each_(K::file, value);
        if (level.name == "thread_id") each_(K::thread, value);
        return;
      case Place::item:
        if (level.name == "id") each_(K::item, value);
        if (level.name == "container_id") each_(K::container, value);
        return;
      case Place::entry:
      case Place::sound:
        if (level.name == "id") each_(K::item, value);
        return;
      case Place::file:
        if (level.name == "id") each_(K::file, value);
        if (level.name == "name" && value.starts_with("files/")) each_(K::file, value.substr(6));
        return;
      case Place::parts:
        if (level.name == "container_id") each_(K::container, value);
        if (level.name == "file_id") each_(K::file, value);
        return;
      case Place::resources:
        if (level.name == "vector_store_ids") each_(K::vector_store, value);
        return;
      case Place::files:
        return each_(K::file, value);
      case Place::elsewhere:
      case Place::items:
      case Place::entries:
      case Place::choices:
      case Place::choice:
      case Place::message:
        return;
    }
  }

  ObjectKind makes_;
  bool entries_;
  const std::function<void(ObjectKind, std::string_view)>& each_;
  std::string own_;
  std::string value_;
  bool of_item_ = false;
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

void for_each_made(std::string_view text, ObjectKind makes, bool entries,
                   const std::function<void(ObjectKind kind, std::string_view id)>& each) {
  Made made(makes, entries, each);
  if (scan_json(text, made) == JsonFault::none) made.finish();
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
