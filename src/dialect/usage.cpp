#include "dialect/usage.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "base/name_table.hpp"
#include "dialect/count.hpp"
#include "dialect/json_walk.hpp"
#include "dialect/usage_places.hpp"

namespace hawser::dialect {
namespace {

constexpr std::size_t name_max = 64;  // bytes of a name, escapes included

/// A number that counts something; nothing for what is none. Some write 12.0.
std::optional<double> number_of(std::string_view token) {
  if (const auto count = short_count(token)) return *count;
  double number = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), number);
  if (error != std::errc{} || end != token.data() + token.size()) return std::nullopt;
  if (!std::isfinite(number) || number < 0) return std::nullopt;
  return number;
}

std::uint32_t narrow(double number) {
  constexpr double most = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::min(number, most));
}

std::optional<std::uint32_t> count_of(std::string_view token) {
  const auto number = number_of(token);
  return number ? std::optional(narrow(*number)) : std::nullopt;
}

std::uint32_t sum(std::uint32_t a, std::uint32_t b) {
  const std::uint64_t both = std::uint64_t{a} + b;
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(both, std::numeric_limits<std::uint32_t>::max()));
}

std::string plain_text(std::string_view token) {
  std::string text;
  if (is_string(token) && token.size() <= name_max) decode_json_string(token, text);
  return text;
}

using Count = std::optional<std::uint32_t>;

/// Adds to a count that may not have been told yet.
void add(Count& count, std::uint32_t more) {
  count = sum(count.value_or(0), more);
}

/// Where one count has two names, one of them may be 0.
void take_either(Count& count, const Count& told) {
  if (told && (!count || *told > 0)) count = told;
}

/// What one side of a usage, its input or its output, is made of.
struct Kinds {
  Count audio{}, image{}, other{};
  bool split = false;

  void take(std::string_view kind, std::uint32_t count) {
    if (kind == "text" || kind == "document") {
      split = true;
    } else if (kind == "audio") {
      add(audio, count);
      split = true;
    } else if (kind == "image" || kind == "video" || kind == "multimodal") {
      add(image, count);
      split = true;
    } else {
      add(other, count);
    }
  }
};

/// One usage object, before it is joined with what was told earlier.
class Counts {
 public:
  void take(std::string_view object) {
    for_each_named(object, [&](std::string_view name, std::string_view value) {
      if (is_object(value)) {
        take_object(name, value);
      } else if (is_array(value)) {
        take_list(name, value);
      } else if (is_string(value)) {
        take_word(name, value);
      } else {
        take_number(name, value);
      }
      return true;
    });
  }
  void join_to(Usage& usage);

 private:
  struct Field {
    std::string_view name;
    Count Counts::*count;
    bool beside = false;
    bool within = false;
  };
  /// Of a name, or nothing.
  static const Field* field_of(std::string_view name);

  void take_object(std::string_view name, std::string_view value);
  void take_list(std::string_view name, std::string_view value);
  void take_word(std::string_view name, std::string_view value);
  void take_number(std::string_view name, std::string_view value);
  void take_details(std::string_view details, Kinds& kinds);
  void take_cached(std::string_view details);
  void take_cache_creation(std::string_view value);
  void take_searches(std::string_view value);
  void take_tokens(std::string_view value);
  void take_billed(std::string_view value);
  void take_iterations(std::string_view list);
  static void take_modalities(std::string_view list, Kinds& kinds);
  void settle_sums();

  Count input_{}, output_{}, total_{};
  Count cached_{}, cache_write_{}, cache_long_{}, reasoning_{};
  Count thoughts_{};  // beside `output_`
  Count response_{};  // output with its thoughts
  Count tool_input_{};
  Count searches_{}, audio_ms_{};
  Count billed_input_{}, billed_output_{};
  std::uint32_t more_input_ = 0, more_output_ = 0;  // of further calls within the one
  Kinds in_{}, out_{}, of_cached_{};
  std::optional<ServiceTier> tier_{};
  bool beside_ = false;  // the cache is told as by Anthropic, whose input does not count it
  bool within_ = false;  // the input is told as by OpenAI, whose input does
};

