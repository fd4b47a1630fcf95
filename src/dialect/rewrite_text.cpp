#include "dialect/rewrite_text.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <vector>

#include "base/json.hpp"
#include "base/json_scan.hpp"
#include "base/plain_escapes.hpp"
#include "dialect/text_places.hpp"

namespace hawser::dialect {
namespace {

constexpr std::size_t bytes_min = 256;  // shorter ones cost nothing to look at
// Of JSON in a string of JSON: each level needs twice the backslashes of the one around it.
constexpr unsigned nested_max = 32;

/// Outermost members that are lists of token numbers and no prompt. Any other list there is one.
constexpr std::array<std::string_view, 5> harmless_lists{
    "allowed_token_ids", "bad_words_ids", "eos_token_id", "logit_bias", "stop_token_ids"};

/// Outermost members whose texts are for people or for the model: they decide nothing.
bool is_free_text(std::string_view name) {
  constexpr std::string_view names[] = {
      "user",  "safety_identifier", "instructions", "system", "suffix",   "stop",
      "query", "documents",         "prompt",       "input",  "contents", "texts",
      "text",  "negative_prompt",   "metadata"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool is_integer(std::string_view scalar) {
  return scalar.find_first_not_of("-0123456789") == std::string_view::npos;
}
bool is_number(std::string_view scalar) {
  return scalar.front() == '-' || (scalar.front() >= '0' && scalar.front() <= '9');
}

bool has_escapes(std::string_view text) {
  return text.find("\\u") != std::string_view::npos || text.find("\\/") != std::string_view::npos;
}
bool opens_json(std::string_view text) {
  const auto at = text.find_first_not_of(" \t\r\n");
  return at != std::string_view::npos && (text[at] == '{' || text[at] == '[');
}

/// How a body is read.
enum class Manner : std::uint8_t {
  whole,   // all of it is there
  nested,  // it stood in a string: only what its own text does not show is looked at
  event    // of a stream: each token once, in its order
};

/// Gives each text to the change as the scan meets it.
class Rewriter {
 public:
  /// @param nested  how many strings it stands in
  /// @param at      where the outermost of them begins
  Rewriter(Shape root, Manner manner, std::string_view source, const ChangeText& change,
           unsigned nested = 0, std::size_t at = 0, bool fixed = false)
      : source_(source),
        change_(change),
        manner_(manner),
        nested_(nested),
        outermost_at_(at),
        fixed_(fixed) {
    levels_.resize(2);
    levels_[1].shape = root;
  }

  bool name(const JsonToken& token, unsigned depth) {
    Level& level = levels_[depth];
    level.name = token.inner();
    if (token.escaped) {
      if (!decode_json_string(token.text, level.decoded)) return false;
      level.name = level.decoded;
    }
    level.member = member_of(level.shape, level.name);
    const bool shown = manner_ == Manner::nested && !token.escaped;
    if (!level.member.known && !shown) look(token, level.name, level.name, nested_ == 0 || fixed_);
    return true;
  }
  bool string(const JsonToken& token, unsigned depth) {
    std::string_view value = token.inner();
    if (token.escaped) {
      if (!decode_json_string(token.text, value_)) return false;
      value = value_;
    }
    note_label(depth, value);
    const Level& level = levels_[depth];
    const Level& object = levels_[level.object];
    if (is_embedding(depth) && !value.empty()) note_unread();
    if (manner_ != Manner::event && needs_labels(level.member, value)) {
      waiting_.push_back({level.object, token, level.member, std::string(level.name)});
    } else {
      take(token, value, level, level.member, level.name, object.labels);
    }
    return true;
  }
  bool scalar(const JsonToken& token, unsigned depth) {
    note_label(depth, {});
    if (!is_number(token.text)) return true;
    const Level& level = levels_[depth];
    if (level.member.kind == Kind::prompt || is_embedding(depth)) {
      note_unread();
    } else if (level.list && level.of_stranger && is_integer(token.text)) {
      note_unread();
    }
    if (level.member.number) return true;
    if (manner_ == Manner::nested && is_integer(token.text)) return true;
    if (const auto digits = whole_digits(token.text)) {
      look(token, *digits, level.name, is_fixed(level, level.member, level.name));
    }
    return true;
  }
  /// An array's entries go by the name of the array.
  bool open(char kind, unsigned depth, std::size_t) {
    note_label(depth, {});
    if (levels_.size() < depth + 2) levels_.emplace_back();
    const Level& outer = levels_[depth];
    Level& inner = levels_[depth + 1];
    inner.list = kind == '[';
    inner.of_stranger = outer.of_stranger || (depth == 1 && is_stranger(outer));
    inner.unknown = outer.unknown || is_unknown(outer, depth);
    inner.member = outer.member;
    if (kind == '[') {
      inner.shape = depth == 0 ? inner.shape : outer.shape;
      inner.name = outer.name;
      inner.object = outer.object;
      return true;
    }
    if (depth > 0) inner.shape = outer.list && depth == 1 ? outer.shape : outer.member.inside;
    inner.name = {};
    inner.member = {};
    inner.object = depth + 1;
    inner.labels.clear();
    return true;
  }
  bool close(char kind, unsigned depth, std::size_t) {
    if (kind != '{') return true;
    while (!waiting_.empty() && waiting_.back().object == depth + 1) {
      const Waiting bytes = std::move(waiting_.back());
      waiting_.pop_back();
      if (!decode_json_string(bytes.token.text, value_)) return false;
      const Level& level = levels_[depth + 1];
      take(bytes.token, value_, level, bytes.member, bytes.name, level.labels);
    }
    return true;
  }

  Rewritten result() {
    Rewritten out{std::nullopt, std::move(unread_member_)};
    if (edits_.empty()) return out;
    // Bytes were looked at when their object ended.
    std::sort(edits_.begin(), edits_.end(),
              [](const Edit& a, const Edit& b) { return a.at < b.at; });
    std::string& json = out.json.emplace();
    std::size_t copied = 0;
    for (const Edit& edit : edits_) {
      json.append(source_.substr(copied, edit.at - copied));
      append_json_string(json, edit.text);
      copied = edit.at + edit.size;
    }
    json.append(source_.substr(copied));
    return out;
  }

 private:
  /// What stands in one container. Names are views into the source, or into `decoded` of a level
  /// further out: that one stays until its container has ended.
  struct Level {
    std::string_view name{};
    std::string decoded{};
    Shape shape = Shape::free;  // of the object; of an array, of the one that it is a member of
    Member member{};            // of the name
    Labels labels{};
    unsigned object = 1;  // level of the nearest object
    bool list = false;
    bool of_stranger = false;  // below an outermost member that may hold token numbers
    bool unknown = false;      // below an outermost member that no protocol defines
  };
  struct Waiting {
    unsigned object;
    JsonToken token;
    Member member;
    std::string name;
  };
  struct Edit {
    std::size_t at;
    std::size_t size;
    std::string text;
  };

  void note_label(unsigned depth, std::string_view value) {
    Level& level = levels_[depth];
    if (depth != level.object || level.shape == Shape::free) return;
    if (Labels::tells(level.name)) level.labels.add(level.name, value);
  }

  void take(const JsonToken& token, std::string_view value, const Level& level,
            const Member& member, std::string_view name, const Labels& labels) {
    const bool fixed = is_fixed(level, member, name);
    switch (place_of(level.shape, member, name, value, labels)) {
      case Place::text:
        if (manner_ != Manner::nested || token.escaped) {
          if (look(token, value, name, fixed)) break;
        }
        // Nothing says that it is bytes, but whoever takes it there reads them.
        if (member.kind == Kind::bytes && is_base64(value)) {
          look_into_bytes(token, value, name, labels, fixed);
        }
        break;
      case Place::word:
      case Place::identifier:
        break;
      case Place::bytes:
        look_at_bytes(token, value, name, labels, fixed);
        break;
    }
  }

  void look_at_bytes(const JsonToken& token, std::string_view value, std::string_view name,
                     const Labels& labels, bool fixed) {
    if (value.size() < bytes_min && look(token, value, name, fixed)) return;
    look_into_bytes(token, value, name, labels, fixed);
  }

  void look_into_bytes(const JsonToken& token, std::string_view value, std::string_view name,
                       const Labels& labels, bool fixed) {
    const auto text = text_of_bytes(value, labels);
    if (!text) return;
    if (manner_ == Manner::event) {
      if (value.size() >= bytes_min) look(token, value, name, fixed);
      return;
    }
    const auto changed = changed_text(*text, name, place_in_source(token), fixed);
    if (changed) edit(token, with_text(value, *changed));
  }

  /// @return whether it was changed
  bool look(const JsonToken& token, std::string_view value, std::string_view name, bool fixed) {
    auto changed = changed_text(value, name, place_in_source(token), fixed);
    if (!changed) return false;
    edit(token, std::move(*changed));
    return true;
  }

  std::optional<std::string> changed_text(std::string_view value, std::string_view name,
                                          std::size_t at, bool fixed) {
    std::optional<std::string> inner;
    std::string out;
    if (manner_ == Manner::event) {
      const bool json =
          name == "arguments" || (has_escapes(value) && opens_json(value) && is_json(value));
      if (change_({value, json, name, at, fixed}, out)) return out;
      return std::nullopt;
    }
    if (opens_json(value) && nested_ < nested_max) {
      inner = changed_inside(value, at, fixed);
    }
    const std::string_view text = inner ? std::string_view(*inner) : value;
    if (change_({text, has_own_escapes(text), name, at, fixed}, out)) return out;
    return inner;
  }

  std::optional<std::string> changed_inside(std::string_view value, std::size_t at, bool fixed) {
    const std::string plain = with_plain_escapes(value);
    if (plain.find_first_of("\\.eE") == std::string::npos) return std::nullopt;  // all is shown
    Rewriter inside(Shape::free, Manner::nested, plain, change_, nested_ + 1, at, fixed);
    if (scan_json(plain, inside) != JsonFault::none) return std::nullopt;
    return inside.result().json;
  }

  std::size_t place_in_source(const JsonToken& token) const {
    if (manner_ == Manner::nested) return outermost_at_;
    return static_cast<std::size_t>(token.text.data() - source_.data());
  }
  void edit(const JsonToken& token, std::string text) {
    const auto at = static_cast<std::size_t>(token.text.data() - source_.data());
    edits_.push_back({at, token.text.size(), std::move(text)});
  }

  bool is_unknown(const Level& level, unsigned depth) const {
    return depth == 1 && level.shape != Shape::free && level.shape != Shape::any_answer &&
           !level.member.known;
  }
  /// FoundText::fixed of a value.
  bool is_fixed(const Level& level, const Member& member, std::string_view name) const {
    if (fixed_ || level.unknown) return true;
    if (level.shape == Shape::free) return false;
    if (member.kind == Kind::identifier || holds_words(name)) return true;
    return level.object == 1 && member.kind != Kind::prompt && !is_free_text(name);
  }

  /// An outermost member of a request that no protocol defines: a list of numbers there may be a
  /// prompt for a server that we do not know.
  bool is_stranger(const Level& level) const {
    return level.shape != Shape::free && level.shape != Shape::any_answer && !level.member.number &&
           std::find(harmless_lists.begin(), harmless_lists.end(), level.name) ==
               harmless_lists.end();
  }
  /// A prompt as the vectors of a model.
  bool is_embedding(unsigned depth) const {
    return depth >= 1 && levels_[1].name.ends_with("_embeds") && is_stranger(levels_[1]);
  }
  void note_unread() {
    if (unread_member_.empty()) unread_member_ = levels_[1].name;
  }

  std::string_view source_;
  const ChangeText& change_;
  Manner manner_;
  unsigned nested_;
  std::size_t outermost_at_;
  bool fixed_;  // so is what it stands in
  std::string value_;
  std::string unread_member_{};
  std::vector<Edit> edits_{};
  std::vector<Waiting> waiting_{};
  std::deque<Level> levels_{};  // by depth; they stay where they are
};

}  // namespace

bool has_own_escapes(std::string_view text) {
  return opens_json(text) || has_escapes(text);
}

namespace {

Result<Rewritten> rewrite(Shape root, Manner manner, std::string_view json,
                          const ChangeText& change) {
  Rewriter rewriter(root, manner, json, change);
  if (scan_json(json, rewriter) != JsonFault::none) {
    return Error{.code = Code::invalid_request, .message = "The body is not JSON."};
  }
  return rewriter.result();
}

}  // namespace

Result<Rewritten> rewrite_texts(Shape root, std::string_view json, const ChangeText& change) {
  return rewrite(root, Manner::whole, json, change);
}

Result<std::optional<std::string>> rewrite_texts(std::string_view json, const ChangeText& change) {
  auto rewritten = rewrite(Shape::any_answer, Manner::event, json, change);
  if (!rewritten) return rewritten.error();
  return std::move(rewritten->json);
}

}  // namespace hawser::dialect
