#include "dialect/stream_reader.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "dialect/json_walk.hpp"
#include "wire/sse.hpp"

namespace hawser::dialect {
namespace {

constexpr std::size_t shape_max = 4096;  // bytes around a text

std::uint64_t load(const char* at, std::size_t size) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, size);
  return word;
}

std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// Not for what an attacker chooses: who makes two events of one hash only misreads himself.
std::uint64_t hash_of(std::string_view text) {
  constexpr std::uint64_t a = 0xa0761d6478bd642f, b = 0xe7037ed1a0b428db;
  std::uint64_t hash = text.size() ^ a;
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= 16; left -= 16, at += 16) hash = fold(load(at, 8) ^ b, load(at + 8, 8) ^ hash);
  const std::size_t first = std::min<std::size_t>(left, 8);
  return fold(load(at, first) ^ b, load(at + first, left - first) ^ hash ^ a);
}

/// A text that is set: a finish reason is none where it is null or empty.
bool is_set(std::string_view token) {
  return is_string(token) && token.size() > 2;
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

/// The type of an event of Responses or messages: nearly always its first member.
std::string type_of(std::string_view data) {
  constexpr std::string_view start = "{\"type\":\"";
  const std::string_view rest = data.starts_with(start) ? data.substr(start.size()) : "";
  const auto end = rest.find('"');
  if (end != std::string_view::npos && end < 64 &&
      rest.substr(0, end).find('\\') == std::string_view::npos) {
    return std::string(rest.substr(0, end));
  }
  return json_text(data, "type").value_or("");
}

}  // namespace

// --- DeltaShape

void DeltaShape::learn(std::string_view frame, std::size_t begin, std::size_t end) {
  head_ = 0;
  if (begin == 0 || begin > shape_max || frame.size() - end > shape_max) return;
  head_ = static_cast<std::uint16_t>(begin);
  tail_ = static_cast<std::uint16_t>(frame.size() - end);
  head_hash_ = hash_of(frame.substr(0, begin));
  tail_hash_ = hash_of(frame.substr(end));
}

DeltaShape::Match DeltaShape::match(std::string_view frames) const {
  if (head_ == 0 || frames.size() < std::size_t{head_} + tail_) return {};
  if (hash_of(frames.substr(0, head_)) != head_hash_) return {};
  std::size_t at = head_;
  for (; at < frames.size() && frames[at] != '"'; ++at) {
    if (frames[at] == '\\' && ++at == frames.size()) return {};
    if (static_cast<unsigned char>(frames[at]) < 0x20) return {};  // a line ends: no such text
  }
  if (at + tail_ > frames.size()) return {};
  if (hash_of(frames.substr(at, tail_)) != tail_hash_) return {};
  return {at + tail_, at - head_};
}

// --- StreamReader

std::size_t StreamReader::read(std::string_view frames) {
  usage_chunk_ = {};
  data_now_ = false;
  std::size_t at = !any_data_ && frames.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  while (at < frames.size() && !ended_) {
    const auto match = shape_.match(frames.substr(at));
    if (match.frame == 0) {
      at += read_event(frames, at);
      continue;
    }
    at += match.frame;
    data_now_ = any_data_ = true;
    content_ = content_ || match.text > 0;
  }
  if (at < frames.size() && !closed_) at += read_behind_end(frames.substr(at));
  return at;
}

/// A [DONE] that comes after a last event of another kind, or an error, ends it once more.
std::size_t StreamReader::read_behind_end(std::string_view frames) {
  closed_ = true;
  const wire::Frame found = wire::first_frame(frames);
  if (!found.data) return 0;
  std::string scratch;
  const auto parts = wire::frame_parts(frames.substr(0, found.size), scratch);
  return trimmed(parts.data) == "[DONE]" ? found.size : 0;
}

void StreamReader::read_document(std::string_view piece, bool last) {
  if (!document_ && last) {  // most are there at once
    UsageReader document;
    document.feed(piece);
    usage_.set(document.usage());
    return;
  }
  if (!document_) document_ = std::make_unique<UsageReader>();
  document_->feed(piece);
  usage_.set(document_->usage());
  if (last) document_.reset();
}

/// @return its size
std::size_t StreamReader::read_event(std::string_view frames, std::size_t at) {
  const wire::Frame found = wire::first_frame(frames.substr(at));
  if (!found.data) return found.size;
  const std::string_view frame = frames.substr(at, found.size);
  std::string scratch;
  const auto parts = wire::frame_parts(frame, scratch);
  const Place before = usage_chunk_;
  usage_chunk_ = {static_cast<std::uint32_t>(at),
                  static_cast<std::uint32_t>(found.size)};  // unless it is another event
  data_now_ = any_data_ = true;
  read_data(frame, parts.type, trimmed(parts.data));
  if (usage_chunk_.size == 0) usage_chunk_ = before;
  return found.size;
}

