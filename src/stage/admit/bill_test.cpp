#include "stage/admit/bill.hpp"
#include "stage/admit/test_target.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace hawser::stage::admit {
namespace {

constexpr std::int64_t dollar = 1'000'000'000;

std::shared_ptr<const price::PriceTable> prices() {
  auto table = price::PriceTable::parse(R"({"version":"1","operations":{"batches":"2"},"models":{
    "m":{"input":"1","output":"2","cache_write":"1.25"},
    "dear":{"input":"999999999","output":"999999999"},
    "embedding":{"input":"1"},
    "picture":{"image":"0.5"},
    "free":{"price":"0"}}})");
  EXPECT_TRUE(table);
  return std::make_shared<price::PriceTable>(std::move(*table));
}

Forecast text(std::uint64_t input, std::uint64_t output) {
  Forecast forecast;
  forecast.purchase = price::Purchase::text;
  forecast.tokens = {input, output};
  return forecast;
}

struct BillTest : testing::Test {
  net::Cancellation cancellation;
  exchange::Exchange exchange{cancellation};
  store::LimitCounterPtr counter = std::make_shared<store::LimitCounter>();
  Budget hard;
  Budget soft;
  Window window = window_at(Period::month, std::chrono::system_clock::now());

  BillTest() {
    exchange.request.endpoint = dialect::endpoint_of("POST", "/v1/chat/completions");
    hard.name = "h";
    hard.hard = 3 * dollar;
    soft.name = "s";
    soft.soft = dollar;
  }
  Bill bill(Forecast forecast) {
    return Bill(exchange, "", prices(), nullptr, std::move(forecast));
  }
  std::int64_t spent() const { return counter->spend.spent(window.number); }
};

TEST_F(BillTest, KnowsWhatHasAPrice) {
  const Bill chat = bill(text(10, 10));
  EXPECT_TRUE(chat.priced_at(test_target("m")));
  EXPECT_TRUE(chat.priced_at(test_target("free")));
  EXPECT_FALSE(chat.priced_at(test_target("embedding")));  // its output has none
  EXPECT_FALSE(chat.priced_at(test_target("picture")));
  EXPECT_FALSE(chat.priced_at(test_target("other")));
  Forecast unmeasured = text(10, 10);
  unmeasured.measured = false;
  EXPECT_FALSE(bill(unmeasured).priced_at(test_target("m")));
  EXPECT_TRUE(bill(unmeasured).priced_at(test_target("free")));
  exchange.request.endpoint = dialect::endpoint_of("POST", "/v1/batches");
  Forecast batch;
  batch.purchase = price::Purchase::unknown;
  EXPECT_TRUE(bill(batch).priced_at(test_target("")));
  EXPECT_EQ(bill(batch).expected_at(test_target("")), 2 * dollar);
}

TEST_F(BillTest, TakesTheDearestOfWhatATextMayBecome) {
  EXPECT_EQ(bill(text(1'000'000, 0)).expected_at(test_target("m")), dollar + dollar / 4);
}

TEST_F(BillTest, SettlesWhatWasUsed) {
  Bill one = bill(text(1'000'000, 0));
  ASSERT_TRUE(one.take(hard, counter, window, one.expected_at(test_target("m"))));
  EXPECT_EQ(spent(), dollar + dollar / 4);
  one.begins(test_target("m"), 1);
  one.extend(500'000);
  EXPECT_GE(spent(), 2 * dollar);
  one.settle({.known = true, .input = 1'000'000, .output = 250'000}, false, true);
  EXPECT_EQ(spent(), dollar + dollar / 2);
}

TEST_F(BillTest, WhatTheProviderDidNotTellIsAsExpected) {
  Forecast two;
  two.purchase = price::Purchase::images;
  two.media.images = 2;
  Bill one = bill(two);
  ASSERT_TRUE(one.take(hard, counter, window, one.expected_at(test_target("picture"))));
  one.begins(test_target("picture"), 1);
  one.settle({.known = true, .input = 50, .output = 4'160}, false, true);
  EXPECT_EQ(spent(), dollar);
}

TEST_F(BillTest, AFallbackWithoutAPriceIsNotAskedUnderAHardBudget) {
  const auto nowhere = [](const Budget&) { return store::LimitCounterPtr(); };
  Bill bound = bill(text(10, 10));
  ASSERT_TRUE(bound.take(hard, counter, window, bound.expected_at(test_target("m"))));
  EXPECT_FALSE(bound.moves_to(test_target("other"), nowhere));
  EXPECT_TRUE(bound.moves_to(test_target("free"), nowhere));
  Bill open = bill(text(10, 10));
  ASSERT_TRUE(open.take(soft, counter, window, 0));
  EXPECT_TRUE(open.moves_to(test_target("other"), nowhere));
}

/// 3,500 answers of a provider that says it used 4e9 tokens, under a soft budget and in flight
/// together: nothing goes round, nobody is refused by it, and what is hard is full.
TEST_F(BillTest, SaturatesAtTheExtremes) {
  std::vector<std::unique_ptr<Bill>> bills;
  for (int i = 0; i < 3'500; ++i) {
    auto one = std::make_unique<Bill>(exchange, "", prices(), nullptr, text(1, 1));
    ASSERT_TRUE(one->take(soft, counter, window, one->expected_at(test_target("dear"))));
    one->begins(test_target("dear"), 1);
    bills.push_back(std::move(one));
  }
  for (auto& one : bills) {
    one->extend(4'000'000'000);
    ASSERT_GE(spent(), 0);
    one->settle({.known = true, .input = 4'000'000'000, .output = 4'000'000'000}, false, true);
    ASSERT_GE(spent(), 0);
    one.reset();
  }
  EXPECT_EQ(spent(), std::numeric_limits<std::int64_t>::max());
  Bill last = bill(text(1, 1));
  EXPECT_FALSE(last.take(hard, counter, window, 1));
  EXPECT_TRUE(last.take(soft, counter, window, 1));
}

}  // namespace
}  // namespace hawser::stage::admit
