#include "dialect/usage.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "dialect/json_walk.hpp"

namespace hawser::dialect {
namespace {

constexpr std::size_t name_max = 64;            // bytes of a name, escapes included
constexpr std::size_t usage_max = 64UL * 1024;  // a longer one is not read
constexpr int nested_max = 2;                   // usage.tokens.input_tokens

/// A count; nothing for what is none. Some write 12.0.
std::optional<std::uint32_t> count_of(std::string_view token) {
  double number = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), number);
  if (error != std::errc{} || end != token.data() + token.size()) return std::nullopt;
  if (!std::isfinite(number) || number < 0) return std::nullopt;
  constexpr double most = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::min(number, most));
}

/// One usage object, before it is joined with what was told earlier.
struct Counts {
  std::optional<std::uint32_t> input{}, output{}, total{};
  std::optional<std::uint32_t> cached{}, cache_write{}, reasoning{};
  std::optional<std::uint32_t> thoughts{};  // beside `output`
  std::optional<std::uint32_t> tool_input{};
  bool beside = false;  // the cache is told as by Anthropic, whose input does not count it
  bool within = false;  // the input is told as by OpenAI, whose input does

  struct Field {
    std::string_view name;
    std::optional<std::uint32_t> Counts::*count;
    bool beside = false;
    bool within = false;
  };
  static constexpr std::size_t fields_count = 17;
  static const Field fields[fields_count];

  void take(std::string_view object, int depth) {
    for_each_named(object, [&](std::string_view name, std::string_view value) {
      if (is_object(value)) {
        nested(name, value, depth);
        return true;
      }
      const auto number = count_of(value);
      if (!number) return true;
      for (const Field& field : fields) {
        if (name != field.name) continue;
        // Where one count has two names, one of them may be 0.
        auto& count = this->*field.count;
        if (!count || *number > 0) count = number;
        if (field.beside) beside = true;
        if (field.within) within = true;
      }
      return true;
    });
  }
  /// Details tell of what a count is made; some tell the counts themselves one deeper.
  void nested(std::string_view name, std::string_view value, int depth) {
    if (depth >= nested_max) return;
    Counts inner;
    inner.take(value, depth + 1);
    const bool of_input = name == "prompt_tokens_details" || name == "input_tokens_details" ||
                          name == "input_token_details";
    const bool of_output = name == "completion_tokens_details" || name == "output_tokens_details" ||
                           name == "output_token_details";
    const bool own = name == "tokens" || name == "billed_units";
    if ((of_input || own) && !cached) cached = inner.cached;
    if ((of_input || own) && !cache_write) cache_write = inner.cache_write;
    if ((of_output || own) && !reasoning) reasoning = inner.reasoning;
    if (own && !input) input = inner.input;
    if (own && !output) output = inner.output;
  }
};

const Counts::Field Counts::fields[Counts::fields_count] = {
    {"prompt_tokens", &Counts::input, false, true},
    {"input_tokens", &Counts::input},
    {"promptTokenCount", &Counts::input},
    {"toolUsePromptTokenCount", &Counts::tool_input},
    {"completion_tokens", &Counts::output},
    {"output_tokens", &Counts::output},
    {"candidatesTokenCount", &Counts::output},
    {"thoughtsTokenCount", &Counts::thoughts},
    {"total_tokens", &Counts::total},
    {"totalTokenCount", &Counts::total},
    {"cached_tokens", &Counts::cached},
    {"cachedContentTokenCount", &Counts::cached},
    {"prompt_cache_hit_tokens", &Counts::cached},
    {"cache_write_tokens", &Counts::cache_write},
    {"cache_read_input_tokens", &Counts::cached, true},
    {"cache_creation_input_tokens", &Counts::cache_write, true},
    {"reasoning_tokens", &Counts::reasoning},
};

std::uint32_t sum(std::uint32_t a, std::uint32_t b) {
  const std::uint64_t both = std::uint64_t{a} + b;
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(both, std::numeric_limits<std::uint32_t>::max()));
}

void join(const std::optional<std::uint32_t>& count, std::uint32_t& known) {
  if (count && *count > 0) known = *count;
}

/// What may hold a usage, beside the document itself.
bool is_holder(std::string_view name) {
  return name == "response" || name == "message" || name == "x_groq";
}
bool is_usage(std::string_view name) {
  return name == "usage" || name == "usageMetadata";
}

}  // namespace