void StreamReader::note_usage(std::string_view data) {
  Usage told = usage();
  take_usage_of(data, told);
  usage_.set(told);
}

void StreamReader::fail() {
  failed_ = true;
  // OpenAI tells an error of a response first, and then that the response failed.
  if (format_ == AnswerFormat::responses) {
    finished_ = true;
  } else if (generates(format_)) {
    ended_ = true;
  }
}

/// @param type  of the "event" line
void StreamReader::read_data(std::string_view frame, std::string_view type, std::string_view data) {
  const bool chunks = format_ == AnswerFormat::chat || format_ == AnswerFormat::completions;
  if (!chunks) usage_chunk_ = {};
  if (data == "[DONE]") {
    usage_chunk_ = {};
    // Totals that ran to here are whole.
    usage_final_ = usage_final_ || (chunks && usage().output > 0);
    ended_ = ended_ || generates(format_);
    closed_ = ended_;
    return;
  }
  if (type == "error") {
    usage_chunk_ = {};
    return fail();
  }
  switch (format_) {
    case AnswerFormat::chat:
    case AnswerFormat::completions:
      return read_chunk(frame, data);
    case AnswerFormat::responses:
    case AnswerFormat::messages:
      return read_typed(type, data);
    case AnswerFormat::gemini:
      return read_candidates(data);
    case AnswerFormat::other:
      note_usage(data);
      return;
  }
}

/// What one chunk of a chat or a completion says.
struct StreamReader::Chunk {
  bool error = false;
  bool has_choices = false;
  bool content = false;
  std::uint32_t count = 0;     // of its choices
  std::uint32_t finished = 0;  // bits by index
  std::string_view text{};     // the token of its only text
  std::uint32_t texts = 0;
  bool usage_told = false;
  Usage usage{};

  explicit Chunk(const Usage& before) : usage(before) {}

  void take_choice(std::string_view choice) {
    ++count;
    std::uint32_t index = 0;
    bool ends = false;
    for_each_named(choice, [&](std::string_view name, std::string_view value) {
      if (name == "index") {
        std::from_chars(value.data(), value.data() + value.size(), index);
      } else if (name == "finish_reason") {
        ends = is_set(value);
      } else if (name == "delta" && is_object(value)) {
        take_delta(value);
      } else if (name == "text") {
        take_text(value);
      } else if (name == "usage" && is_object(value)) {
        take_usage(value, usage);
        usage_told = true;
      }
      return true;
    });
    if (ends && index < 32) finished |= std::uint32_t{1} << index;
  }
  void take_delta(std::string_view delta) {
    for_each_named(delta, [this](std::string_view name, std::string_view value) {
      if (name == "role") return true;
      if (is_string(value)) {
        take_text(value);
      } else {
        content = content || says_something(value);
      }
      return true;
    });
  }
  void take_text(std::string_view value) {
    if (!is_set(value)) return;
    content = true;
    text = value;
    ++texts;
  }
};

void StreamReader::read_chunk(std::string_view frame, std::string_view data) {
  Chunk chunk(usage());
  bool usage_told = false, has_message = false, has_code = false;
  const bool whole = for_each_named(data, [&](std::string_view name, std::string_view value) {
    if (name == "choices") {
      chunk.has_choices = is_array(value);
      for_each_element(value, [&](std::string_view choice) {
        chunk.take_choice(choice);
        return true;
      });
    } else if (name == "usage") {
      usage_told = is_object(value);
      if (usage_told) take_usage(value, chunk.usage);
    } else if (name == "service_tier" && is_string(value)) {
      take_service_tier(value, chunk.usage);
    } else if (name == "x_groq" && is_object(value)) {
      take_usage_of(value, chunk.usage);
      chunk.usage_told = true;
    } else if (name == "error") {
      chunk.error = chunk.error || says_something(value);
    } else if (name == "object" || name == "type") {
      chunk.error = chunk.error || value == "\"error\"";
    } else if (name == "message") {
      has_message = is_set(value);
    } else if (name == "code") {
      has_code = says_something(value);
    }
    return true;
  });
  const bool only_usage = whole && usage_told && chunk.has_choices && chunk.count == 0;
  if (!only_usage) usage_chunk_ = {};
  if (!whole) return;
  usage_.set(chunk.usage);
  content_ = content_ || chunk.content;
  if (chunk.error || (!chunk.has_choices && has_message && has_code)) return fail();
  finished_choices_ |= chunk.finished;
  finished_ = finished_ || static_cast<std::uint32_t>(std::popcount(finished_choices_)) >= choices_;
  usage_final_ = usage_final_ || (finished_ && (usage_told || chunk.usage_told));
  const char* const begin = chunk.text.data();
  const bool plain = chunk.count == 1 && chunk.texts == 1 && chunk.finished == 0 && !usage_told;
  if (!plain || begin < frame.data() || begin >= frame.data() + frame.size()) return;
  const auto at = static_cast<std::size_t>(begin - frame.data());
  shape_.learn(frame, at + 1, at + chunk.text.size() - 1);
}

