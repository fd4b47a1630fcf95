#include "stage/admit/forecast.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/json.hpp"
#include "stage/admit/media_facts.hpp"

namespace hawser::stage::admit {

using dialect::Operation;
using exchange::Exchange;
using exchange::Request;
using price::Purchase;

namespace {

constexpr std::uint64_t bytes_a_token = 4;
constexpr std::uint64_t pictures_max = 10;  // that an API makes in one call
constexpr std::uint64_t picture_input_max =
    20'000;  // tokens of a prompt and the pictures beside it
constexpr std::uint64_t audio_tokens_a_second = 17;
constexpr std::uint64_t transcript_tokens_a_second = 4;
constexpr std::uint64_t speech_tokens_a_character = 2;
constexpr std::uint64_t documents_a_search = 100;

std::uint32_t narrow(std::uint64_t count) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(count, std::numeric_limits<std::uint32_t>::max()));
}

/// Of one picture, by the table of OpenAI's guide for its image models: the largest of a quality.
std::uint64_t tokens_of_picture(std::string_view size, std::string_view quality) {
  const bool square = size == "1024x1024";
  if (quality == "low") return square ? 272 : 408;
  if (quality == "medium") return square ? 1'056 : 1'584;
  return square ? 4'160 : 6'240;
}

void forecast_pictures(const Request& request, const MediaFacts& facts, Forecast& forecast) {
  const auto given = facts.number("n");
  const bool unread = !facts.readable() || (!given && facts.has("n") && !request.json);
  const std::uint64_t count = std::max<std::uint64_t>(given.value_or(unread ? pictures_max : 1), 1);
  const auto or_default = [&](const char* name, const char* otherwise) {
    // Where it cannot be read, the dearest counts.
    if (!facts.readable() || facts.has_several(name)) return std::string("auto");
    const auto value = price::as_requests_say(facts.text(name));
    return value.empty() ? std::string(otherwise) : value;
  };
  std::string size = or_default("size", "1024x1024");
  if (facts.has("width") || facts.has("height")) {
    const auto width = facts.number("width"), height = facts.number("height");
    size = width && height && !facts.has("size")
               ? std::to_string(*width) + "x" + std::to_string(*height)
               : "auto";
  }
  const std::string quality = or_default("quality", "standard");
  forecast.picture = size + "/" + quality;
  forecast.media.images = narrow(count);
  forecast.tokens.input = std::min(request.body.size() / bytes_a_token, picture_input_max);
  forecast.tokens.output = narrow(count) * tokens_of_picture(size, quality);
}

/// Whether the sound is in the request, and not where a name or an address in it points to.
bool brings_its_sound(const Request& request, const MediaFacts& facts) {
  if (request.json) return false;
  return !facts.is_form() || (facts.has("file") && !facts.has("url") && !facts.has("file_url") &&
                              !facts.has("audio_url") && !facts.has("file_id"));
}

void forecast_audio(const Request& request, const MediaFacts& facts,
                    const ForecastDefaults& defaults, Forecast& forecast) {
  if (!brings_its_sound(request, facts)) {
    forecast.measured = false;
    return;
  }
  std::optional<std::uint64_t> length = facts.wav_length_ms();
  const bool sized = request.framing == wire::Framing::length || !request.body.empty();
  if (!length && sized) {
    const std::uint64_t bytes =
        std::max<std::uint64_t>(request.body.size(), request.content_length);
    length = bytes * 1000 / defaults.audio_bytes_a_second + 1;
  }
  forecast.measured = length.has_value();
  if (!length) return;
  forecast.media.audio_ms = narrow(*length);
  const std::uint64_t seconds = *length / 1000 + 1;
  forecast.tokens.input = seconds * audio_tokens_a_second;
  forecast.tokens.output = seconds * transcript_tokens_a_second;
}

void forecast_speech(const MediaFacts& facts, Forecast& forecast) {
  const std::uint64_t characters = facts.characters("input");
  forecast.measured = facts.readable();
  forecast.media.characters = narrow(characters);
  forecast.tokens.input = characters;
  forecast.tokens.output = characters * speech_tokens_a_character;
}

void forecast_search(const MediaFacts& facts, std::uint64_t body, Forecast& forecast) {
  std::uint64_t documents = 0;
  for (const auto* name : {"documents", "texts", "passages", "inputs"}) {
    documents = std::max(documents, facts.elements(name));
  }
  forecast.measured = facts.readable();
  forecast.media.searches =
      narrow(std::max<std::uint64_t>((documents + documents_a_search - 1) / documents_a_search, 1));
  forecast.tokens.input = body / bytes_a_token;
}

}  // namespace

dialect::Usage Forecast::usage() const {
  dialect::Usage usage;
  usage.input = narrow(tokens.input);
  usage.output = narrow(tokens.output);
  return completed(usage);
}

