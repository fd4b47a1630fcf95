#include "dialect/stream_event.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/json.hpp"
#include "base/json_scan.hpp"
#include "dialect/json_walk.hpp"
#include "dialect/rewrite_text.hpp"
#include "dialect/text_fingerprint.hpp"
#include "wire/characters.hpp"

namespace hawser::dialect {

namespace {

constexpr std::size_t simple_max = 256;    // bytes of a member's value
constexpr std::uint32_t simples_max = 16;  // of an object
constexpr std::size_t all_simples_max = 64 * 1024;
constexpr std::size_t frame_max = 4096;  // bytes of an event that is made for one text
constexpr std::size_t kept_max = 4096;   // entries whose memory is kept for the next event

constexpr std::array<std::string_view, 4> root_indexes = {"index", "output_index", "content_index",
                                                          "summary_index"};

/// Members of deltas in which models write on and on.
bool runs_on(std::string_view name) {
  static constexpr std::string_view names[] = {
      "content",   "text",     "arguments",  "partial_json", "reasoning_content",
      "reasoning", "thinking", "transcript", "refusal",      "input",
      "summary",   "delta",    "output",     "code",         "answer"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

/// Members of deltas that say the same in each event.
bool repeats(std::string_view name) {
  static constexpr std::string_view names[] = {"type",   "role",   "id",
                                               "format", "status", "obfuscation"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool named_like_json(std::string_view name, std::string_view type) {
  return name == "arguments" || name == "partial_json" ||
         (name == "delta" && type.ends_with("_arguments.delta"));
}

/// What an `index` says; whatever spells the same number is the same.
std::uint64_t index_of(std::string_view token) {
  if (token == "null" || token == "true" || token == "false") return 0;
  std::string text;
  if (is_string(token) && !decode_json_string(token, text)) return 0;
  const std::string_view number = is_string(token) ? std::string_view(text) : token;
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  const bool whole = error == std::errc{} && end == number.data() + number.size() && value >= 0 &&
                     value < 1e15 && value == std::floor(value);
  return whole ? static_cast<std::uint64_t>(value) : TextFingerprint::of(number);
}

bool shaped_like_an_id(std::string_view text) {
  return text.size() <= 256 && std::all_of(text.begin(), text.end(), [](char c) {
           return wire::is_alnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' ||
                  c == '.' || c == ':' || c == '/';
         });
}

std::string_view trimmed(std::string_view text) {
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  return text;
}

bool ends_stream(std::string_view type) {
  return type == "response.completed" || type == "response.incomplete" ||
         type == "response.failed" || type == "message_stop" || type == "error";
}

/// Memory that one long event took does not stay with its stream.
template <class Entries>
void empty(Entries& entries) {
  if (entries.capacity() > kept_max) Entries().swap(entries);
  entries.clear();
}

}  // namespace

void StreamEvent::write(std::string_view type, std::string_view data, std::string& out) const {
  const std::size_t before = out.size();
  if (fields.has_type) out.append("event: ").append(type).append("\n");
  if (fields.has_id) out.append("id: ").append(fields.id).append("\n");
  if (fields.has_retry) out.append("retry: ").append(fields.retry).append("\n");
  if (fields.has_data) {
    for (std::string_view rest = data;;) {
      const auto end = std::min(rest.find('\n'), rest.size());
      out.append("data: ").append(rest.substr(0, end)).append("\n");
      if (end == rest.size()) break;
      rest.remove_prefix(end + 1);
    }
  }
  if (out.size() == before) out.append(":\n");
  out.append("\n");
}

/// Builds the nodes of an event's data, and says which of them holds each text.
class EventScan {
 public:
  explicit EventScan(EventReader& reader)
      : reader_(reader), data_(reader.event_.fields.data), texts_(reader.event_.texts) {}

  bool name(const JsonToken& token, unsigned depth) {
    Level& level = levels_[depth];
    level.name_token = token.text;
    level.name = token.inner();
    if (token.escaped) {
      std::string decoded;
      if (!decode_json_string(token.text, decoded)) return false;
      level.name = reader_.decoded_.emplace_back(std::move(decoded));
    }
    names_.push_back(TextFingerprint::of_name(level.name));
    take_text(token, level.node, {});
    return true;
  }
  bool string(const JsonToken& token, unsigned depth) { return value(token, depth, true); }
  bool scalar(const JsonToken& token, unsigned depth) { return value(token, depth, false); }

  bool open(char kind, unsigned depth, std::size_t) {
    auto& nodes = reader_.nodes_;
    if (nodes.size() == EventReader::nodes_max || (depth == 0 && kind == '[')) return false;
    const Level& outer = levels_[depth];
    EventReader::Node node;
    node.list = kind == '[';
    node.parent = depth == 0 ? 0 : outer.node;
    if (depth > 0 && !nodes[outer.node].list) node.name = outer.name;
    // Objects without an index are taken for one after the other, as parts of a content are.
    if (depth > 0 && nodes[outer.node].list && node.list) node.index = nodes[outer.node].entries;
    if (depth > 0) ++nodes[outer.node].entries;
    Level& inner = levels_[depth + 1];
    inner.node = static_cast<std::uint32_t>(nodes.size());
    inner.names = names_.size();
    inner.name = {};
    nodes.push_back(node);
    return true;
  }
  /// A name that comes twice is read in two ways by two programs.
  bool close(char kind, unsigned depth, std::size_t) {
    const auto begin = names_.begin() + static_cast<std::ptrdiff_t>(levels_[depth + 1].names);
    if (kind == '{') {
      std::sort(begin, names_.end());
      twice_ = twice_ || std::adjacent_find(begin, names_.end()) != names_.end();
    }
    names_.erase(begin, names_.end());
    return !twice_;
  }

  bool twice() const { return twice_; }
  /// Whether each text was met again.
  bool whole() const { return next_ == texts_.size() && !reader_.nodes_.empty(); }

 private:
  struct Level {
    std::uint32_t node = 0;
    std::size_t names = 0;  // where those of the object begin
    std::string_view name_token{}, name{};
  };

  bool take_text(const JsonToken& token, std::uint32_t node, std::string_view name) {
    if (next_ == texts_.size()) return false;
    EventText& text = texts_[next_];
    if (text.at != static_cast<std::size_t>(token.text.data() - data_.data())) return false;
    ++next_;
    text.size = token.text.size();
    text.node = node;
    text.name = name;
    return true;
  }

  bool value(const JsonToken& token, unsigned depth, bool is_string) {
    if (depth == 0) return false;  // no object
    const Level& level = levels_[depth];
    auto& node = reader_.nodes_[level.node];
    const bool is_text = take_text(token, level.node, node.list ? std::string_view() : level.name);
    if (node.list) {
      if (is_text) texts_[next_ - 1].channel = node.entries;
      ++node.entries;
      return true;
    }
    if (depth == 1) take_root(token, level.name, is_text, is_string);
    if (level.name == "index") {
      node.index = index_of(token.text);
    } else if (level.name == "finish_reason") {
      node.finished = says_something(token.text);
    }
    if (!is_text) keep(node, level, token.text);
    return true;
  }

  void take_root(const JsonToken& token, std::string_view name, bool is_text, bool is_string) {
    for (std::size_t i = 0; i < root_indexes.size(); ++i) {
      if (name == root_indexes[i]) reader_.root_index_[i] = index_of(token.text);
    }
    if (name != "type" || !is_string) return;
    reader_.type_is_text_ = is_text;
    if (!decode_json_string(token.text, reader_.type_)) reader_.type_.clear();
  }

  void keep(EventReader::Node& node, const Level& level, std::string_view value) {
    auto& simples = reader_.simples_;
    const bool fits = value.size() + level.name_token.size() <= simple_max &&
                      node.count < simples_max && simples.size() < all_simples_max;
    if (!fits) return;
    // An event that is made of this one must not end what it continues.
    if (level.name == "finish_reason" || level.name == "stop_reason") value = "null";
    simples.push_back({level.name_token, value, node.simples});
    node.simples = static_cast<std::uint32_t>(simples.size());
    ++node.count;
  }

  EventReader& reader_;
  std::string_view data_;
  std::vector<EventText>& texts_;
  std::size_t next_ = 0;  // of the texts
  std::vector<std::uint64_t> names_{};
  bool twice_ = false;
  std::array<Level, json_depth_max + 1> levels_{};
};

const StreamEvent& EventReader::read(std::string_view frame) {
  empty(event_.texts);
  event_.ends.clear();
  event_.ends_all = false;
  event_.plain = true;
  decoded_.clear();
  if (std::exchange(first_, false) && frame.starts_with("\xEF\xBB\xBF")) {
    frame.remove_prefix(3);
    event_.plain = false;
  }
  event_.fields = wire::frame_fields(frame, scratch_);
  event_.plain = event_.plain && event_.fields.comments;
  if (!event_.fields.known || !shaped_like_an_id(event_.fields.id)) {
    fail("a field of an event is unknown");
    return event_;
  }
  type_.clear();
  type_is_text_ = false;
  const std::string_view data = event_.fields.data;
  if (trimmed(data) == "[DONE]") {
    event_.kind = EventKind::done;
    event_.ends_all = true;
    read_type();
    return event_;
  }
  event_.kind = event_.fields.has_data ? EventKind::texts : EventKind::silent;
  if (!data.empty()) read_data();
  if (event_.kind != EventKind::unreadable) read_type();
  return event_;
}

void EventReader::read_data() {
  const std::string_view data = event_.fields.data;
  bool too_many = false;
  const auto read = rewrite_texts(data, [&](const FoundText& found, std::string&) {
    too_many = too_many || event_.texts.size() == texts_max;
    if (too_many) return false;
    EventText text;
    const bool in_data = !found.text.empty() && found.text.data() >= data.data() &&
                         found.text.data() < data.data() + data.size();
    text.text = in_data ? found.text : std::string_view(decoded_.emplace_back(found.text));
    text.at = found.at;
    text.json = found.json;
    event_.texts.push_back(text);
    return false;
  });
  if (!read) return fail("an event is not a JSON object");
  if (too_many) return fail("an event holds too many texts");
  empty(nodes_);
  empty(simples_);
  std::fill(std::begin(root_index_), std::end(root_index_), 0);
  EventScan scan(*this);
  const auto fault = scan_json(data, scan);
  if (scan.twice()) return fail("an event names a member twice");
  if (nodes_.size() == nodes_max) return fail("an event holds too many objects");
  if (fault != JsonFault::none || !scan.whole()) return fail("an event is not a JSON object");
  place_nodes();
  for (auto& text : event_.texts) place_text(text);
}

/// The event's own type is judged where it is another than the data's.
void EventReader::read_type() {
  const auto& fields = event_.fields;
  if (!fields.has_type || fields.type.empty()) return;
  if (!type_is_text_ && fields.type == type_) return;
  EventText text;
  text.text = fields.type;
  text.channel = TextFingerprint::of("event");
  event_.texts.push_back(text);
}

void EventReader::place_root() {
  Node& root = nodes_.front();
  TextFingerprint place;
  const std::string_view type =
      type_.empty() && event_.fields.has_type ? event_.fields.type : std::string_view(type_);
  switch (api_) {
    case Api::responses:
    case Api::response: {
      // "response.output_text.delta" and "response.output_text.done" are of one text.
      const auto dot = std::min(type.rfind('.'), type.size());
      place.append(TextFingerprint::of_name(type.substr(0, dot)));
      for (const auto index : root_index_) place.append(index);
      if (type.substr(dot) == ".done") event_.ends.push_back(place.value());
      break;
    }
    case Api::messages:
      place.append(root_index_[0]);
      if (type == "content_block_stop") event_.ends.push_back(place.value());
      break;
    case Api::chat:
    case Api::completions:
    case Api::embeddings:
    case Api::models:
    case Api::generations:
    case Api::other:
      break;
  }
  event_.ends_all = ends_stream(type);
  root.channel = root.end = place.value();
  root.path = TextFingerprint::of("path");
}

void EventReader::place_nodes() {
  place_root();
  const bool chunks = api_ == Api::chat || api_ == Api::completions;
  for (std::size_t i = 1; i < nodes_.size(); ++i) {  // parents stand before what is in them
    Node& node = nodes_[i];
    const Node& parent = nodes_[node.parent];
    const auto step = TextFingerprint::of_name(node.name);
    node.channel = TextFingerprint::of(parent.channel, parent.list ? node.index : step);
    node.path = TextFingerprint::of(parent.path, step);
    node.end = parent.end;
    node.in_delta = parent.in_delta || node.name == "delta";
    if (chunks && parent.list && parent.parent == 0 && parent.name == "choices" && !node.list) {
      node.choice = true;
      node.end = node.channel;
      if (node.finished) event_.ends.push_back(node.end);
    }
  }
}

Growth EventReader::growth_of(const EventText& text, const Node& node) const {
  // What stands in a list goes by the name of the list.
  const Node* named = &node;
  while (text.name.empty() && named->name.empty() && named != nodes_.data()) {
    named = &nodes_[named->parent];
  }
  const std::string_view name = text.name.empty() ? named->name : text.name;
  const bool in_delta = node.in_delta || text.name == "delta";
  const std::string_view type = type_.empty() ? event_.fields.type : std::string_view(type_);
  const bool typed = api_ == Api::responses || api_ == Api::response || api_ == Api::messages;
  if (typed && !type.ends_with(".delta") && type != "content_block_delta") return Growth::whole;
  if (!in_delta && !(node.choice && name == "text")) return Growth::whole;
  if (repeats(name)) return Growth::whole;
  return runs_on(name) ? Growth::running : Growth::part;
}

void EventReader::place_text(EventText& text) const {
  const Node& node = nodes_[text.node];
  const bool is_name = text.name.empty() && !node.list;
  const bool is_number = event_.fields.data[text.at] != '"';
  text.growth = is_name || is_number ? Growth::whole : growth_of(text, node);
  text.end = node.end;
  // No name continues another; what stands in a list goes by its place.
  const bool grows = text.growth != Growth::whole;
  const auto step =
      is_name ? TextFingerprint::of(TextFingerprint::of("name"), TextFingerprint::of(text.text))
      : node.list && grows ? text.channel
                           : TextFingerprint::of_name(text.name);
  text.channel = TextFingerprint::of(grows ? node.channel : node.path, step);
  if (grows && text.name == "text") text.channel = channel_of_part(node).value_or(text.channel);
  if (grows) {
    text.json = named_like_json(text.name, type_);
  } else {
    text.json = text.json || named_like_json(text.name, type_);
  }
}

/// A content may come as a text or as a list of parts, now so and now so: it is one text.
std::optional<std::uint64_t> EventReader::channel_of_part(const Node& node) const {
  const Node& list = nodes_[node.parent];
  if (!list.list || !list.in_delta || list.name != "content") return std::nullopt;
  return TextFingerprint::of(nodes_[list.parent].channel, TextFingerprint::of_name("content"));
}

bool EventReader::frame_of(const EventText& text, std::string& before, std::string& behind) const {
  before.clear();
  behind.clear();
  std::array<std::uint32_t, json_depth_max + 1> path;
  std::size_t depth = 0;
  for (std::uint32_t node = text.node;; node = nodes_[node].parent) {
    path.at(depth++) = node;
    if (node == 0) break;
  }
  if (event_.fields.has_type) before.append("event: ").append(event_.fields.type).append("\n");
  before.append("data: ");
  std::string closes;
  while (depth-- > 0) {
    const Node& node = nodes_[path.at(depth)];
    before.push_back(node.list ? '[' : '{');
    closes.push_back(node.list ? ']' : '}');
    if (node.list) continue;
    for (auto at = node.simples; at != 0; at = simples_[at - 1].next) {
      const Simple& simple = simples_[at - 1];
      before.append(simple.name).append(":").append(simple.value).append(",");
    }
    append_json_string(before, depth > 0 ? nodes_[path.at(depth - 1)].name : text.name);
    before.push_back(':');
    if (before.size() > frame_max) return false;
  }
  behind.assign(closes.rbegin(), closes.rend());
  behind.append("\n\n");
  return before.size() <= frame_max;
}

}  // namespace hawser::dialect
