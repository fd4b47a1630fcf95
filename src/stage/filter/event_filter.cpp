#include "stage/filter/event_filter.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/json_scan.hpp"
#include "dialect/text_places.hpp"
#include "wire/sse.hpp"

namespace hawser::stage::filter {
namespace json = boost::json;
namespace {

json::value* member(json::value& value, std::string_view name) {
  return value.is_object() ? value.get_object().if_contains(name) : nullptr;
}
std::string number_of(json::value& value, std::string_view name) {
  const json::value* found = member(value, name);
  return found == nullptr ? "0" : json::serialize(*found);
}
json::string* text_of(json::value* value) {
  return value != nullptr && value->is_string() ? &value->get_string() : nullptr;
}
std::string_view word_of(json::value& event, std::string_view name) {
  const json::string* word = text_of(member(event, name));
  return word == nullptr ? std::string_view() : std::string_view(*word);
}

json::parse_options as_deep_as_bodies() {
  json::parse_options options;
  options.max_depth = json_depth_max;
  return options;
}

/// Where a value stands.
struct Spot {
  dialect::Shape shape{};    // of the object
  dialect::Member member{};  // of it
  std::string_view name{};
  const dialect::Labels* labels = nullptr;  // of the object
};

/// Every string of an event but those that are told in pieces, and what the protocols make no text.
template <class Pieces>
void gather(json::value& value, const Spot& spot, const Pieces& pieces, Pieces& out) {
  if (value.is_string()) {
    json::string* const text = &value.get_string();
    const bool told = std::any_of(pieces.begin(), pieces.end(),
                                  [text](const auto& piece) { return piece.text == text; });
    if (told) return;
    const std::string_view words(*text);
    const auto place = dialect::place_of(spot.shape, spot.member, spot.name, words, *spot.labels);
    const bool json = spot.name == "arguments";
    if (place == dialect::Place::text) out.push_back({std::string(), text, json});
  } else if (value.is_array()) {
    for (auto& entry : value.get_array()) gather(entry, spot, pieces, out);
  } else if (value.is_object()) {
    dialect::Labels labels;
    for (auto& [name, entry] : value.get_object()) {
      if (!dialect::Labels::tells(name)) continue;
      labels.add(name, entry.is_string() ? std::string_view(entry.get_string()) : "");
    }
    const auto shape = spot.member.inside;
    for (auto& [name, entry] : value.get_object()) {
      gather(entry, {shape, dialect::member_of(shape, name), name, &labels}, pieces, out);
    }
  }
}

}  // namespace

bool filter_whole(const AnswerRules& rules, const dialect::FoundText& found, std::string& out,
                  bool& blocked) {
  Channel channel(rules, found.json);
  channel.feed(found.text, {}, out);
  channel.flush(out);
  blocked = blocked || channel.blocked();
  return out != found.text;
}

void EventFilter::read_choices(json::value& event, Reading& reading) const {
  json::value* choices = member(event, "choices");
  if (choices == nullptr || !choices->is_array()) return;
  for (auto& choice : choices->get_array()) {
    const std::string index = number_of(choice, "index") + "/";
    if (auto* text = text_of(member(choice, "text"))) reading.pieces.push_back({index, text});
    if (json::value* delta = member(choice, "delta"); delta != nullptr && delta->is_object()) {
      for (auto& [name, value] : delta->get_object()) {
        if (name != "role" && value.is_string()) {
          reading.pieces.push_back({index + std::string(name), &value.get_string()});
        }
      }
      json::value* old = member(*delta, "function_call");  // as it was before there were tools
      if (auto* arguments = old == nullptr ? nullptr : text_of(member(*old, "arguments"))) {
        reading.pieces.push_back({index + "function", arguments, true});
      }
      json::value* calls = member(*delta, "tool_calls");
      if (calls != nullptr && calls->is_array()) {
        for (auto& call : calls->get_array()) {
          json::value* function = member(call, "function");
          auto* arguments = function == nullptr ? nullptr : text_of(member(*function, "arguments"));
          if (arguments != nullptr) {
            reading.pieces.push_back({index + "tool" + number_of(call, "index"), arguments, true});
          }
        }
      }
    }
    const json::value* reason = member(choice, "finish_reason");
    if (reason != nullptr && !reason->is_null()) reading.ends.push_back(index);
  }
}

void EventFilter::read_response(json::value& event, Reading& reading) const {
  const std::string_view type = word_of(event, "type");
  const auto dot = type.rfind('.');
  if (dot == std::string_view::npos) return;
  const std::string place = number_of(event, "output_index") + "/" +
                            number_of(event, "content_index") + "/" +
                            number_of(event, "summary_index") + "/";
  if (type.substr(dot) == ".delta") {
    if (auto* delta = text_of(member(event, "delta"))) {
      const bool is_json = type.ends_with("_arguments.delta");
      reading.pieces.push_back({place + std::string(type.substr(0, dot)), delta, is_json});
    }
    return;
  }
  if (type.substr(dot) == ".done") reading.ends.push_back(place + std::string(type.substr(0, dot)));
}

void EventFilter::read_message(json::value& event, Reading& reading) const {
  const std::string_view type = word_of(event, "type");
  const std::string index = number_of(event, "index") + "/";
  if (type == "content_block_delta") {
    json::value* delta = member(event, "delta");
    if (delta == nullptr) return;
    for (const char* name : {"text", "thinking", "partial_json"}) {
      if (auto* text = text_of(member(*delta, name))) {
        reading.pieces.push_back({index + name, text, std::string_view(name) == "partial_json"});
      }
    }
  } else if (type == "content_block_stop") {
    reading.ends.push_back(index);
  }
}

EventFilter::Reading EventFilter::read(json::value& event) const {
  Reading reading;
  switch (api_) {
    case dialect::Api::chat:
    case dialect::Api::completions:
      read_choices(event, reading);
      break;
    case dialect::Api::responses:
    case dialect::Api::response:
      read_response(event, reading);
      break;
    case dialect::Api::messages:
      read_message(event, reading);
      break;
    case dialect::Api::embeddings:
    case dialect::Api::models:
    case dialect::Api::generations:
    case dialect::Api::other:
      break;
  }
  const dialect::Member outermost{.inside = dialect::Shape::any_answer};
  const dialect::Labels none;
  gather(event, {dialect::Shape::free, outermost, {}, &none}, reading.pieces, reading.wholes);
  return reading;
}

EventFilter::Held& EventFilter::channel(const std::string& name, bool json) {
  Held& held = channels_[name];
  if (!held.channel) held.channel = std::make_unique<Channel>(rules_, json);
  return held;
}

void EventFilter::write(const std::string& type, const json::value& event, std::string& out) {
  if (!type.empty()) out.append("event: ").append(type).append("\n");
  out.append("data: ").append(json::serialize(event)).append("\n\n");
}

/// @return whether a text changed
bool EventFilter::pass_pieces(const std::string& type, json::value& event, Reading& reading,
                              Clock::time_point now) {
  bool changed = false;
  std::string leaves;
  for (const Piece& piece : reading.pieces) {
    Held& held = channel(piece.channel, piece.json);
    leaves.clear();
    held.channel->feed(std::string_view(*piece.text), now, leaves);
    blocked_ = blocked_ || held.channel->blocked();
    if (leaves == std::string_view(*piece.text)) continue;
    *piece.text = leaves;
    changed = true;
  }
  for (const Piece& piece : reading.pieces) {
    Held& held = channel(piece.channel);
    if (held.channel->held() == 0) continue;
    held.type = type;
    held.last = event;
    if (reading.pieces.size() == 1) pending_ = Pending{type, event, piece.channel};
  }
  return changed;
}

bool EventFilter::rewrite_wholes(Reading& reading) {
  bool changed = false;
  std::string out;
  for (const Piece& whole : reading.wholes) {
    out.clear();
    const dialect::FoundText found{std::string_view(*whole.text), whole.json};
    if (!filter_whole(rules_, found, out, blocked_)) continue;
    *whole.text = out;
    changed = true;
  }
  return changed;
}

/// The event that waited goes out with what could leave of its text until now.
void EventFilter::tell_pending(std::string& out) {
  if (!pending_) return;
  write(pending_->type, pending_->event, out);
  pending_.reset();
}

/// What a channel that ends still holds: with the event that waits, or one like its last.
void EventFilter::tell_rest(Held& held, const std::string& name, std::string& out) {
  std::string rest;
  held.channel->flush(rest);
  blocked_ = blocked_ || held.channel->blocked();
  const bool waits = pending_ && pending_->channel == name;
  if (rest.empty() || (!waits && held.last.is_null())) return;
  json::value& event = waits ? pending_->event : held.last;
  Reading reading = read(event);
  for (const Piece& piece : reading.pieces) {
    if (piece.channel != name) {
      if (!waits) piece.text->clear();
    } else if (waits) {
      piece.text->append(rest);
    } else {
      *piece.text = rest;
    }
  }
  if (!waits) write(held.type, event, out);
}

void EventFilter::end_channels(const Reading& reading, std::string& out) {
  for (const std::string& end : reading.ends) {
    std::string rest;
    for (auto at = channels_.lower_bound(end); at != channels_.end();) {
      if (!at->first.starts_with(end)) break;
      tell_rest(at->second, at->first, rest);
      at = channels_.erase(at);
    }
    tell_pending(out);
    out.append(rest);
  }
}

void EventFilter::take(std::string_view frame, Clock::time_point now, std::string& out) {
  std::string scratch;
  const auto parts = wire::frame_parts(frame, scratch);
  if (parts.data.empty() || parts.data == "[DONE]") {
    tell_pending(out);
    out.append(frame);
    return;
  }
  boost::system::error_code error;
  json::value event = json::parse(parts.data, error, {}, as_deep_as_bodies());
  if (error || !event.is_object()) {
    unreadable_ = rules_.must_read;
    tell_pending(out);
    if (!unreadable_) out.append(frame);
    return;
  }
  const std::string type(parts.type);
  Reading reading = read(event);
  // A finish may stand in the event that brings the last text: the text goes first.
  const bool ends_itself = !reading.ends.empty() && !reading.pieces.empty();
  if (!ends_itself) end_channels(reading, out);
  tell_pending(out);
  bool changed = pass_pieces(type, event, reading, now);
  if (ends_itself) {
    pending_.reset();
    for (const Piece& piece : reading.pieces) {
      std::string rest;
      channel(piece.channel).channel->flush(rest);
      changed = changed || !rest.empty();
      piece.text->append(rest);
      channels_.erase(piece.channel);
    }
    end_channels(reading, out);
  }
  changed = rewrite_wholes(reading) || changed;
  if (blocked_) return;
  if (pending_) {
    if (!changed) pending_.reset();  // nothing of this event's own is held: it need not wait
    if (changed) return;
  }
  if (changed) {
    write(type, event, out);
  } else {
    out.append(frame);
  }
}

std::string EventFilter::feed(std::string_view frames, Clock::time_point now) {
  std::string out;
  while (!frames.empty() && !blocked_ && !unreadable_) {
    const std::size_t size = wire::first_frame(frames).size;
    take(frames.substr(0, size), now, out);
    frames.remove_prefix(size);
  }
  return out;
}

std::optional<Clock::time_point> EventFilter::due() const {
  if (!pending_) return std::nullopt;
  const auto found = channels_.find(pending_->channel);
  return found == channels_.end() ? std::nullopt : found->second.channel->due();
}

std::string EventFilter::release(Clock::time_point now) {
  std::string out;
  if (!pending_) return out;
  Held& held = channel(pending_->channel);
  std::string rest;
  held.channel->release(now, rest);
  Reading reading = read(pending_->event);
  for (const Piece& piece : reading.pieces) {
    if (piece.channel == pending_->channel) piece.text->append(rest);
  }
  tell_pending(out);
  return out;
}

std::string EventFilter::finish() {
  std::string out, rest;
  for (auto& [name, held] : channels_) tell_rest(held, name, rest);
  tell_pending(out);
  channels_.clear();
  return blocked_ ? std::string() : out + rest;
}

}  // namespace hawser::stage::filter