void take_usage(std::string_view object, Usage& usage) {
  Counts counts;
  counts.take(object, 0);
  if (counts.thoughts) {  // Gemini tells what was thought beside the answer
    counts.reasoning = counts.thoughts;
    counts.output = sum(counts.output.value_or(0), *counts.thoughts);
  }
  if (counts.tool_input) counts.input = sum(counts.input.value_or(0), *counts.tool_input);
  // What only has a total, such as a reranking, generates nothing.
  if (!counts.input && !counts.output && counts.total) counts.input = counts.total;
  // xAI does not count what was thought as output, but its total does.
  const std::uint64_t told = std::uint64_t{counts.input.value_or(0)} + counts.output.value_or(0);
  const std::uint32_t reasoning = counts.reasoning.value_or(0);
  if (!counts.thoughts && reasoning > 0 && counts.total.value_or(0) == told + reasoning) {
    counts.output = sum(counts.output.value_or(0), reasoning);
  }
  if (!counts.input && !counts.output) return;
  usage.known = true;
  join(counts.input, usage.input);
  join(counts.output, usage.output);
  join(counts.cached, usage.cached);
  join(counts.cache_write, usage.cache_write);
  join(counts.reasoning, usage.reasoning);
  if (counts.beside && !counts.within) usage.cached_within = false;
}

bool take_usage_of(std::string_view object, Usage& usage) {
  Usage found = usage;
  const bool whole = for_each_named(object, [&](std::string_view name, std::string_view value) {
    if (!is_object(value)) return true;
    if (is_usage(name)) {
      take_usage(value, found);
    } else if (is_holder(name)) {
      for_each_named(value, [&](std::string_view inner, std::string_view usage_there) {
        if (is_object(usage_there) && is_usage(inner)) take_usage(usage_there, found);
        return true;
      });
    }
    return true;
  });
  if (whole) usage = found;
  return whole;
}

// --- UsageReader

void UsageReader::feed(std::string_view piece) {
  const char* at = piece.data();
  const char* const end = at + piece.size();
  kept_from_ = at;
  while (at < end) at = step(at, end);
  if (is_name_ || capturing_) keep(end);
}

/// What was kept so far of a name or a usage: more than is looked at ends it.
void UsageReader::keep(const char* until) {
  const auto size = static_cast<std::size_t>(until - kept_from_);
  const std::size_t most = capturing_ ? usage_max : name_max;
  if (token_.size() + size > most) {
    is_name_ = capturing_ = false;
    token_.clear();
    return;
  }
  token_.append(kept_from_, size);
}

const char* UsageReader::step(const char* at, const char* end) {
  if (in_string_) return string_end(at, end);
  switch (*at) {
    case '"':
      begin_string(at);
      return at + 1;  // string_end() alone knows of escapes
    case '{':
    case '[':
      open(at);
      break;
    case '}':
    case ']':
      close(at);
      break;
    case ',':
      if (watches()) expects_name_ = true;
      break;
    default:
      break;
  }
  // Numbers, blanks and words say nothing: lists of them are most of an embedding.
  constexpr auto structural = [](char c) {
    return c == '"' || c == ',' || (c | 0x20) == '{' || (c | 0x20) == '}';
  };
  ++at;
  while (at < end && !structural(*at)) ++at;
  return at;
}

const char* UsageReader::string_end(const char* at, const char* end) {
  while (at < end) {
    if (std::exchange(escaped_, false)) {
      ++at;
      continue;
    }
    while (at < end && *at != '"' && *at != '\\') ++at;
    if (at == end) break;
    if (*at == '\\') {
      escaped_ = true;
      ++at;
      continue;
    }
    in_string_ = false;
    end_string(at);
    return at + 1;
  }
  return end;
}

void UsageReader::begin_string(const char* at) {
  in_string_ = true;
  if (capturing_ || !std::exchange(expects_name_, false) || !watches()) return;
  is_name_ = true;
  token_.clear();
  kept_from_ = at;
}

void UsageReader::end_string(const char* at) {
  if (!std::exchange(is_name_, false)) return;
  const auto size = static_cast<std::size_t>(at + 1 - kept_from_);
  name_ = Name::none;
  if (token_.size() + size > name_max) return;
  token_.append(kept_from_, size);
  std::string scratch;
  const std::string_view name = plain_name(token_, scratch);
  if (is_usage(name)) name_ = Name::usage;
  if (depth_ == base_ && is_holder(name)) name_ = Name::holder;
}

void UsageReader::open(const char* at) {
  const bool object = *at == '{';
  const bool value = watches();  // of a name that is looked at
  const Name name = std::exchange(name_, Name::none);
  ++depth_;
  expects_name_ = false;
  if (capturing_) return;
  // The document itself, or one of a list.
  if (base_ == 0 && object && depth_ <= 2) base_ = depth_;
  if (object && depth_ == base_) expects_name_ = true;
  if (!value || !object) return;
  if (name == Name::holder) holder_ = expects_name_ = true;
  if (name != Name::usage) return;
  capturing_ = true;
  captured_at_ = depth_;
  token_.clear();
  kept_from_ = at;
}

void UsageReader::close(const char* at) {
  if (capturing_ && depth_ == captured_at_) {
    keep(at + 1);
    if (capturing_) take_usage(token_, usage_);
    capturing_ = false;
    token_.clear();
  }
  if (depth_ > 0) --depth_;
  if (depth_ <= base_) holder_ = false;
  expects_name_ = false;
}

}  // namespace hawser::dialect
