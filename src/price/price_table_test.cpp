#include "price/price_table.hpp"

#include <gtest/gtest.h>

namespace hawser::price {
namespace {

using std::chrono::hours;
using std::chrono::sys_days;
using std::chrono::year;

/// Noon of 30 November 2026, a Monday.
const PriceTable::Time noon = sys_days(year(2026) / 11 / 30) + hours(12);

NanoUsd input_of(const Quote& quote) {
  return quote ? quote.price->rates.of(Unit::input) : -1;
}

PriceTable table_of(std::string_view models) {
  auto table = PriceTable::parse("{\"version\":\"1\",\"models\":" + std::string(models) + "}");
  EXPECT_TRUE(table) << table.error().message;
  return std::move(*table);
}

dialect::Usage tokens(std::uint32_t input, std::uint32_t output) {
  return {.known = true, .input = input, .output = output};
}

TEST(PriceTable, TheLongestNameThatFits) {
  const auto table = table_of(R"({"gpt-4*":{"input":"1"},"gpt-4o*":{"input":"2"},)"
                              R"("gpt-4o":{"input":"3","output":"4"},"gpt-4o-2025*":{"input":5}})");
  EXPECT_EQ(input_of(table.find("p", "gpt-4-turbo", noon)), 1'000'000'000);
  EXPECT_EQ(input_of(table.find("p", "gpt-4o-mini", noon)), 2'000'000'000);
  EXPECT_EQ(input_of(table.find("p", "openai/gpt-4o", noon)), 3'000'000'000);
  EXPECT_EQ(input_of(table.find("p", "gpt-4o-2024-08-06", noon)), 3'000'000'000);
  EXPECT_EQ(input_of(table.find("p", "gpt-4o-2025-08-06", noon)), 5'000'000'000);
  const auto exact = table.find("p", "gpt-4o", noon);
  EXPECT_EQ(exact.price->rates.of(Unit::cached), 3'000'000'000);
  EXPECT_EQ(exact.price->rates.of(Unit::reasoning), 4'000'000'000);
  EXPECT_FALSE(table.find("p", "claude", noon));
}

TEST(PriceTable, ThePriceOfAProviderGoesFirst) {
  const auto table =
      table_of(R"({"m":{"input":"1"},"Near/M":{"input":"2"},"far/*":{"input":"3"}})");
  EXPECT_EQ(input_of(table.find("near", "m", noon)), 2'000'000'000);
  EXPECT_EQ(input_of(table.find("other", "m", noon)), 1'000'000'000);
  EXPECT_EQ(input_of(table.find("far", "new", noon)), 3'000'000'000);
  EXPECT_FALSE(table.find("near", "new", noon));
}

TEST(PriceTable, OwnPricesGoFirst) {
  PriceTable table = PriceTable::built_in();
  ASSERT_TRUE(table.find("p", "gpt-4o-mini-2024-07-18", noon));
  table.prefer(table_of(R"({"gpt-4o":{"input":"9"}})"));
  EXPECT_EQ(input_of(table.find("p", "gpt-4o", noon)), 9'000'000'000);
  EXPECT_EQ(input_of(PriceTable::built_in().find("p", "gpt-4o", noon)), 2'500'000'000);
  EXPECT_TRUE(table.version().starts_with("1+"));
}

TEST(PriceTable, ALongerNameIsAnotherModel) {
  const auto& table = PriceTable::built_in();
  for (const auto model :
       {"gpt-5.7", "gpt-5-ultra", "gpt-4o-mini-foo", "claude-opus-9", "ft:gpt-5:acme::x",
        "claude-opus-4-9", "prod-chat", "gpt-4o-2024-13-01", "gpt-5-high", "gpt-4o-v2",
        "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", ""}) {
    EXPECT_FALSE(table.find("p", model, noon)) << model;
  }
  const auto same = [&](const char* model, const char* base) {
    const auto quote = table.find("p", model, noon);
    EXPECT_TRUE(quote) << model;
    EXPECT_EQ(quote.price, table.find("p", base, noon).price) << model;
  };
  same("gpt-4o-2024-08-06", "gpt-4o");
  same("gpt-5.5-2026-04-23", "gpt-5.5");
  same("claude-opus-5-5[1m]", "claude-opus-5-5");
  same("claude-haiku-4-5-20251001", "claude-haiku-4-5");
  same("claude-opus-5-5@20260922", "claude-opus-5-5");
  same("claude-opus-5-5@default", "claude-opus-5-5");
  same("Claude-Opus-4-5", "claude-opus-4-5");
  same("models/gemini-2.5-flash-001", "gemini-2.5-flash");
  same("ft:gpt-4o-mini-2024-07-18:acme::x1", "ft:gpt-4o-mini");
  same("anthropic.claude-opus-4-5-20251101-v1:0", "claude-opus-4-5");
}

/// What is known of vendors' pages, to the billionth of a dollar.
TEST(PriceTable, CostsWhatTheVendorsSay) {
  const auto& table = PriceTable::built_in();
  const auto cost = [&](const char* model, const dialect::Usage& usage,
                        PriceTable::Time time = noon, const MediaUsage& media = {}) {
    return to_text(table.find("p", model, time).cost(usage, media));
  };
  dialect::Usage cached{.known = true,
                        .cached_within = false,
                        .input = 1'200,
                        .output = 900,
                        .cached = 180'000,
                        .cache_write = 3'000};
  cached.cache_write_long = 1'000;
  EXPECT_EQ(cost("claude-opus-5-5", cached), "0.0768");
  EXPECT_EQ(cost("claude-opus-4-7", tokens(1'000'000, 1'000'000)), "30");
  EXPECT_EQ(cost("claude-opus-4-1", tokens(1'000'000, 1'000'000)), "90");
  EXPECT_EQ(cost("claude-haiku-5-5", tokens(100'000, 1'000)), "0.0105");
  EXPECT_EQ(cost("claude-haiku-5-5", tokens(100'001, 1'000)), "0.0525005");
  const dialect::Usage read{
      .known = true, .cached_within = false, .input = 20'000, .output = 500, .cached = 90'000};
  EXPECT_EQ(cost("claude-haiku-5-5", read), "0.01575");  // what the cache held counts for the tier
  const dialect::Usage half{.known = true, .input = 300'000, .output = 2'000, .cached = 200'000};
  EXPECT_EQ(cost("gpt-6.1-sol", half), "0.47");
  dialect::Usage served = half;
  served.tier = dialect::ServiceTier::flex;
  EXPECT_EQ(cost("gpt-6.1-sol", served), "0.235");
  served.tier = dialect::ServiceTier::priority;
  EXPECT_EQ(cost("gpt-6.1-sol", served), "0.94");
  EXPECT_EQ(cost("grok-4.7", tokens(199'999, 1'000)), "0.405998");
  EXPECT_EQ(cost("grok-4.7", tokens(200'000, 1'000)), "0.812");
  EXPECT_EQ(cost("gemini-4-argon", tokens(1'000, 1'000)), "0.012");
  EXPECT_EQ(cost("gemini-4-argon", tokens(1'000, 1'000), noon + hours(48)), "0.024");
  EXPECT_EQ(cost("us.anthropic.claude-opus-5-5", tokens(1'000, 1'000)), "0.0264");
  EXPECT_EQ(cost("global.anthropic.claude-opus-5-5", tokens(1'000, 1'000)), "0.024");
  EXPECT_EQ(cost("ft:gpt-4o-mini-2024-07-18:acme::x1", tokens(1'000'000, 1'000'000)), "1.5");
  EXPECT_EQ(cost("rerank-v5.0-pro", tokens(40'000, 0)), "0.002");
  EXPECT_EQ(cost("rerank-v3.5", {}, noon, {.searches = 3}), "0.006");
  EXPECT_EQ(cost("claude-haiku-4-5", tokens(1'000, 100), noon, {.searches = 3}), "0.0315");
  const dialect::Usage cheap{.known = true, .input = 1'000'000, .cached = 1'000'000};
  EXPECT_EQ(cost("gemini-2.5-pro", {.known = true, .input = 100'000, .cached = 100'000}), "0.0125");
  EXPECT_EQ(cost("gemini-2.5-flash", cheap), "0.03");
  EXPECT_EQ(cost("gemini-2.5-flash-lite", cheap), "0.01");
}

TEST(PriceTable, HoursOfAWeekMayCostMore) {
  const auto& table = PriceTable::built_in();
  const dialect::Usage usage{.known = true, .input = 100'000, .output = 1'000, .cached = 90'000};
  const auto cost = [&](int month, int day, int hour) {
    const PriceTable::Time time = sys_days(year(2026) / month / day) + hours(hour);
    return to_text(table.find("p", "deepseek-flash", time).cost(usage));
  };
  EXPECT_EQ(cost(11, 30, 2), "0.00474");  // Monday
  EXPECT_EQ(cost(11, 30, 14), "0.00237");
  EXPECT_EQ(cost(11, 28, 2), "0.00237");  // Saturday
  EXPECT_EQ(cost(10, 1, 2), "0.00237");   // a holiday there
}

TEST(PriceTable, OperationsHaveAPriceForACall) {
  const auto table =
      PriceTable::parse(R"({"version":"1","models":{},"operations":{"batches":"0.5","files":0}})");
  ASSERT_TRUE(table);
  EXPECT_EQ(table->find_operation("batches").cost({}), 500'000'000);
  EXPECT_TRUE(table->find_operation("files").covers(Purchase::unknown));
  EXPECT_FALSE(table->find_operation("videos"));
}

TEST(PriceTable, MistakesAreNamed) {
  const auto problem = [](std::string_view models) {
    const auto table =
        PriceTable::parse("{\"version\":\"1\",\"models\":" + std::string(models) + "}");
    return table ? std::string() : table.error().message;
  };
  EXPECT_FALSE(PriceTable::parse("{}"));
  EXPECT_NE(problem("[]"), "");
  EXPECT_NE(problem(R"({"m":{"input":"cheap"}})").find("m.input"), std::string::npos);
  EXPECT_NE(problem(R"({"m":{"ouput":"1"}})").find("m.ouput"), std::string::npos);
  EXPECT_NE(problem(R"({"m":{"input":1e-3}})").find("m.input"), std::string::npos);
  EXPECT_NE(problem(R"({"m":{"tiers":[{"input":"1"}]}})").find("m.tiers"), std::string::npos);
  EXPECT_NE(problem(R"({"m":{"from":"2026-02-30"}})").find("m.from"), std::string::npos);
  EXPECT_NE(problem(R"({"m":[{"input":"1"},{"input":"2"}]})").find("two prices"),
            std::string::npos);
  EXPECT_NE(problem(R"({"m":{"peak":{"hours":"9-5","days":"mon-fri","factor":2}}})").find("m.peak"),
            std::string::npos);
  EXPECT_NE(problem(R"({"m":{"service_tiers":{"slow":"2"}}})").find("m.service_tiers.slow"),
            std::string::npos);
  EXPECT_NE(problem(R"({"m":{"service_tiers":{"flex":"half"}}})").find("m.service_tiers.flex"),
            std::string::npos);
  EXPECT_EQ(problem(R"({"m":{"service_tiers":{"flex":"0.5"}}})"), "");
  EXPECT_EQ(problem(R"({"m":{"images":{"low":"0.01"},"price":0.5}})"), "");
}

}  // namespace
}  // namespace hawser::price