dialect::Usage Forecast::completed(dialect::Usage told) const {
  const bool cheaper = tier < dialect::ServiceTier::priority;
  if (!told.tier_told) told.tier = cheaper ? dialect::ServiceTier::standard : tier;
  if (!told.input_split && purchase == Purchase::audio) told.audio_input = told.input;
  if (!told.output_split && purchase == Purchase::speech) told.audio_output = told.output;
  if (!told.output_split && purchase == Purchase::images) told.image_output = told.output;
  return told;
}

dialect::ServiceTier service_tier_of(const Request& request) {
  auto tier = dialect::ServiceTier::standard;
  if (!request.json) return tier;
  for (const auto name : {"service_tier", "serviceTier", "speed"}) {
    const std::string_view token = json_member(request.body, name);
    dialect::Usage asked;
    dialect::take_service_tier(token, asked);
    tier = std::max(tier, asked.tier);
  }
  return tier;
}

Purchase purchase_of(const Exchange& exchange) {
  const Operation operation = exchange.request.endpoint.operation();
  switch (dialect::pricing_of(operation, exchange.method)) {
    case dialect::Pricing::none:
      return Purchase::nothing;
    case dialect::Pricing::tokens:
      return operation == Operation::embeddings || operation == Operation::gemini_embed
                 ? Purchase::text_in
                 : Purchase::text;
    case dialect::Pricing::images:
      return Purchase::images;
    case dialect::Pricing::seconds:
      // Videos name their length in ways of their own: a price for the call.
      return operation == Operation::videos ? Purchase::unknown : Purchase::audio;
    case dialect::Pricing::characters:
      return Purchase::speech;
    case dialect::Pricing::calls:
      return operation == Operation::moderations ? Purchase::text_in : Purchase::searches;
    case dialect::Pricing::unknown:
      return Purchase::unknown;
  }
  return Purchase::unknown;
}

std::uint64_t token_numbers(const Request& request) {
  const Operation operation = request.endpoint.operation();
  if (operation == Operation::embeddings) return MediaFacts(request).numbers("input");
  return operation == Operation::completions ? MediaFacts(request).numbers("prompt") : 0;
}

TextFacts text_facts(const Request& request, std::string_view model) {
  return {.asked = asked_text(request.body, model),
          .token_numbers = token_numbers(request),
          .choices = std::max<std::uint64_t>(request.facts.choices, 1),
          .output_max = request.facts.output_max,
          .tier = service_tier_of(request)};
}

Forecast forecast_text(const Exchange& exchange, const TextFacts& facts, const History& history,
                       const ForecastDefaults& defaults) {
  Forecast forecast;
  forecast.purchase = purchase_of(exchange);
  forecast.tier = facts.tier;
  forecast.tokens.input = std::max(history.input_of(facts.asked), facts.token_numbers);
  if (exchange.request.endpoint.operation() == Operation::moderations) {
    forecast.default_model = "omni-moderation-latest";
  }
  if (forecast.purchase == Purchase::text_in) return forecast;
  std::uint64_t output = history.output_p80(defaults.output_tokens);
  if (facts.output_max > 0) output = std::min(output, facts.output_max);
  forecast.tokens.output = output * facts.choices;
  const std::uint64_t most =
      facts.output_max > 0 ? facts.output_max
                           : std::max<std::uint64_t>(history.output_most(), defaults.output_tokens);
  forecast.output_most = most * facts.choices;
  return forecast;
}

Forecast forecast_media(const Exchange& exchange, const ForecastDefaults& defaults) {
  const Request& request = exchange.request;
  Forecast forecast;
  forecast.purchase = purchase_of(exchange);
  forecast.tier = service_tier_of(request);
  const MediaFacts facts(request);
  switch (forecast.purchase) {
    case Purchase::nothing:
      if (request.json || request.framing == wire::Framing::none) return forecast;
      break;
    case Purchase::text:
    case Purchase::text_in:
    case Purchase::unknown:
      break;
    case Purchase::images:
      forecast.default_model = "dall-e-2";
      forecast_pictures(request, facts, forecast);
      break;
    case Purchase::audio:
      forecast_audio(request, facts, defaults, forecast);
      break;
    case Purchase::speech:
      forecast_speech(facts, forecast);
      break;
    case Purchase::searches:
      forecast_search(facts, request.body.size(), forecast);
      break;
  }
  // Never as nothing: what cannot be measured counts as an answer that nothing is known of.
  forecast.tokens.input = std::max<std::uint64_t>(forecast.tokens.input, defaults.input_tokens);
  if (forecast.purchase != Purchase::searches) {
    forecast.tokens.output =
        std::max<std::uint64_t>(forecast.tokens.output, defaults.output_tokens);
  }
  return forecast;
}

}  // namespace hawser::stage::admit
