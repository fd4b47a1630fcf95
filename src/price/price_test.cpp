#include "price/price.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "price/price_table.hpp"

namespace hawser::price {
namespace {

constexpr NanoUsd most = std::numeric_limits<NanoUsd>::max();
constexpr std::uint32_t huge = 4'000'000'000;

Price price_of(std::initializer_list<std::pair<Unit, NanoUsd>> rates) {
  Price price;
  for (const auto& [unit, amount] : rates) price.rates[unit] = amount;
  return price;
}

TEST(Usd, IsExact) {
  EXPECT_EQ(*parse_usd("12.5"), 12'500'000'000);
  EXPECT_EQ(*parse_usd("0.000000001"), 1);
  EXPECT_EQ(*parse_usd("100"), 100'000'000'000);
  for (const auto bad : {"", ".", "1.", ".5", "-1", "1.0000000001", "1,5", "1e3", "99999999999"}) {
    EXPECT_FALSE(parse_usd(bad)) << bad;
  }
  EXPECT_EQ(to_text(12'500'000'000), "12.5");
  EXPECT_EQ(to_text(1), "0.000000001");
  EXPECT_EQ(to_text(-2'000'000'000), "-2");
  EXPECT_EQ(to_text(std::numeric_limits<NanoUsd>::min()), "-9223372036.854775808");
}

TEST(Usd, SumsSaturate) {
  EXPECT_EQ(saturating_add(1, 2), 3);
  EXPECT_EQ(saturating_add(most, 1), most);
  EXPECT_EQ(saturating_add(std::numeric_limits<NanoUsd>::min(), -1),
            std::numeric_limits<NanoUsd>::min());
}

TEST(Price, EveryKindOfTokenHasItsOwn) {
  const Price price = price_of({{Unit::input, 3'000'000'000},
                                {Unit::output, 15'000'000'000},
                                {Unit::cached, 300'000'000},
                                {Unit::cache_write, 3'750'000'000},
                                {Unit::reasoning, 20'000'000'000}});
  const Quote quote{&price};
  dialect::Usage usage{.known = true, .input = 1000, .output = 100};
  EXPECT_EQ(quote.cost(usage), 1000 * 3000 + 100 * 15000);
  usage.cached = 400;  // part of the input, as OpenAI counts
  usage.reasoning = 30;
  EXPECT_EQ(quote.cost(usage), 600 * 3000 + 400 * 300 + 70 * 15000 + 30 * 20000);
  usage.cached_within = false;  // beside the input, as Anthropic counts
  usage.cache_write = 10;
  EXPECT_EQ(quote.cost(usage), 1000 * 3000 + 400 * 300 + 10 * 3750 + 70 * 15000 + 30 * 20000);
}

TEST(Price, SoundAndPicturesArePartsOfTheTokens) {
  const Price price = price_of({{Unit::input, 2'500'000'000},
                                {Unit::output, 10'000'000'000},
                                {Unit::audio_input, 40'000'000'000},
                                {Unit::audio_output, 80'000'000'000},
                                {Unit::image_input, 5'000'000'000}});
  dialect::Usage usage{.known = true, .input = 100, .output = 50};
  usage.audio_input = 60;
  usage.audio_output = 45;
  usage.image_input = 10;
  EXPECT_EQ(Quote{&price}.cost(usage), 30 * 2500 + 60 * 40000 + 10 * 5000 + 5 * 10000 + 45 * 80000);
  usage.cached = usage.audio_cached = 20;  // sound that was cached has no other price here
  EXPECT_EQ(Quote{&price}.cost(usage), 30 * 2500 + 60 * 40000 + 10 * 5000 + 5 * 10000 + 45 * 80000);
  usage.audio_input = huge;  // more than there is: each token once
  usage.cached = usage.audio_cached = 0;
  EXPECT_EQ(Quote{&price}.cost(usage), 100 * 40000 + 5 * 10000 + 45 * 80000);
}

TEST(Price, CachedTokensOfAKindAreCountedOnce) {
  const Price price = price_of({{Unit::input, 1'000'000'000},
                                {Unit::cached, 100'000'000},
                                {Unit::audio_input, 10'000'000'000},
                                {Unit::audio_cached, 2'000'000'000},
                                {Unit::image_input, 5'000'000'000}});
  dialect::Usage usage{.known = true, .input = 100};
  usage.cached = 70;
  usage.audio_input = 50;
  usage.audio_cached = 40;
  usage.image_input = 30;
  usage.image_cached = 20;
  // Of 50 sound 40 were cached, of 30 pictures 20, of 20 text 10.
  EXPECT_EQ(Quote{&price}.cost(usage), 10 * 10000 + 10 * 5000 + 10 * 1000 + 40 * 2000 + 30 * 100);
}

TEST(Price, AKindThatIsNotKnownCostsAsTheDearest) {
  const Price price = price_of({{Unit::input, 1'000'000'000},
                                {Unit::output, 2'000'000'000},
                                {Unit::audio_input, 30'000'000'000},
                                {Unit::image_output, 40'000'000'000}});
  dialect::Usage usage{.known = true, .input = 10, .output = 10};
  usage.other_input = 4;
  usage.other_output = 3;
  EXPECT_EQ(Quote{&price}.cost(usage), 6 * 1000 + 4 * 30000 + 7 * 2000 + 3 * 40000);
}

TEST(Price, AServiceTierHasAFactor) {
  using dialect::ServiceTier;
  Price price = price_of({{Unit::input, 1'000'000'000}});
  dialect::Usage usage{.known = true, .input = 1000};
  const auto cost = [&](ServiceTier tier) {
    usage.tier = tier;
    return Quote{&price}.cost(usage);
  };
  // What has no factor is never cheaper than it may be.
  EXPECT_EQ(cost(ServiceTier::standard), 1'000'000);
  EXPECT_EQ(cost(ServiceTier::flex), 1'000'000);
  EXPECT_EQ(cost(ServiceTier::batch), 1'000'000);
  EXPECT_EQ(cost(ServiceTier::reserved), 1'000'000);
  EXPECT_EQ(cost(ServiceTier::priority), 2'500'000);
  EXPECT_EQ(cost(ServiceTier::fast), 6'000'000);
  EXPECT_EQ(cost(ServiceTier::other), 6'000'000);
  price.service_tiers.given[static_cast<std::size_t>(ServiceTier::flex)] = 500;
  price.service_tiers.given[static_cast<std::size_t>(ServiceTier::priority)] = 2000;
  EXPECT_EQ(cost(ServiceTier::flex), 500'000);
  EXPECT_EQ(cost(ServiceTier::priority), 2'000'000);
  usage.tier = ServiceTier::flex;
  EXPECT_EQ((Quote{&price, 1100}.cost(usage)), 550'000);
}

TEST(Price, AWebSearchIsNeverFreeBySilence) {
  const MediaUsage two{.web_searches = 2};
  Price price = price_of({{Unit::input, 1}});
  EXPECT_EQ(Quote{&price}.cost({}, two), 50'000'000);
  price.rates[Unit::search] = 10'000'000;
  EXPECT_EQ(Quote{&price}.cost({}, two), 20'000'000);
  price.rates[Unit::search] = 0;
  EXPECT_EQ(Quote{&price}.cost({}, two), 0);
}

TEST(Price, PicturesSecondsCharactersSearchesAndCalls) {
  Price price = price_of({{Unit::second, 100'000},
                          {Unit::character, 15'000'000'000},
                          {Unit::search, 2'000'000},
                          {Unit::request, 5'000'000}});
  price.pictures = {{"1024x1024/high", 167'000'000}, {"low", 11'000'000}};
  dialect::Usage usage;
  EXPECT_EQ(Quote{&price}.cost(usage), 5'000'000);
  const MediaUsage several{.audio_ms = 1'500, .characters = 10, .searches = 3};
  EXPECT_EQ(Quote{&price}.cost(usage, several), 5'000'000 + 150'000 + 150'000 + 6'000'000);
  const MediaUsage two{.images = 2};
  EXPECT_EQ(Quote{&price}.cost(usage, two, "1024x1024/high"), 5'000'000 + 2 * 167'000'000);
  EXPECT_EQ(Quote{&price}.cost(usage, two, "1024x1536/low"), 5'000'000 + 2 * 11'000'000);
  EXPECT_EQ(Quote{&price}.cost(usage, two, "auto/auto"),
            5'000'000 + 2 * 167'000'000);  // the dearest
  price.flat = 7;
  EXPECT_EQ(Quote{&price}.cost(usage), 7);
}

TEST(Price, IsRoundedUpOnce) {
  EXPECT_EQ((Quote{}.cost({.known = true, .input = 1})), 0);
  const Price price = price_of({{Unit::input, 1}, {Unit::output, 1}});
  EXPECT_EQ((Quote{&price}.cost({.known = true, .input = 1, .output = 1})), 1);
}

TEST(Price, WhatItMustHaveIsDecidedByWhatIsBought) {
  const Price input = price_of({{Unit::input, 1}});
  EXPECT_TRUE(Quote{&input}.covers(Purchase::text_in));
  EXPECT_FALSE(Quote{&input}.covers(Purchase::text));  // its output is not free by silence
  EXPECT_FALSE(Quote{&input}.covers(Purchase::images));
  EXPECT_FALSE(Quote{&input}.covers(Purchase::speech));
  EXPECT_FALSE(Quote{&input}.covers(Purchase::unknown));
  EXPECT_FALSE(Quote{}.covers(Purchase::text));
  EXPECT_TRUE(Quote{}.covers(Purchase::nothing));
  Price free;
  free.flat = 0;
  for (const auto purchase :
       {Purchase::nothing, Purchase::text, Purchase::text_in, Purchase::images, Purchase::audio,
        Purchase::speech, Purchase::searches, Purchase::unknown}) {
    EXPECT_TRUE(Quote{&free}.covers(purchase));
  }
}

/// What a provider tells is at most 2^32 - 1 each, what a price says at most 10^18: no sum of them
/// is ever negative, or smaller for more.
TEST(Price, NeverOverflows) {
  std::mt19937_64 random(7);
  const auto edge = [&]() -> std::uint32_t {
    constexpr std::uint32_t edges[] = {0, 1, 2, 1'000'000, huge, 0xffffffff};
    return edges[random() % 6];
  };
  for (int round = 0; round < 20'000; ++round) {
    Price price;
    for (auto& amount : price.rates.given) {
      if (random() % 4 != 0) amount = random() % 3 == 0 ? *parse_usd("999999999") : edge();
    }
    const Quote quote{&price, random() % 2 == 0 ? 1000U : 1'000'000'000U};
    dialect::Usage usage{.known = true,
                         .cached_within = random() % 2 == 0,
                         .input = edge(),
                         .output = edge(),
                         .cached = edge(),
                         .cache_write = edge(),
                         .reasoning = edge()};
    usage.cache_write_long = edge();
    usage.audio_input = edge();
    usage.audio_cached = edge();
    usage.audio_output = edge();
    usage.image_input = edge();
    usage.image_output = edge();
    usage.other_input = edge();
    usage.other_output = edge();
    usage.tier = static_cast<dialect::ServiceTier>(random() % dialect::service_tiers_count);
    MediaUsage media = {edge(), edge(), edge(), edge(), edge(), edge()};
    const NanoUsd cost = quote.cost(usage, media);
    ASSERT_GE(cost, 0);
    if (media.images < 0xffffffff) {
      ++media.images;
      ASSERT_GE(quote.cost(usage, media), cost);
    }
  }
  const Price dear = price_of({{Unit::output, *parse_usd("999999999")}});
  EXPECT_EQ((Quote{&dear}.cost({.known = true, .output = huge})), most);
}

}  // namespace
}  // namespace hawser::price