const Counts::Field* Counts::field_of(std::string_view name) {
  static constexpr auto fields = exact_names(std::to_array<Field>({
      {"prompt_tokens", &Counts::input_, false, true},
      {"input_tokens", &Counts::input_},
      {"inputTokens", &Counts::input_},
      {"promptTokenCount", &Counts::input_},
      {"toolUsePromptTokenCount", &Counts::tool_input_},
      {"citation_tokens", &Counts::tool_input_},  // Perplexity's, beside its prompt
      {"completion_tokens", &Counts::output_},
      {"output_tokens", &Counts::output_},
      {"outputTokens", &Counts::output_},
      {"candidatesTokenCount", &Counts::output_},
      {"responseTokenCount", &Counts::response_},
      {"thoughtsTokenCount", &Counts::thoughts_},
      {"total_tokens", &Counts::total_},
      {"totalTokens", &Counts::total_},
      {"totalTokenCount", &Counts::total_},
      {"cached_tokens", &Counts::cached_},
      {"cachedContentTokenCount", &Counts::cached_},
      {"prompt_cache_hit_tokens", &Counts::cached_},
      {"cache_write_tokens", &Counts::cache_write_},
      {"cache_read_input_tokens", &Counts::cached_, true},
      {"cache_creation_input_tokens", &Counts::cache_write_, true},
      {"cacheReadInputTokens", &Counts::cached_, true},
      {"cacheWriteInputTokens", &Counts::cache_write_, true},
      {"cacheReadInputTokenCount", &Counts::cached_, true},
      {"cacheWriteInputTokenCount", &Counts::cache_write_, true},
      {"reasoning_tokens", &Counts::reasoning_},
      {"search_units", &Counts::searches_},
      {"num_search_queries", &Counts::searches_},
  }));
  return fields.find(name);
}

void Counts::take_object(std::string_view name, std::string_view value) {
  if (name == "prompt_tokens_details" || name == "input_tokens_details" ||
      name == "input_token_details" || name == "prompt_token_details") {
    take_details(value, in_);
  } else if (name == "completion_tokens_details" || name == "output_tokens_details" ||
             name == "output_token_details") {
    take_details(value, out_);
  } else if (name == "cache_creation") {
    take_cache_creation(value);
  } else if (name == "server_tool_use" || name == "server_tool_use_details" ||
             name == "server_side_tool_usage_details" || name == "serverToolUsage") {
    take_searches(value);
  } else if (name == "tokens") {
    take_tokens(value);
  } else if (name == "billed_units") {
    take_billed(value);
  }
}

void Counts::take_list(std::string_view name, std::string_view value) {
  if (name == "promptTokensDetails" || name == "promptTokenDetails" ||
      name == "toolUsePromptTokensDetails") {
    take_modalities(value, in_);
  } else if (name == "candidatesTokensDetails" || name == "responseTokensDetails") {
    take_modalities(value, out_);
  } else if (name == "cacheTokensDetails") {
    take_modalities(value, of_cached_);
  } else if (name == "iterations") {
    take_iterations(value);
  }
}

void Counts::take_word(std::string_view name, std::string_view value) {
  if (name != "service_tier" && name != "serviceTier" && name != "trafficType" && name != "speed") {
    return;
  }
  const ServiceTier tier =
      value.size() > name_max ? ServiceTier::other : service_tier_of(plain_text(value));
  tier_ = std::max(tier_.value_or(ServiceTier::standard), tier);
}

void Counts::take_number(std::string_view name, std::string_view value) {
  const auto number = number_of(value);
  if (!number) return;
  if (name == "seconds" || name == "prompt_audio_seconds") {
    audio_ms_ = narrow(std::ceil(*number * 1000));
    return;
  }
  const Field* const field = field_of(name);
  if (field == nullptr) return;
  take_either(this->*field->count, narrow(*number));
  beside_ = beside_ || field->beside;
  within_ = within_ || field->within;
}

