#include "stage/admit/holding.hpp"
#include "stage/admit/test_target.hpp"

#include <gtest/gtest.h>

namespace hawser::stage::admit {
namespace {

using exchange::NotCharged;
using exchange::Told;
using price::Purchase;

constexpr std::uint64_t burst = 1'000'000;

std::shared_ptr<const price::PriceTable> prices() {
  auto table = price::PriceTable::parse(R"({"version":"1","operations":{"batches":"2"},"models":{
    "m":{"input":"1","output":"2"},
    "m2":{"input":"10","output":"20"},
    "embedding":{"input":"1"},
    "picture":{"image":"0.5"},
    "sound":{"second":"0.01"},
    "voice":{"character":"15"},
    "search":{"search":"0.002"}}})");
  EXPECT_TRUE(table);
  return std::make_shared<price::PriceTable>(std::move(*table));
}

/// What a request of each kind is charged: 100 tokens of input and 50 of output are reserved.
struct Sold {
  const char* path;
  const char* model;
  Purchase purchase;
  std::int64_t reserved;  // billionths of a dollar
  std::int64_t told;      // of 100 tokens of input and 30 of output, where tokens count
  std::int64_t seen;      // of 100 and 300
};
constexpr Sold sold[] = {
    {"/v1/chat/completions", "m", Purchase::text, 200'000, 160'000, 700'000},
    {"/v1/completions", "m", Purchase::text, 200'000, 160'000, 700'000},
    {"/v1/responses", "m", Purchase::text, 200'000, 160'000, 700'000},
    {"/v1/messages", "m", Purchase::text, 200'000, 160'000, 700'000},
    {"/v1beta/models/m:streamGenerateContent", "m", Purchase::text, 200'000, 160'000, 700'000},
    {"/v1/embeddings", "embedding", Purchase::text_in, 100'000, 100'000, 100'000},
    {"/v1/images/generations", "picture", Purchase::images, 5'000'000'000, 5'000'000'000,
     5'000'000'000},
    {"/v1/audio/transcriptions", "sound", Purchase::audio, 40'000'000, 40'000'000, 40'000'000},
    {"/v1/audio/speech", "voice", Purchase::speech, 3'000'000, 3'000'000, 3'000'000},
    {"/v1/rerank", "search", Purchase::searches, 4'000'000, 4'000'000, 4'000'000},
    {"/v1/batches", "", Purchase::unknown, 2'000'000'000, 2'000'000'000, 2'000'000'000},
};

Told told(std::uint32_t output, bool final, bool whole) {
  return {{.known = true, .input = 100, .output = output}, final, whole};
}

/// One request that is let pass, with a budget and a limit of tokens.
struct Admitted {
  net::Cancellation cancellation;
  exchange::Exchange exchange{cancellation};
  exchange::Principal principal{"tenant", "team", "key", {}};
  exchange::Target first, other;
  std::vector<RateLimitConfig> limits{
      {.name = "tokens", .unit = Unit::tokens, .rate = "1M/d", .burst = burst}};
  std::vector<BudgetConfig> budgets{{.name = "b", .hard = "100"}};
  AdmissionConfig admission{};
  config::Map<TenantConfig> tenants{};
  std::shared_ptr<const LimitTable> table;
  store::LimitCounters counters{1'000};
  store::KnownCounters known{counters};
  store::LimitCounterPtr tokens, money;
  Window window = window_at(Period::month, std::chrono::system_clock::now());
  std::unique_ptr<Holding> holding;

  explicit Admitted(const Sold& what, bool background = false, const char* hard = "100")
      : first(test_target(what.model)), other(test_target(what.model)) {
    other.name = "q/m";
    budgets.front().hard = hard;
    exchange.request.endpoint = dialect::endpoint_of("POST", what.path);
    exchange.principal = &principal;
    table = std::make_shared<LimitTable>(
        LimitTable::Given{limits, admission, tenants, budgets, false, prices()});
    Forecast forecast;
    forecast.purchase = what.purchase;
    forecast.tokens = {100, what.purchase == Purchase::text_in ? 0u : 50u};
    if (what.purchase == Purchase::images) forecast.media.images = 10;
    if (what.purchase == Purchase::audio) forecast.media.audio_ms = 4'000;
    if (what.purchase == Purchase::speech) forecast.media.characters = 200;
    if (what.purchase == Purchase::searches) forecast.media.searches = 2;
    const AnswerTraits answer{.format = dialect::format_of(exchange.request.endpoint),
                              .choices = is_text(what.purchase) ? 1u : 0u,
                              .background = background};
    holding = std::make_unique<Holding>(table, known, std::make_shared<History>("m"),
                                        forecast.tokens, AskedText{}, answer, std::nullopt);
    holding->charge_to(
        std::make_unique<Bill>(exchange, "", table->prices(), nullptr, std::move(forecast)));
    const auto now = Clock::now();
    tokens = known.at(store::CounterName{"t", {}}, now);
    money = known.at(store::CounterName{"m", {}}, now);
    EXPECT_TRUE(holding->take(table->limits().front(), tokens, now).taken);
    EXPECT_TRUE(holding->bill()->take(table->budgets().front(), money, window,
                                      holding->bill()->expected_at(first)));
  }
  void begin() { holding->begins(first, 1); }
  void answer() {
    begin();
    holding->answers(1);
  }
  void fail(std::optional<NotCharged> proof) { holding->failed(1, Code::upstream, proof); }
  std::int64_t spent() const { return money->spend.spent(window.number); }
  std::uint64_t used() const {
    return burst - tokens->bucket.left(table->limits().front().pace, Clock::now());
  }
};

enum class Charge { nothing, reserved, told, seen, twice, both };

struct Way {
  const char* name;
  void (*end)(Admitted&);
  Charge charge;
};

constexpr Way ways[] = {
    {"it never began", [](Admitted&) {}, Charge::nothing},
    {"not connected",
     [](Admitted& it) {
       it.begin();
       it.fail(NotCharged(NotCharged::Proof::not_connected));
     },
     Charge::nothing},
    {"not sent whole",
     [](Admitted& it) {
       it.begin();
       it.fail(NotCharged(NotCharged::Proof::not_sent_whole));
     },
     Charge::nothing},
    {"not read",
     [](Admitted& it) {
       it.begin();
       it.fail(NotCharged(NotCharged::Proof::not_read));
     },
     Charge::nothing},
    {"refused",
     [](Admitted& it) {
       it.begin();
       it.fail(NotCharged(NotCharged::Proof::refused));
     },
     Charge::nothing},
    {"cancelled, timed out, broken before its answer",
     [](Admitted& it) {
       it.begin();
       it.fail(std::nullopt);
     },
     Charge::reserved},
    {"dropped under way", [](Admitted& it) { it.begin(); }, Charge::reserved},
    {"dropped while it answers", [](Admitted& it) { it.answer(); }, Charge::reserved},
    {"whole, told",
     [](Admitted& it) {
       it.answer();
       it.holding->settle(told(30, true, true));
     },
     Charge::told},
    {"cut behind the provider's last word",
     [](Admitted& it) {
       it.answer();
       it.holding->settle(told(30, true, false));
     },
     Charge::told},
    {"cut, nothing told, little seen",
     [](Admitted& it) {
       it.answer();
       it.holding->see("", 3);
       it.holding->settle({});
     },
     Charge::reserved},
    {"cut, a first total told, little seen",
     [](Admitted& it) {
       it.answer();
       it.holding->see("", 3);
       it.holding->settle(told(1, false, false));
     },
     Charge::reserved},
    {"cut, a first total told, much seen",
     [](Admitted& it) {
       it.answer();
       it.holding->see("", 300);
       it.holding->settle(told(1, false, false));
     },
     Charge::seen},
    {"cut, a running total told that is more than was seen",
     [](Admitted& it) {
       it.answer();
       it.holding->see("", 3);
       it.holding->settle(told(300, false, false));
     },
     Charge::seen},
    {"whole, but its last word is missing",
     [](Admitted& it) {
       it.answer();
       it.holding->see("", 300);
       it.holding->settle(told(1, false, true));
     },
     Charge::seen},
    {"the first of two at once loses",
     [](Admitted& it) {
       it.begin();
       EXPECT_TRUE(it.holding->begins_beside(it.exchange, it.other, 2));
       it.fail(std::nullopt);
       EXPECT_TRUE(it.holding->moves_to(it.exchange, it.other));
       it.holding->answers(2);
       it.holding->settle(told(30, true, true));
     },
     Charge::both},
    {"the second of two at once loses",
     [](Admitted& it) {
       it.begin();
       EXPECT_TRUE(it.holding->begins_beside(it.exchange, it.other, 2));
       it.holding->failed(2, Code::cancelled, std::nullopt);
       it.holding->answers(1);
       it.holding->settle(told(30, true, true));
     },
     Charge::both},
    {"the second of two at once was not read",
     [](Admitted& it) {
       it.begin();
       EXPECT_TRUE(it.holding->begins_beside(it.exchange, it.other, 2));
       it.holding->failed(2, Code::connection, NotCharged(NotCharged::Proof::not_read));
       it.holding->answers(1);
       it.holding->settle(told(30, true, true));
     },
     Charge::told},
    {"two at once are dropped",
     [](Admitted& it) {
       it.begin();
       EXPECT_TRUE(it.holding->begins_beside(it.exchange, it.other, 2));
     },
     Charge::twice},
    {"a second target after one that may have run",
     [](Admitted& it) {
       it.begin();
       it.fail(std::nullopt);
       EXPECT_TRUE(it.holding->moves_to(it.exchange, it.other));
       it.holding->begins(it.other, 2);
       it.holding->answers(2);
       it.holding->settle(told(30, true, true));
     },
     Charge::both},
    {"the same target again after it refused",
     [](Admitted& it) {
       it.begin();
       it.fail(NotCharged(NotCharged::Proof::refused));
       it.exchange.trail.target = &it.first;
       EXPECT_TRUE(it.holding->moves_to(it.exchange, it.first));
       it.holding->begins(it.first, 2);
       it.holding->answers(2);
       it.holding->settle(told(30, true, true));
     },
     Charge::told},
    {"broken, and gone on with by a second call",
     [](Admitted& it) {
       it.answer();
       it.holding->see("", 3);
       EXPECT_TRUE(it.holding->answers_again({}));
       it.holding->settle(told(30, true, true));
     },
     Charge::both},
    {"broken, and the second call is lost too",
     [](Admitted& it) {
       it.answer();
       EXPECT_TRUE(it.holding->answers_again({}));
       it.holding->not_answered_again(std::nullopt);
     },
     Charge::twice},
    {"broken, and the second call never was",
     [](Admitted& it) {
       it.answer();
       EXPECT_TRUE(it.holding->answers_again({}));
       it.holding->not_answered_again(NotCharged(NotCharged::Proof::not_connected));
     },
     Charge::reserved},
};

std::int64_t cost(const Sold& what, Charge charge) {
  switch (charge) {
    case Charge::nothing:
      return 0;
    case Charge::reserved:
      return what.reserved;
    case Charge::told:
      return what.told;
    case Charge::seen:
      return what.seen;
    case Charge::twice:
      return 2 * what.reserved;
    case Charge::both:
      return what.reserved + what.told;
  }
  return -1;
}

TEST(Holding, EveryCallIsChargedInExactlyOneWay) {
  for (const Sold& what : sold) {
    for (const Way& way : ways) {
      SCOPED_TRACE(std::string(what.path) + ": " + way.name);
      Admitted it(what);
      EXPECT_EQ(it.spent(), what.reserved);
      way.end(it);
      it.holding.reset();
      EXPECT_EQ(it.spent(), cost(what, way.charge));
      if (what.purchase != Purchase::text) continue;
      const std::uint64_t tokens[] = {0, 150, 130, 400, 300, 280};
      EXPECT_EQ(it.used(), tokens[static_cast<std::size_t>(way.charge)]);
    }
  }
}

TEST(Holding, WhatGoesOnInTheBackgroundIsChargedAsReserved) {
  Admitted it(sold[2], true);
  it.answer();
  it.holding->see(R"({"id":"resp_1","status":"queued","usage":null})", 0);
  it.holding->settle({{}, true, true});
  EXPECT_EQ(it.spent(), sold[2].reserved);
}

/// 200,000 are reserved, and there is room for one of it.
TEST(Holding, NoFurtherCallBeginsWithoutRoom) {
  Admitted beside(sold[0], false, "0.0003");
  beside.begin();
  EXPECT_FALSE(beside.holding->begins_beside(beside.exchange, beside.other, 2));
  EXPECT_EQ(beside.spent(), 200'000);
  beside.fail(std::nullopt);
  EXPECT_FALSE(beside.holding->moves_to(beside.exchange, beside.other));
  beside.exchange.trail.target = &beside.first;
  EXPECT_FALSE(beside.holding->moves_to(beside.exchange, beside.first));
  beside.holding.reset();
  EXPECT_EQ(beside.spent(), 200'000);

  Admitted again(sold[0], false, "0.0003");
  again.answer();
  EXPECT_FALSE(again.holding->answers_again({}));
  again.holding.reset();
  EXPECT_EQ(again.spent(), 200'000);
}

}  // namespace
}  // namespace hawser::stage::admit
