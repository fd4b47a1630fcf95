#include "dialect/splice.hpp"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "dialect/event_data.hpp"
#include "dialect/json_walk.hpp"
#include "wire/sse.hpp"

namespace hawser::dialect {
namespace json = boost::json;
namespace {

constexpr std::size_t frames_max = 512 * 1024;
constexpr std::uint64_t replayed_deltas_max = 2'000;

Error another_answer() {
  return {.code = Code::upstream,
          .message = "the connection to the provider broke, and a second call gave another answer"};
}

bool is_text_format(std::string_view format) {
  return format == "null" || json_text(format, "type") == "text";
}

bool says_something(const json::value* value) {
  if (value == nullptr || value->is_null() || *value == false) return false;
  return !value->is_string() || !value->get_string().empty();
}

/// Where the last message begins in an array of messages; empty when there is none.
std::string_view last_of(std::string_view array) {
  JsonCursor cursor(array);
  std::string_view last;
  if (!cursor.take('[') || cursor.peek() == ']') return {};
  do {
    const std::size_t begin = cursor.at();
    if (!cursor.skip_value()) return {};
    last = cursor.since(begin);
  } while (cursor.take(','));
  return last;
}

}  // namespace

std::string_view name_of(SpliceKind kind) {
  constexpr std::array<std::string_view, 3> names{"restart", "prefill", "replay"};
  return names[static_cast<std::size_t>(kind)];
}

/// What one frame adds to the answer.
struct Splice::Delta {
  bool understood = false;  // a chunk of one choice that adds text only, or nothing
  bool nothing = true;      // a role, an empty text
  bool finish = false;
  std::string text{};
  std::string id{};  // as a JSON token

  explicit Delta(std::string_view data) {
    boost::system::error_code error;
    const json::value chunk = json::parse(data, error);
    if (error || !chunk.is_object()) return;
    if (says_something(chunk.get_object().if_contains("error"))) return;
    if (const auto* value = chunk.get_object().if_contains("id")) id = json::serialize(*value);
    const auto* choices = chunk.get_object().if_contains("choices");
    if (choices == nullptr || !choices->is_array() || choices->get_array().size() > 1) return;
    understood = true;
    if (choices->get_array().empty()) return;
    const json::value& choice = choices->get_array().front();
    if (!choice.is_object()) return;
    const auto* reason = choice.get_object().if_contains("finish_reason");
    finish = says_something(reason);
    const auto* delta = choice.get_object().if_contains("delta");
    if (delta == nullptr || !delta->is_object()) return;
    for (const auto& [name, value] : delta->get_object()) take(name, value);
    nothing = text.empty() && !finish && understood;
  }

