#include "price/price_table.hpp"

#include <gtest/gtest.h>

namespace hawser::price {
namespace {

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
}

TEST(Price, EveryKindOfTokenHasItsOwn) {
  const Price price{.input = 3'000'000'000,
                    .output = 15'000'000'000,
                    .cached = 300'000'000,
                    .cache_write = 3'750'000'000,
                    .reasoning = 20'000'000'000};
  dialect::Usage usage{.known = true, .input = 1000, .output = 100};
  EXPECT_EQ(price.cost(usage), 1000 * 3000 + 100 * 15000);
  usage.cached = 400;  // part of the input, as OpenAI counts
  usage.reasoning = 30;
  EXPECT_EQ(price.cost(usage), 600 * 3000 + 400 * 300 + 70 * 15000 + 30 * 20000);
  usage.cached_within = false;  // beside the input, as Anthropic counts
  usage.cache_write = 10;
  EXPECT_EQ(price.cost(usage), 1000 * 3000 + 400 * 300 + 10 * 3750 + 70 * 15000 + 30 * 20000);
}

TEST(Price, IsRoundedUp) {
  EXPECT_EQ((Price{.input = 1}.cost({.known = true, .input = 1})), 1);
}

TEST(PriceTable, TheLongestNameThatFits) {
  const auto table = PriceTable::parse(
      R"({"version":"1","models":{"gpt-4*":{"input":"1"},"gpt-4o*":{"input":"2"},)"
      R"("gpt-4o":{"input":"3","output":"4"}}})");
  ASSERT_TRUE(table);
  EXPECT_EQ(table->find("gpt-4-turbo")->input, 1'000'000'000);
  EXPECT_EQ(table->find("gpt-4o-mini")->input, 2'000'000'000);
  EXPECT_EQ(table->find("openai/gpt-4o")->input, 3'000'000'000);
  EXPECT_EQ(table->find("gpt-4o")->cached, 3'000'000'000);
  EXPECT_EQ(table->find("gpt-4o")->reasoning, 4'000'000'000);
  EXPECT_EQ(table->find("claude"), nullptr);
}

TEST(PriceTable, OwnPricesGoFirst) {
  PriceTable table = PriceTable::built_in();
  ASSERT_NE(table.find("gpt-4o-mini-2024-07-18"), nullptr);
  const auto own = PriceTable::parse(R"({"version":"mine","models":{"gpt-4o":{"input":"9"}}})");
  table.prefer(*own);
  EXPECT_EQ(table.find("gpt-4o")->input, 9'000'000'000);
  EXPECT_TRUE(table.version().starts_with("mine+"));
}

TEST(PriceTable, MistakesAreNamed) {
  EXPECT_FALSE(PriceTable::parse("{}"));
  EXPECT_FALSE(PriceTable::parse(R"({"version":"1","models":[]})"));
  const auto bad = PriceTable::parse(R"({"version":"1","models":{"m":{"input":"cheap"}}})");
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find("m.input"), std::string::npos);
}

}  // namespace
}  // namespace hawser::price
