#include "stage/admit/forecast.hpp"

#include <gtest/gtest.h>

namespace hawser::stage::admit {
namespace {

using price::Purchase;

constexpr ForecastDefaults defaults{512, 300, 1'000};

struct Asked {
  net::Cancellation cancellation;
  exchange::Exchange exchange{cancellation};

  explicit Asked(std::string_view path, std::string_view body = {},
                 std::string_view method = "POST") {
    exchange.method = method;
    auto& request = exchange.request;
    request.endpoint = dialect::endpoint_of(method, path);
    request.body = body;
    request.json = body.starts_with('{');
    request.framing = body.empty() ? wire::Framing::none : wire::Framing::length;
    request.content_length = body.size();
    if (request.json) {
      EXPECT_TRUE(dialect::peek_request(body, request.facts));
    } else if (!body.empty()) {
      request.media = exchange::Media::form;
    }
  }
  Forecast forecast() const {
    if (!exchange.request.json || !is_text(purchase_of(exchange))) {
      return forecast_media(exchange, defaults);
    }
    const History nothing("m");
    return forecast_text(exchange, text_facts(exchange.request, "m"), nothing, defaults);
  }
};

Purchase purchase(std::string_view path, std::string_view method = "POST") {
  return purchase_of(Asked(path, {}, method).exchange);
}

TEST(Purchase, IsWhatTheOperationBuys) {
  EXPECT_EQ(purchase("/v1/chat/completions"), Purchase::text);
  EXPECT_EQ(purchase("/v1beta/models/m:generateContent"), Purchase::text);
  EXPECT_EQ(purchase("/v1/embeddings"), Purchase::text_in);
  EXPECT_EQ(purchase("/v1/moderations"), Purchase::text_in);
  EXPECT_EQ(purchase("/v1/images/edits"), Purchase::images);
  EXPECT_EQ(purchase("/v1/audio/translations"), Purchase::audio);
  EXPECT_EQ(purchase("/v1/audio/speech"), Purchase::speech);
  EXPECT_EQ(purchase("/v1/rerank"), Purchase::searches);
  EXPECT_EQ(purchase("/v1/batches"), Purchase::unknown);
  EXPECT_EQ(purchase("/v1/batches", "GET"), Purchase::nothing);
  EXPECT_EQ(purchase("/v1/videos"), Purchase::unknown);
  EXPECT_EQ(purchase("/v1/of/next/year"), Purchase::unknown);
  EXPECT_EQ(purchase("/v1/of/next/year", "GET"), Purchase::unknown);
  EXPECT_EQ(purchase("/v1/models", "GET"), Purchase::nothing);
}

TEST(Forecast, PicturesByNumberAndSize) {
  const auto two =
      Asked("/v1/images/generations", R"({"model":"m","n":2,"size":"1024x1024","quality":"low"})")
          .forecast();
  EXPECT_EQ(two.media.images, 2u);
  EXPECT_EQ(two.picture, "1024x1024/low");
  EXPECT_EQ(two.tokens.output, 2u * 272);
  const auto one = Asked("/v1/images/generations", R"({"model":"m"})").forecast();
  EXPECT_EQ(one.media.images, 1u);
  EXPECT_EQ(one.picture, "1024x1024/standard");
  // Nobody knows what stands behind a file that streams: the most there can be.
  Asked streamed("/v1/images/edits");
  streamed.exchange.request.framing = wire::Framing::chunked;
  EXPECT_EQ(streamed.forecast().media.images, 10u);
  EXPECT_EQ(streamed.forecast().tokens.output, 62'400u);
}

TEST(Forecast, SoundBySecondsOrBytes) {
  Asked upload("/v1/audio/transcriptions");
  auto& request = upload.exchange.request;
  request.framing = wire::Framing::length;
  request.content_length = 60'000;
  EXPECT_TRUE(upload.forecast().measured);
  EXPECT_EQ(upload.forecast().media.audio_ms, 60'001u);
  EXPECT_GE(upload.forecast().tokens.input, 60u * 17);
  request.framing = wire::Framing::chunked;
  request.content_length = 0;
  EXPECT_FALSE(upload.forecast().measured);
}

TEST(Forecast, SpeechByCharactersAndSearchesByDocuments) {
  const auto speech =
      Asked("/v1/audio/speech", R"({"model":"m","input":"12345678901234567890"})").forecast();
  EXPECT_EQ(speech.media.characters, 20u);
  std::string documents = R"({"model":"m","query":"q","documents":["a")";
  for (int i = 0; i < 249; ++i) documents += ",\"a\"";
  EXPECT_EQ(Asked("/v1/rerank", documents + "]}").forecast().media.searches, 3u);
  EXPECT_EQ(Asked("/v1/rerank", R"({"model":"m"})").forecast().media.searches, 1u);
}

TEST(Forecast, WhatIsNotKnownCountsAsSomething) {
  const auto unknown = Asked("/v1/of/next/year", R"({"a":1})").forecast();
  EXPECT_EQ(unknown.tokens.input, 512u);
  EXPECT_EQ(unknown.tokens.output, 300u);
  EXPECT_EQ(Asked("/v1/files", "--b").forecast().tokens.output, 300u);
  EXPECT_EQ(Asked("/v1/files", {}, "GET").forecast().tokens.output, 0u);
}

TEST(Forecast, NumbersOfAClientAreBounded) {
  const auto huge = Asked("/v1/images/generations", R"({"model":"m","n":1e300})").forecast();
  EXPECT_EQ(huge.media.images, 1'000'000'000u);
  EXPECT_EQ(huge.usage().output, 0xffffffffu);
  const Asked chat("/v1/chat/completions",
                   R"({"model":"m","n":4000000000,"max_tokens":4000000000})");
  EXPECT_GE(text_facts(chat.exchange.request, "m").choices, 1'000u);
  const Asked gemini("/v1beta/models/m:generateContent",
                     R"({"generationConfig":{"candidateCount":99999999,"maxOutputTokens":7}})");
  EXPECT_EQ(text_facts(gemini.exchange.request, "m").choices, 65'535u);
  EXPECT_EQ(text_facts(gemini.exchange.request, "m").output_max, 7u);
  EXPECT_EQ(token_numbers(Asked("/v1/embeddings", R"({"input":[[1,2],[3]]})").exchange.request),
            3u);
}

/// Every operation that is priced by what it uses, with the most that a request says of it.
struct Reserved {
  std::string_view path;
  std::string_view body;
  std::uint64_t input;   // tokens, at least
  std::uint64_t output;  // tokens, exactly
  price::MediaUsage media{};
};
const Reserved reserved[] = {
    {"/v1/chat/completions", R"({"model":"m","messages":[{"role":"user","content":"hi"}]})", 1,
     300},
    {"/v1/chat/completions", R"({"model":"m","messages":[],"n":3,"max_tokens":20})", 1, 60},
    {"/v1/chat/completions", R"({"model":"m","max_completion_tokens":9,"max_tokens":4})", 1, 9},
    {"/v1/chat/completions", R"({"model":"m","max_tokens":9,"max_completion_tokens":4})", 1, 9},
    {"/v1/chat/completions", R"({"model":"m","max_tokens":0})", 1, 300},
    {"/v1/chat/completions", R"({"model":"m","max_tokens":null})", 1, 300},
    {"/v1/completions", R"({"model":"m","prompt":"hi","n":2,"best_of":5,"max_tokens":7})", 1, 35},
    {"/v1/completions", R"({"model":"m","prompt":["a","b","c"],"n":2,"max_tokens":7})", 1, 42},
    {"/v1/completions", R"({"model":"m","prompt":[[1,2],[3]],"max_tokens":7})", 3, 14},
    {"/v1/completions", R"({"model":"m","prompt":[1,2,3],"max_tokens":7})", 3, 7},
    {"/v1/responses", R"({"model":"m","input":"hi"})", 1, 300},
    {"/v1/responses", R"({"model":"m","input":"hi","max_output_tokens":8})", 1, 8},
    // Not a list of prompts.
    {"/v1/responses", R"({"model":"m","prompt":{"id":"p","version":"2"},"max_output_tokens":8})", 1,
     8},
    {"/v1/responses/compact", R"({"model":"m","input":"hi"})", 1, 300},
    {"/v1/messages", R"({"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"}]})",
     1, 5},
    {"/v1beta/models/m:generateContent", R"({"contents":[{"parts":[{"text":"hi"}]}]})", 1, 300},
    {"/v1beta/models/m:generateContent",
     R"({"generationConfig":{"candidateCount":3,"maxOutputTokens":6}})", 1, 18},
    {"/v1beta/models/m:generateContent",
     R"({"generation_config":{"max_output_tokens":6,"candidate_c\u006funt":3}})", 1, 18},
    {"/v1beta/models/m:streamGenerateContent",
     R"({"generationConfig":{"responseSchema":{"maxOutputTokens":900},"candidateCount":2}})", 1,
     600},
    {"/v1/embeddings", R"({"model":"m","input":["hi","there"]})", 2, 0},
    {"/v1/embeddings", R"({"model":"m","input":[[1,2,3],[4,5,6]]})", 6, 0},
    {"/v1beta/models/m:embedContent", R"({"content":{"parts":[{"text":"hi"}]}})", 1, 0},
    {"/v1beta/models/m:batchEmbedContents",
     R"({"requests":[{"content":{"parts":[{"text":"hi"}]}},)"
     R"({"content":{"parts":[{"text":"ho"}]}}]})",
     2, 0},
    {"/v1/moderations", R"({"input":["hi","there"]})", 2, 0},
    {"/v1/rerank", R"({"model":"m","query":"q","documents":["a","b"]})", 1, 0, {.searches = 1}},
    {"/v1/audio/speech", R"({"model":"m","input":"hello"})", 5, 300, {.characters = 5}},
    {"/v1/audio/transcriptions", "--b", 1, 300, {}},
    {"/v1/audio/translations", "--b", 1, 300, {}},
    {"/v1/images/generations",
     R"({"model":"m","n":7,"size":"1024x1024","quality":"low"})",
     1,
     7 * 272,
     {.images = 7}},
    {"/v1/images/edits",
     R"({"model":"m","n":2,"size":"1024x1024","quality":"low"})",
     1,
     2 * 272,
     {.images = 2}},
    {"/v1/images/variations", "--b", 1, 4'160, {.images = 1}},
};

TEST(Forecast, WhatEveryPricedOperationReserves) {
  std::vector<bool> seen(dialect::operations_count);
  for (const auto& [path, body, input, output, media] : reserved) {
    const Asked asked(path, body);
    const Forecast forecast = asked.forecast();
    seen[static_cast<std::size_t>(asked.exchange.request.endpoint.operation())] = true;
    // JSON brings no sound: it is where something in it points to.
    EXPECT_EQ(forecast.measured, !path.starts_with("/v1/audio/trans")) << path;
    EXPECT_GE(forecast.tokens.input, input) << body;
    EXPECT_EQ(forecast.tokens.output, output) << body;
    EXPECT_EQ(forecast.media.images, media.images) << path;
    EXPECT_EQ(forecast.media.audio_ms, media.audio_ms) << path;
    EXPECT_EQ(forecast.media.characters, media.characters) << path;
    EXPECT_EQ(forecast.media.searches, media.searches) << path;
  }
  for (std::size_t i = 0; i < dialect::operations_count; ++i) {
    const auto operation = static_cast<dialect::Operation>(i);
    const auto pricing = dialect::pricing_of(operation, "POST");
    // What names no price of its use needs one for the call.
    if (pricing == dialect::Pricing::none || pricing == dialect::Pricing::unknown) continue;
    if (operation == dialect::Operation::videos) continue;
    EXPECT_TRUE(seen[i]) << dialect::traits_of(operation).name << " is in no row";
  }
}

TEST(Forecast, TheServiceTierThatIsAskedFor) {
  using dialect::ServiceTier;
  const auto tier = [](std::string_view path, std::string_view body) {
    return Asked(path, body).forecast().usage().tier;
  };
  const std::string_view chat = "/v1/chat/completions";
  EXPECT_EQ(tier(chat, R"({"model":"m","service_tier":"priority"})"), ServiceTier::priority);
  EXPECT_EQ(tier(chat, R"({"model":"m","service_t\u0069er":"priority"})"), ServiceTier::priority);
  EXPECT_EQ(tier(chat, R"({"model":"m","service_tier":"warp"})"), ServiceTier::other);
  EXPECT_EQ(tier("/v1/messages", R"({"model":"m","speed":"fast"})"), ServiceTier::fast);
  EXPECT_EQ(tier("/v1beta/models/m:generateContent", R"({"serviceTier":"priority"})"),
            ServiceTier::priority);
  // What may be cheaper is not reserved as if it were.
  EXPECT_EQ(tier(chat, R"({"model":"m","service_tier":"flex"})"), ServiceTier::standard);
  EXPECT_EQ(tier(chat, R"({"model":"m","service_tier":"auto"})"), ServiceTier::standard);
  EXPECT_EQ(tier(chat, R"({"model":"m","metadata":{"service_tier":"fast"}})"),
            ServiceTier::standard);
}

TEST(Forecast, WhatAnAnswerLeavesUnsaidIsAsExpected) {
  Forecast sound;
  sound.purchase = Purchase::audio;
  sound.tier = dialect::ServiceTier::priority;
  dialect::Usage told{.known = true, .input = 14, .output = 3};
  EXPECT_EQ(sound.completed(told).audio_input, 14u);
  EXPECT_EQ(sound.completed(told).tier, dialect::ServiceTier::priority);
  told.input_split = told.tier_told = true;
  EXPECT_EQ(sound.completed(told).audio_input, 0u);
  EXPECT_EQ(sound.completed(told).tier, dialect::ServiceTier::standard);
}

}  // namespace
}  // namespace hawser::stage::admit