/// Details tell of what a count is made.
void Counts::take_details(std::string_view details, Kinds& kinds) {
  for_each_named(details, [&](std::string_view name, std::string_view value) {
    if (name == "cached_tokens_details" && is_object(value)) take_cached(value);
    const auto count = count_of(value);
    constexpr std::string_view ending = "_tokens";
    if (!count || !name.ends_with(ending)) return true;
    name.remove_suffix(ending.size());
    if (name == "cached") {
      take_either(cached_, count);
    } else if (name == "cache_write") {
      take_either(cache_write_, count);
    } else if (name == "reasoning" || name == "thinking") {
      take_either(reasoning_, count);
    } else if (name != "accepted_prediction" && name != "rejected_prediction") {
      kinds.take(name, *count);
    }
    return true;
  });
}

void Counts::take_cached(std::string_view details) {
  for_each_named(details, [&](std::string_view name, std::string_view value) {
    const auto count = count_of(value);
    if (count && name == "audio_tokens") of_cached_.take("audio", *count);
    if (count && name == "image_tokens") of_cached_.take("image", *count);
    return true;
  });
}

/// By how long it is kept. Of a time that is not known here the dearest is taken.
void Counts::take_cache_creation(std::string_view value) {
  std::uint32_t all = 0;
  for_each_named(value, [&](std::string_view name, std::string_view token) {
    const auto count = count_of(token);
    if (!count || !name.starts_with("ephemeral_")) return true;
    all = sum(all, *count);
    if (!name.starts_with("ephemeral_5m_")) add(cache_long_, *count);
    return true;
  });
  if (all > 0 && cache_write_.value_or(0) < all) cache_write_ = all;
  beside_ = true;
}

void Counts::take_searches(std::string_view value) {
  for_each_named(value, [&](std::string_view name, std::string_view token) {
    const auto count = count_of(token);
    const bool search =
        name == "web_search_requests" || name == "web_search_calls" || name == "x_search_calls";
    if (count && search) add(searches_, *count);
    return true;
  });
}

/// Cohere's, whose pictures are not counted as input.
void Counts::take_tokens(std::string_view value) {
  Counts inner;
  Count images;
  for_each_named(value, [&](std::string_view name, std::string_view token) {
    if (name == "image_tokens") images = count_of(token);
    inner.take_number(name, token);
    return true;
  });
  take_either(input_, inner.input_);
  take_either(output_, inner.output_);
  take_either(reasoning_, inner.reasoning_);
  take_either(cached_, inner.cached_);
  if (!images) return;
  in_.take("image", *images);
  add(input_, *images);
}

/// What is paid for, whatever the tokens were.
void Counts::take_billed(std::string_view value) {
  Counts inner;
  Count images;
  for_each_named(value, [&](std::string_view name, std::string_view token) {
    if (name == "image_tokens") images = count_of(token);
    inner.take_number(name, token);
    return true;
  });
  billed_input_ = inner.input_;
  billed_output_ = inner.output_;
  take_either(searches_, inner.searches_);
  if (images) add(billed_input_, *images);
}

/// The totals of a message hold its own iterations: not those of an advisor or a compaction.
void Counts::take_iterations(std::string_view list) {
  for_each_element(list, [&](std::string_view iteration) {
    const std::string type = json_text(iteration, "type").value_or("");
    if (!is_object(iteration) || type.empty() || type == "message") return true;
    Counts inner;
    for_each_named(iteration, [&](std::string_view name, std::string_view token) {
      inner.take_number(name, token);
      return true;
    });
    more_input_ = sum(more_input_, inner.input_.value_or(0));
    more_input_ = sum(more_input_, inner.cached_.value_or(0));
    more_input_ = sum(more_input_, inner.cache_write_.value_or(0));
    more_output_ = sum(more_output_, inner.output_.value_or(0));
    return true;
  });
}

void Counts::take_modalities(std::string_view list, Kinds& kinds) {
  for_each_element(list, [&](std::string_view element) {
    std::string modality = json_text(element, "modality").value_or("");
    for (char& c : modality) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    const auto count = count_of(json_member(element, "tokenCount"));
    if (count) kinds.take(modality, *count);
    return true;
  });
}

