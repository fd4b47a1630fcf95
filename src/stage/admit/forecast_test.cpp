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
  Forecast forecast() const { return forecast_media(exchange, defaults); }
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
  EXPECT_GE(choices_of(chat.exchange.request), 1'000u);
  const Asked gemini("/v1beta/models/m:generateContent",
                     R"({"generationConfig":{"candidateCount":99999999,"maxOutputTokens":7}})");
  EXPECT_EQ(choices_of(gemini.exchange.request), 65'535u);
  EXPECT_EQ(output_max_of(gemini.exchange.request), 7u);
  EXPECT_EQ(token_numbers(Asked("/v1/embeddings", R"({"input":[[1,2],[3]]})").exchange.request),
            3u);
}

}  // namespace
}  // namespace hawser::stage::admit