void StreamReader::read_typed(std::string_view named, std::string_view data) {
  if (!data.starts_with('{')) return;
  std::string type = type_of(data);
  if (type.empty()) type = named;
  if (format_ == AnswerFormat::responses) return read_response(type, data);
  return read_message(type, data);
}

void StreamReader::read_response(std::string_view type, std::string_view data) {
  if (type == "error" || (type.empty() && says_something(json_member(data, "error")))) {
    return fail();
  }
  const bool last =
      type == "response.completed" || type == "response.incomplete" || type == "response.failed";
  if (last) {
    ended_ = true;
    failed_ = failed_ || type == "response.failed";
    note_usage(data);
    usage_final_ = usage().known;
    return;
  }
  const bool before =
      type == "response.created" || type == "response.queued" || type == "response.in_progress";
  content_ = content_ || !before;
}

void StreamReader::read_message(std::string_view type, std::string_view data) {
  if (type == "error" || (type.empty() && says_something(json_member(data, "error")))) {
    return fail();
  }
  if (type == "message_stop") {
    ended_ = true;
  } else if (type == "message_start" || type == "message_delta") {
    note_usage(data);
    const bool stops = says_something(json_member(json_member(data, "delta"), "stop_reason"));
    const bool told = says_something(json_member(json_member(data, "usage"), "output_tokens"));
    usage_final_ = usage_final_ || (type == "message_delta" && stops && told);
  } else if (type != "ping") {
    content_ = true;
  }
}

void StreamReader::read_candidates(std::string_view data) {
  Usage usage = this->usage();
  bool error = false, content = false, usage_told = false;
  std::uint32_t finished = 0, blocked = 0;
  const bool whole = for_each_named(data, [&](std::string_view name, std::string_view value) {
    if (name == "error") error = says_something(value);
    if (name == "usageMetadata" && is_object(value)) {
      take_usage(value, usage);
      usage_told = true;
    }
    if (name == "promptFeedback" && is_set(json_member(value, "blockReason"))) blocked = 1;
    if (name != "candidates") return true;
    for_each_element(value, [&](std::string_view candidate) {
      const auto index = json_number(candidate, "index").value_or(0);
      if (is_set(json_member(candidate, "finishReason")) && index < 32) {
        finished |= std::uint32_t{1} << index;
      }
      content = content || says_something(json_member(candidate, "content"));
      return true;
    });
    return true;
  });
  if (!whole) return;
  usage_.set(usage);
  content_ = content_ || content;
  if (error) return fail();
  finished_choices_ |= finished;
  const auto count = static_cast<std::uint32_t>(std::popcount(finished_choices_));
  finished_ = finished_ || blocked > 0 || count >= choices_;
  usage_final_ = usage_final_ || (finished_ && usage_told);
}

bool tells_error(std::string_view body) {
  bool error = false;
  const bool whole = for_each_named(body, [&](std::string_view name, std::string_view value) {
    if (name == "error") error = error || says_something(value);
    if (name == "type" || name == "object") error = error || value == "\"error\"";
    return true;
  });
  return whole && error;
}

// --- form_of

ContentForm form_of(std::string_view bytes) {
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  const auto begin = bytes.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return ContentForm::unknown;
  const std::string_view rest = bytes.substr(begin);
  if (rest.front() == '{' || rest.front() == '[') return ContentForm::json;
  if (rest.front() == ':') return ContentForm::events;
  for (const std::string_view field : {"data", "event", "id", "retry"}) {
    const std::string_view name = rest.substr(0, field.size());
    if (name == field && (rest.size() == field.size() || rest[field.size()] == ':' ||
                          rest[field.size()] == '\r' || rest[field.size()] == '\n')) {
      return ContentForm::events;
    }
    if (rest.size() < field.size() && field.starts_with(rest)) return ContentForm::unknown;
  }
  return ContentForm::other;
}

}  // namespace hawser::dialect
