#include "exchange/exchange.hpp"

#include <gtest/gtest.h>

#include "exchange/stage.hpp"

namespace hawser::exchange {
namespace {

using Order = std::vector<std::string>;

class Noted final : public Completion {
 public:
  Noted(Order& order, std::string name) : order_(order), name_(std::move(name)) {}
  ~Noted() override { order_.push_back("~" + name_); }
  void complete(const Exchange&) override { order_.push_back(name_); }

 private:
  Order& order_;
  std::string name_;
};

TEST(Completion, TheLastOneIsFirstAndEachIsOwned) {
  Order order;
  net::Cancellation cancellation;
  {
    Exchange exchange(cancellation);
    exchange.on_complete(std::make_unique<Noted>(order, "a"));
    exchange.on_complete([&order](const Exchange& over) { order.emplace_back(over.id); });
    exchange.on_complete(std::make_unique<Noted>(order, "c"));
    exchange.id = "b";
    EXPECT_TRUE(order.empty());
  }
  EXPECT_EQ(order, (Order{"c", "~c", "b", "a", "~a"}));
}

TEST(Completion, MayUseTheStagesThoughAReloadPutOthersInForce) {
  auto pipeline = std::make_shared<const Pipeline>(std::vector<std::unique_ptr<Stage>>());
  const std::weak_ptr<const Pipeline> watched = pipeline;
  net::Cancellation cancellation;
  bool there = false;
  {
    Exchange exchange(cancellation);
    exchange.pipeline = std::move(pipeline);
    exchange.on_complete([&](const Exchange&) { there = !watched.expired(); });
  }
  EXPECT_TRUE(there);
  EXPECT_TRUE(watched.expired());
}

class GoesOn final : public OnClientGone {
 public:
  GoesOn(Exchange& exchange, bool does) : OnClientGone(exchange), does_(does) {}
  bool goes_on() override {
    ++asked;
    return does_;
  }
  int asked = 0;

 private:
  bool does_;
};

TEST(OnClientGone, WithoutOneTheExchangeEnds) {
  net::Cancellation cancellation;
  Exchange exchange(cancellation);
  exchange.lose_client();
  EXPECT_TRUE(cancellation.cancelled());
}

TEST(OnClientGone, SaysForAsLongAsItLives) {
  net::Cancellation cancellation;
  Exchange exchange(cancellation);
  {
    GoesOn outer(exchange, true);
    {
      GoesOn inner(exchange, true);
      exchange.lose_client();
      EXPECT_EQ(inner.asked, 1);
      EXPECT_EQ(outer.asked, 0);
    }
    exchange.lose_client();
    EXPECT_EQ(outer.asked, 1);
    EXPECT_FALSE(cancellation.cancelled());
  }
  exchange.lose_client();
  EXPECT_TRUE(cancellation.cancelled()) << "nobody is left who waits for its answer";
}

TEST(OnClientGone, MayLetItEnd) {
  net::Cancellation cancellation;
  Exchange exchange(cancellation);
  GoesOn never(exchange, false);
  exchange.lose_client();
  EXPECT_EQ(never.asked, 1);
  EXPECT_TRUE(cancellation.cancelled());
}

}  // namespace
}  // namespace hawser::exchange