/// Providers differ in what they count as input and output: afterwards all of it is.
void Counts::settle_sums() {
  if (billed_input_ || billed_output_) {
    input_ = billed_input_;
    output_ = billed_output_;
    cached_.reset();
    total_.reset();
  }
  if (tool_input_) add(input_, *tool_input_);
  // Mistral does not count sound as input.
  const std::uint32_t media = sum(in_.audio.value_or(0), in_.image.value_or(0));
  if (input_ && media > *input_) add(input_, media);
  // What only has a total, such as a reranking, generates nothing.
  if (!input_ && !output_ && total_) input_ = total_;
  if (thoughts_) {  // Gemini tells what was thought beside the answer, but for that of a live one
    reasoning_ = thoughts_;
    add(output_, *thoughts_);
  }
  if (response_) output_ = response_;
  // xAI does not count what was thought as output, but its total does; others do not say what the
  // rest is.
  const std::uint64_t cache =
      beside_ && !within_ ? std::uint64_t{cached_.value_or(0)} + cache_write_.value_or(0) : 0;
  const std::uint64_t told = std::uint64_t{input_.value_or(0)} + output_.value_or(0) + cache;
  if (input_ && total_.value_or(0) > told) {
    const auto rest = static_cast<std::uint32_t>(*total_ - told);
    add(output_, rest);
    if (!reasoning_) reasoning_ = rest;
  }
  // Perplexity's deep research counts what was thought nowhere else. Rounding makes a few more.
  constexpr std::uint32_t rounding = 16;
  const std::uint32_t shown = output_.value_or(0);
  if (reasoning_.value_or(0) > shown) {
    output_ = *reasoning_ - shown > rounding ? sum(shown, *reasoning_) : *reasoning_;
  }
  if (more_input_ > 0) add(input_, more_input_);
  if (more_output_ > 0) add(output_, more_output_);
}

void join(const Count& count, std::uint32_t& known) {
  if (count && *count > 0) known = *count;
}

void Counts::join_to(Usage& usage) {
  settle_sums();
  if (tier_) {
    usage.tier = *tier_;
    usage.tier_told = true;
  }
  if (!input_ && !output_ && !searches_ && !audio_ms_) return;
  usage.known = true;
  join(input_, usage.input);
  join(output_, usage.output);
  join(cached_, usage.cached);
  join(cache_write_, usage.cache_write);
  join(cache_long_, usage.cache_write_long);
  join(reasoning_, usage.reasoning);
  join(in_.audio, usage.audio_input);
  join(in_.image, usage.image_input);
  join(in_.other, usage.other_input);
  join(out_.audio, usage.audio_output);
  join(out_.image, usage.image_output);
  join(out_.other, usage.other_output);
  join(of_cached_.audio, usage.audio_cached);
  join(of_cached_.image, usage.image_cached);
  join(searches_, usage.searches);
  join(audio_ms_, usage.audio_ms);
  usage.input_split = usage.input_split || in_.split;
  usage.output_split = usage.output_split || out_.split;
  if (beside_ && !within_) usage.cached_within = false;
}

}  // namespace

void take_unknown_tier(Usage& usage) {
  usage.tier = ServiceTier::other;
  usage.tier_told = true;
}

void take_meta(std::string_view meta, Usage& usage) {
  const std::string_view billed = json_member(meta, "billed_units");
  if (!is_object(billed)) return;
  take_usage("{\"billed_units\":" + std::string(billed) + "}", usage);
}

void take_service_tier(std::string_view token, Usage& usage) {
  if (!is_string(token)) return;
  if (token.size() > name_max) return take_unknown_tier(usage);
  usage.tier = service_tier_of(plain_text(token));
  usage.tier_told = true;
}

void take_usage(std::string_view object, Usage& usage) {
  Counts counts;
  counts.take(object);
  counts.join_to(usage);
}

bool take_usage_of(std::string_view object, Usage& usage) {
  Usage found = usage;
  const bool whole = for_each_named(object, [&](std::string_view name, std::string_view value) {
    if (is_tier(name)) take_service_tier(value, found);
    if (!is_object(value)) return true;
    if (is_usage(name)) {
      take_usage(value, found);
    } else if (name == "meta") {
      take_meta(value, found);
    } else if (is_holder(name)) {
      for_each_named(value, [&](std::string_view inner, std::string_view there) {
        if (is_tier(inner)) take_service_tier(there, found);
        if (is_object(there) && is_usage(inner)) take_usage(there, found);
        return true;
      });
    }
    return true;
  });
  if (whole) usage = found;
  return whole;
}

}  // namespace hawser::dialect
