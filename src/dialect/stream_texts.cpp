#include "dialect/stream_texts.hpp"

#include <algorithm>

#include "wire/characters.hpp"
#include "wire/sse.hpp"

namespace hawser::dialect {

namespace {

constexpr std::size_t padding_max = 64;      // bytes
constexpr std::size_t told_max = 64 * 1024;  // texts
constexpr std::size_t kept_max = 4096;       // bytes of a channel's memory

/// Random letters by which OpenAI hides the sizes of its events. They are new in each of them.
bool is_padding(const EventText& text) {
  return text.name == "obfuscation" && text.text.size() <= padding_max &&
         std::all_of(text.text.begin(), text.text.end(),
                     [](char c) { return wire::is_alnum(static_cast<unsigned char>(c)); });
}

/// Whole characters.
std::string_view end_of(std::string_view text) {
  if (text.size() <= StreamTexts::overlap) return text;
  text.remove_prefix(text.size() - StreamTexts::overlap);
  while (!text.empty() && (static_cast<unsigned char>(text.front()) & 0xc0) == 0x80) {
    text.remove_prefix(1);
  }
  return text;
}

}  // namespace

/// Of a text that was told it is no news when an event repeats it.
void StreamTexts::tell(std::uint64_t print) {
  if (told_.size() >= told_max) told_.clear();
  told_.insert(print);
}

void StreamTexts::add_piece(const EventText& text, Channel& channel) {
  const auto print = TextFingerprint::of(text.text);
  if (text.growth == Growth::part && print == channel.last) return;
  channel.last = print;
  pieces_.insert(print);
  told_.erase(channel.all.value());
  channel.all.append(text.text);
  tell(channel.all.value());
  if (channel.fresh.empty()) fresh_.push_back(text.channel);
  const std::size_t before = channel.fresh.size();
  if (text.json) {
    channel.escapes.feed(text.text, channel.fresh);
    if (channel.fresh.empty()) fresh_.pop_back();  // an escape has begun, no more
  } else {
    channel.fresh.append(text.text);
  }
  size_ += channel.fresh.size() - before;
}

void StreamTexts::add_whole(const EventText& text, Channel& channel) {
  const auto print = TextFingerprint::of(text.text);
  const bool beside = std::exchange(channel.event, number_) == number_;
  const bool again = std::exchange(channel.last, print) == print;
  const bool known = pieces_.contains(print) || told_.contains(print);
  const std::string plain = text.json ? with_plain_escapes(text.text) : std::string(text.text);
  const std::size_t before = wholes_.size();
  if (!known) {
    tell(print);
    wholes_.append(plain).append("\n");
  }
  // Somebody may join it with the one of an earlier event.
  if (!beside && !again && !channel.tail.empty()) {
    wholes_.append(channel.tail).append(plain, 0, overlap).append("\n");
  }
  channel.tail = end_of(plain);
  size_ += wholes_.size() - before;
}

bool StreamTexts::add(const StreamEvent& event) {
  ++number_;
  pieces_.clear();
  for (const bool whole : {false, true}) {  // what repeats a piece may stand before it
    for (const EventText& text : event.texts) {
      if (text.text.empty() || is_padding(text)) continue;
      if ((text.growth == Growth::whole) != whole) continue;
      const auto found = channels_.find(text.channel);
      if (found == channels_.end() && channels_.size() == channels_max) {
        why_ = "it has too many texts";
        return false;
      }
      Channel& channel = found == channels_.end() ? channels_[text.channel] : found->second;
      if (whole) {
        add_whole(text, channel);
      } else {
        add_piece(text, channel);
      }
    }
  }
  return true;
}

bool StreamTexts::take_frame(std::string_view frame, bool must_read, std::string& passes) {
  const StreamEvent& event = reader_.read(frame);
  bool readable = event.kind != EventKind::unreadable;
  if (!readable) why_ = event.why;
  readable = readable && add(event);
  if (!readable && must_read) return false;
  if (event.plain || !readable) {
    passes.append(frame);
  } else {
    event.write(event.fields.type, event.fields.data, passes);
  }
  return true;
}

bool StreamTexts::feed(std::string_view frames, bool must_read, std::string& passes) {
  while (!frames.empty()) {
    const std::size_t size = wire::first_frame(frames).size;
    if (!take_frame(frames.substr(0, size), must_read, passes)) return false;
    frames.remove_prefix(size);
  }
  return true;
}

std::string StreamTexts::take() {
  std::string text;
  for (const auto number : fresh_) {
    Channel& channel = channels_[number];
    channel.tail.append(channel.fresh);
    if (!text.empty()) text.push_back('\n');
    text.append(channel.tail);
    channel.tail = std::string(end_of(channel.tail));
    if (channel.fresh.capacity() > kept_max) channel.fresh = std::string();
    channel.fresh.clear();
  }
  fresh_.clear();
  if (!wholes_.empty()) {
    if (!text.empty()) text.push_back('\n');
    text.append(wholes_);
    wholes_.clear();
  }
  size_ = 0;
  // What a model writes may be JSON, whose escapes hide nothing.
  if (text.find("\\u") != std::string::npos) text.append("\n").append(with_plain_escapes(text));
  return text;
}

}  // namespace hawser::dialect
