#include "stage/filter/event_filter.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "dialect/text_fingerprint.hpp"
#include "wire/sse.hpp"

namespace hawser::stage::filter {

using dialect::EventKind;
using dialect::EventText;
using dialect::Growth;
using dialect::StreamEvent;
using dialect::TextFingerprint;

namespace {

constexpr std::size_t tail_max = 256;   // bytes: as much as a match may have
constexpr std::size_t ahead_max = 512;  // bytes of a text that may continue the one before

void remember(std::string& tail, std::string_view text) {
  if (text.size() >= tail_max) {
    tail = text.substr(text.size() - tail_max);
    return;
  }
  if (tail.size() + text.size() > 4 * tail_max) {
    tail.erase(0, tail.size() + text.size() - tail_max);
  }
  tail.append(text);
}

/// The data with its slots' texts.
template <class Slots>
std::string with_slots(std::string_view data, const Slots& slots) {
  std::string out;
  out.reserve(data.size());
  std::size_t at = 0;
  for (const auto& slot : slots) {
    if (slot.size == 0) continue;  // the event's type
    out.append(data.substr(at, slot.at - at));
    append_json_string(out, slot.text);
    at = slot.at + slot.size;
  }
  return out.append(data.substr(at));
}

template <class Slots>
std::string_view type_of(const StreamEvent& event, const Slots& slots) {
  for (const auto& slot : slots) {
    if (slot.size == 0) return slot.text;
  }
  return event.fields.type;
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

void EventFilter::fail(const char* why) {
  unreadable_ = true;
  why_ = why;
}

EventFilter::State* EventFilter::state_of(std::uint64_t channel) {
  const auto found = states_.find(channel);
  if (found != states_.end()) return &found->second;
  if (states_.size() == channels_max) {
    fail("it has too many texts");
    return nullptr;
  }
  return &states_[channel];
}

/// How much of a text belongs to a match that began in the one before, which has left: its
/// replacement is appended to `out`.
std::size_t EventFilter::continued(State& state, std::string_view text, std::string& out) {
  if (!rules_.scanner || state.tail.empty() || text.empty()) return 0;
  const std::size_t before = state.tail.size();
  const auto find = [&](std::string_view whole, hawser::filter::Output& output) {
    hawser::filter::Stream stream(rules_.scanner, *rules_.vault);
    stream.feed(whole, {}, output);
    stream.flush(output);
    return stream.blocked();
  };
  hawser::filter::Output alone;
  find(state.tail, alone);
  for (const auto& finding : alone.findings) {
    if (finding.begin + finding.size == before) return 0;  // it was found in full
  }
  const std::string both = state.tail + std::string(text.substr(0, ahead_max));
  hawser::filter::Output output;
  find(both, output);
  for (const auto& finding : output.findings) {
    const std::size_t end = std::min<std::size_t>(finding.begin + finding.size, both.size());
    if (finding.begin >= before || end <= before) continue;
    rules_.found(finding);
    blocked_ = blocked_ || finding.block;
    const std::string match = both.substr(finding.begin, end - finding.begin);
    hawser::filter::Output replaced;
    find(match, replaced);
    if (replaced.text == match) return 0;  // it is counted only
    out.append(replaced.text);
    return end - before;
  }
  return 0;
}

void EventFilter::pass_whole(const EventText& text) {
  State* const state = state_of(text.channel);
  if (state == nullptr) return;
  const auto print = TextFingerprint::of(text.text);
  const bool again = print == state->last;
  if (again && state->clean) return;
  Slot slot{text.at, text.size, text.channel, {}, false, false};
  std::size_t taken = 0;
  if (!again) {
    // Of what stands beside each other in one event none continues another.
    if (state->coming != number_) taken = continued(*state, text.text, slot.text);
    state->coming = number_;
    state->last = print;
    state->tail.clear();
    remember(state->tail, text.text);
  }
  if (blocked_) return;
  std::string rest;
  const bool changed =
      filter_whole(rules_, {text.text.substr(taken), text.json, {}, 0}, rest, blocked_);
  state->clean = !changed;
  if (taken == 0 && !changed) return;
  slot.text.append(rest);
  slots_.push_back(std::move(slot));
}

/// Lets a text go on from here. @return false: too many do
bool EventFilter::begin(State& state, const EventText& text) {
  if (running_count_ == running_max) {
    fail("too many of its texts go on at a time");
    return false;
  }
  state.channel = std::make_unique<Channel>(rules_, text.json);
  state.end = text.end;
  running_[text.end].push_back(text.channel);
  ++running_count_;
  return true;
}

void EventFilter::pass_piece(const StreamEvent& event, const EventText& text,
                             Clock::time_point now) {
  State* const state = state_of(text.channel);
  if (state == nullptr) return;
  Slot slot{text.at, text.size, text.channel, {}, false, text.growth == Growth::part};
  std::size_t taken = 0;
  if (!state->channel) {
    taken = continued(*state, text.text, slot.text);
    if (blocked_ || !begin(*state, text)) return;
  }
  remember(state->tail, text.text);
  state->last = TextFingerprint::of(text.text);
  state->channel->feed(text.text.substr(taken), now, slot.text);
  blocked_ = blocked_ || state->channel->blocked();
  if (state->channel->held() == 0) {
    holding_.erase(text.channel);
  } else {
    const bool told = reader_.frame_of(text, state->before, state->behind);
    if (!told) return fail("an event is nested too deep");
    holding_.insert(text.channel);
    slot.waits = true;
  }
  const bool ends_here =
      std::find(event.ends.begin(), event.ends.end(), text.end) != event.ends.end();
  slot.alone = slot.alone || ends_here || event.ends_all;
  if (slot.waits || slot.text != text.text) slots_.push_back(std::move(slot));
}

void EventFilter::pass_text(const StreamEvent& event, const EventText& text,
                            Clock::time_point now) {
  if (text.text.empty()) return;
  if (text.growth == Growth::whole) return pass_whole(text);
  pass_piece(event, text, now);
}

/// All that a text held; it does not go on.
void EventFilter::flush(State& state, std::string& text) {
  state.channel->flush(text);
  blocked_ = blocked_ || state.channel->blocked();
  state.channel.reset();
  state.before.clear();
  state.behind.clear();
  --running_count_;
}

/// A text ends in an event that has not left.
void EventFilter::end_in(Slot& slot, State& state) {
  auto& running = running_[state.end];
  running.erase(std::remove(running.begin(), running.end(), slot.channel), running.end());
  holding_.erase(slot.channel);
  flush(state, slot.text);
  slot.waits = false;
}

/// What a channel still holds, in an event of its own.
void EventFilter::tell_rest(std::uint64_t channel, std::string& out) {
  const auto found = states_.find(channel);
  if (found == states_.end() || !found->second.channel) return;
  State& state = found->second;
  const std::string before = std::move(state.before), behind = std::move(state.behind);
  std::string rest;
  flush(state, rest);
  holding_.erase(channel);
  if (rest.empty() || blocked_) return;
  out.append(before);
  append_json_string(out, rest);
  out.append(behind);
}

void EventFilter::tell_all(std::string& out) {
  for (const auto& [end, channels] : running_) {
    for (const auto channel : channels) tell_rest(channel, out);
  }
  running_.clear();
  running_count_ = 0;
}

/// Notes which texts an event continues.
void EventFilter::announce(const StreamEvent& event) {
  ++number_;
  for (const EventText& text : event.texts) {
    if (text.growth == Growth::whole || text.text.empty()) continue;
    State* const state = state_of(text.channel);
    if (state == nullptr) return;
    // A part that comes again is another one.
    const bool again = text.growth == Growth::part && state->last == TextFingerprint::of(text.text);
    if (!again) state->coming = number_;
  }
}

/// The event that waits goes out: what the next one does not continue ends in it.
void EventFilter::settle(const StreamEvent* next, std::string& out) {
  if (!waiting_) return;
  for (Slot& slot : waiting_->slots) {
    if (!slot.waits) continue;
    State& state = states_[slot.channel];
    if (!state.channel) continue;
    const bool goes_on = next != nullptr && state.coming == number_;
    const bool ends =
        next == nullptr || next->ends_all ||
        std::find(next->ends.begin(), next->ends.end(), state.end) != next->ends.end();
    if (!goes_on && (ends || slot.alone)) end_in(slot, state);
  }
  if (!blocked_) {
    waiting_->event.write(type_of(waiting_->event, waiting_->slots),
                          with_slots(waiting_->data, waiting_->slots), out);
  }
  waiting_.reset();
}

void EventFilter::wait(const StreamEvent& event) {
  Waiting& waiting = waiting_.emplace();
  const auto& fields = event.fields;
  waiting.type = fields.type;
  waiting.id = fields.id;
  waiting.retry = fields.retry;
  waiting.data = fields.data;
  waiting.event.fields = fields;
  waiting.event.fields.type = waiting.type;
  waiting.event.fields.id = waiting.id;
  waiting.event.fields.retry = waiting.retry;
  waiting.slots = std::move(slots_);
}

/// What ends with an event, and is not continued in it.
void EventFilter::end_texts(const StreamEvent& event, std::string& out) {
  const auto end = [&](std::vector<std::uint64_t>& channels) {
    std::erase_if(channels, [&](std::uint64_t channel) {
      if (states_[channel].coming == number_) return false;
      tell_rest(channel, out);
      return true;
    });
  };
  if (event.ends_all) {
    for (auto& [name, channels] : running_) end(channels);
    return;
  }
  for (const auto name : event.ends) {
    const auto found = running_.find(name);
    if (found == running_.end()) continue;
    end(found->second);
    if (found->second.empty()) running_.erase(found);
  }
}

void EventFilter::take_texts(const StreamEvent& event, std::string_view frame,
                             Clock::time_point now, std::string& out) {
  slots_.clear();
  announce(event);
  settle(&event, out);
  end_texts(event, out);
  for (const EventText& text : event.texts) {
    if (blocked_ || unreadable_) return;
    pass_text(event, text, now);
  }
  if (blocked_ || unreadable_) return;
  const bool waits =
      std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.waits; });
  const auto& fields = event.fields;
  if (waits && fields.data.size() <= waiting_max) return wait(event);
  for (Slot& slot : slots_) {
    if (!slot.waits || !slot.alone) continue;
    end_in(slot, states_[slot.channel]);
  }
  if (blocked_) return;
  if (slots_.empty() && event.plain) {
    out.append(frame);
  } else {
    event.write(type_of(event, slots_), with_slots(fields.data, slots_), out);
  }
}

void EventFilter::take(std::string_view frame, Clock::time_point now, std::string& out) {
  const StreamEvent& event = reader_.read(frame);
  switch (event.kind) {
    case EventKind::unreadable:
      if (rules_.must_read) {
        settle(nullptr, out);
        return fail(event.why);
      }
      settle(nullptr, out);
      out.append(frame);
      return;
    case EventKind::done:
      settle(nullptr, out);
      tell_all(out);
      return take_texts(event, frame, now, out);
    case EventKind::silent:
      // Clients see no event, so it need not wait for one; its type is read all the same.
      if (event.texts.empty()) {
        if (event.plain) {
          out.append(frame);
        } else {
          event.write(event.fields.type, {}, out);
        }
        return;
      }
      return take_texts(event, frame, now, out);
    case EventKind::texts:
      return take_texts(event, frame, now, out);
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
  std::optional<Clock::time_point> first;
  for (const auto channel : holding_) {
    const auto found = states_.find(channel);
    if (found == states_.end() || !found->second.channel) continue;
    const auto due = found->second.channel->due();
    if (due && (!first || *due < *first)) first = due;
  }
  return first;
}

/// Lets go what is held too long: in the event that waits, or in one of its own.
std::string EventFilter::release(Clock::time_point now) {
  std::string out, rests;
  if (waiting_) {
    for (Slot& slot : waiting_->slots) {
      if (!slot.waits) continue;
      State& state = states_[slot.channel];
      if (slot.alone) {
        end_in(slot, state);
      } else {
        state.channel->release(now, slot.text);
      }
    }
    if (!blocked_) {
      waiting_->event.write(type_of(waiting_->event, waiting_->slots),
                            with_slots(waiting_->data, waiting_->slots), out);
    }
    waiting_.reset();
  }
  for (auto at = holding_.begin(); at != holding_.end();) {
    State& state = states_[*at];
    std::string rest;
    state.channel->release(now, rest);
    if (!rest.empty()) {
      rests.append(state.before);
      append_json_string(rests, rest);
      rests.append(state.behind);
    }
    at = state.channel->held() == 0 ? holding_.erase(at) : std::next(at);
  }
  return blocked_ ? std::string() : out + rests;
}

std::string EventFilter::finish() {
  std::string out;
  if (unreadable_) return out;
  settle(nullptr, out);
  tell_all(out);
  return blocked_ ? std::string() : out;
}

}  // namespace hawser::stage::filter