 private:
  void take(std::string_view name, const json::value& value) {
    const bool empty = value.is_null() || (value.is_string() && value.get_string().empty());
    if (name == "role" || empty) return;
    if (name == "content" && value.is_string()) {
      text = value.get_string();
      return;
    }
    understood = false;  // a tool call, reasoning, audio: more than text
  }
};

Splice::Splice(std::string_view body, Prefill prefill) : prefill_(prefill) {
  weigh(body);
}

/// What of the request speaks for a second call, and what against it.
void Splice::weigh(std::string_view body) {
  const bool whole = for_each_named(body, [this](std::string_view name, std::string_view value) {
    if (name == "temperature" && (value == "0" || value == "0.0")) replayable_ = true;
    if (name == "seed" && value != "null") replayable_ = true;
    if (name == "n" && value != "1" && value != "null") possible_ = false;
    if (name == "logprobs" && value == "true") possible_ = false;
    if (name == "store" && value == "true") possible_ = false;
    if (name == "response_format" && !is_text_format(value)) prefill_ = Prefill::none;
    if (name == "messages" && json_text(last_of(value), "role") == "assistant") {
      prefill_ = Prefill::none;  // it continues one already
    }
    return true;
  });
  possible_ = possible_ && whole;
}

void Splice::see(std::string_view frames) {
  if (!possible_) return;
  if (!content_) {
    // Most streams can only be begun anew: as soon as content is out, there is nothing to keep.
    for (std::string_view rest = frames; !rest.empty() && !content_;) {
      const std::size_t size = wire::first_frame(rest).size;
      const std::string data = data_of(rest.substr(0, size));
      content_ = !data.empty() && !Delta(data).nothing;
      rest.remove_prefix(size);
    }
    possible_ = !content_ || replayable_ || prefill_ != Prefill::none;
  }
  if (frames_.size() + frames.size() > frames_max) possible_ = false;
  if (possible_) {
    frames_.append(frames);
  } else {
    std::string().swap(frames_);
  }
}

bool Splice::take_in(std::string_view frame) {
  const std::string data = data_of(frame);
  if (data.empty()) return true;
  const Delta delta(data);
  if (!delta.understood || delta.finish) return false;
  if (id_.empty()) id_ = delta.id;
  if (!delta.text.empty()) ++deltas_;
  text_.append(delta.text);
  return true;
}

std::optional<SpliceKind> Splice::kind() {
  if (!possible_) return std::nullopt;
  for (std::string_view rest = frames_; !rest.empty();) {
    const std::size_t size = wire::first_frame(rest).size;
    if (!take_in(rest.substr(0, size))) return std::nullopt;
    rest.remove_prefix(size);
  }
  if (text_.empty()) {
    kind_ = SpliceKind::restart;
  } else if (prefill_ != Prefill::none) {
    kind_ = SpliceKind::prefill;
  } else if (replayable_ && deltas_ <= replayed_deltas_max) {
    kind_ = SpliceKind::replay;
  }
  return kind_;
}

std::string Splice::second_body(std::string_view body) const {
  if (kind_ != SpliceKind::prefill) return std::string(body);
  std::string out = "{";
  if (prefill_ == Prefill::continue_final_message) {
    out += R"("continue_final_message":true,"add_generation_prompt":false,)";
  }
  std::string scratch;
  for_each_member(body, [&](std::string_view token, std::string_view value) {
    const std::string_view name = plain_name(token, scratch);
    out.append(token).push_back(':');
    if (name == "messages") {
      out.append(value.substr(0, value.rfind(']')));
      out += R"(,{"role":"assistant","content":)";
      append_json_string(out, text_);
      if (prefill_ == Prefill::prefix) out += R"(,"prefix":true)";
      if (prefill_ == Prefill::partial) out += R"(,"partial":true)";
      out += "}]";
    } else if (name == "max_tokens" || name == "max_completion_tokens") {
      // A delta is about a token: what is out is no longer to be made.
      const std::uint64_t most = std::strtoull(std::string(value).c_str(), nullptr, 10);
      out += most > 0 ? std::to_string(most - std::min(most - 1, deltas_)) : std::string(value);
    } else {
      out.append(value);
    }
    out.push_back(',');
    return true;
  });
  out.back() = '}';
  return out;
}

/// Under the id of the first answer, and the first of them marked.
void Splice::pass(std::string_view data, std::string& out) {
  out += "data: ";
  const std::string_view id = json_member(data, "id");
  const auto body = data.find('{');
  if (id.empty() || id_.empty() || body == std::string_view::npos) {
    out.append(data).append("\n\n");
    return;
  }
  const auto at = static_cast<std::size_t>(id.data() - data.data());
  out += '{';
  if (!joined_) out.append(R"("hawser":{"splice":")").append(name_of(*kind_)).append(R"("},)");
  joined_ = true;
  out.append(data.substr(body + 1, at - body - 1)).append(id_).append(data.substr(at + id.size()));
  out += "\n\n";
}

Result<> Splice::join_frame(std::string_view frame, std::string& out) {
  std::string data = data_of(frame);
  if (data.empty()) return {};
  const Delta delta(data);
  const bool out_again = kind_ == SpliceKind::replay && replayed_ < text_.size();
  if (out_again) {
    if (delta.nothing && delta.understood) return {};
    const auto size = std::min(delta.text.size(), text_.size() - replayed_);
    const bool same = delta.understood && !delta.text.empty() &&
                      delta.text.compare(0, size, text_, replayed_, size) == 0;
    replayed_ += size;
    // It may neither differ nor end before what is out.
    if (!same || (delta.finish && replayed_ < text_.size())) return another_answer();
    if (size == delta.text.size() && !delta.finish) return {};
    json::value chunk = json::parse(data);
    chunk.as_object()["choices"].as_array().front().as_object()["delta"].as_object()["content"] =
        delta.text.substr(size);
    data = json::serialize(chunk);
  } else if (!joined_ && delta.nothing && delta.understood && !id_.empty()) {
    return {};  // the role was told
  }
  if (!delta.id.empty()) {
    pass(data, out);
  } else {
    out.append(frame);
  }
  return {};
}

Result<std::string> Splice::join(std::string_view frames) {
  std::string out;
  while (!frames.empty()) {
    const std::size_t size = wire::first_frame(frames).size;
    if (const auto joined = join_frame(frames.substr(0, size), out); !joined) return joined.error();
    frames.remove_prefix(size);
  }
  return out;
}

}  // namespace hawser::dialect
