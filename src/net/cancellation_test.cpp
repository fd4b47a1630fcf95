#include "net/cancellation.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>

namespace hawser::net {
namespace {

void no_bug(std::exception_ptr) {
  FAIL() << "an exception left the task";
}

Task<> wait(Waiter& waiter, std::optional<IoStatus>& outcome) {
  const auto status = co_await waiter.wait(Clock::time_point::max());
  outcome = status;
}

class CancellationTest : public testing::Test {
 protected:
  boost::asio::io_context loop_{1};
  Reactor reactor_{loop_};
};

TEST_F(CancellationTest, EndsTheWaitThatItAimsAt) {
  Waiter waiter(reactor_);
  std::optional<IoStatus> outcome;
  Cancellation cancellation;
  cancellation.bind_answer(waiter);
  spawn(wait(waiter, outcome), no_bug);
  cancellation.cancel();
  EXPECT_EQ(outcome, IoStatus::cancelled);
}

TEST_F(CancellationTest, LeavesAloneWhatIsUnbound) {
  Waiter waiter(reactor_);
  std::optional<IoStatus> outcome;
  Cancellation cancellation;
  cancellation.bind_answer(waiter);
  spawn(wait(waiter, outcome), no_bug);
  cancellation.unbind();
  cancellation.cancel();
  EXPECT_EQ(outcome, std::nullopt);
  waiter.complete(IoStatus::ok);
  EXPECT_EQ(outcome, IoStatus::ok);
}

TEST_F(CancellationTest, AimsAtNothingThatIsGone) {
  Cancellation cancellation;
  {
    Waiter waiter(reactor_);
    cancellation.bind_answer(waiter);
  }
  cancellation.cancel();
}

// A connection goes from one exchange to the next.
TEST_F(CancellationTest, LeavesAWaiterToTheNextWhoAims) {
  Waiter waiter(reactor_);
  std::optional<IoStatus> outcome;
  Cancellation first, second;
  first.bind_answer(waiter);
  second.bind_answer(waiter);
  spawn(wait(waiter, outcome), no_bug);
  first.cancel();
  EXPECT_EQ(outcome, std::nullopt);
  second.cancel();
  EXPECT_EQ(outcome, IoStatus::cancelled);
}

TEST_F(CancellationTest, EndsEveryWaitOnceCancelled) {
  Cancellation cancellation;
  cancellation.cancel();
  Waiter waiter(reactor_);
  for (int times = 0; times < 2; ++times) {
    std::optional<IoStatus> outcome;
    const Cancellation::Binding bound(cancellation, waiter);
    spawn(wait(waiter, outcome), no_bug);
    EXPECT_EQ(outcome, IoStatus::cancelled);
  }
  std::optional<IoStatus> outcome;
  spawn(wait(waiter, outcome), no_bug);
  EXPECT_EQ(outcome, std::nullopt) << "bound no more, it waits again";
  waiter.complete(IoStatus::ok);
  EXPECT_EQ(outcome, IoStatus::ok);
}

TEST_F(CancellationTest, BindsTheOneBeforeAgain) {
  Cancellation cancellation;
  Waiter first(reactor_), second(reactor_);
  cancellation.bind_answer(first);
  {
    const Cancellation::Binding bound(cancellation, second);
    cancellation.cancel();
  }
  std::optional<IoStatus> outcome;
  spawn(wait(first, outcome), no_bug);
  EXPECT_EQ(outcome, IoStatus::cancelled);
}

TEST_F(CancellationTest, ForgetsTheOneBeforeWhereItIsGone) {
  Cancellation cancellation;
  Waiter second(reactor_);
  auto first = std::make_unique<Waiter>(reactor_);
  cancellation.bind_answer(*first);
  {
    const Cancellation::Binding bound(cancellation, second);
    first.reset();
  }
  cancellation.cancel();
  std::optional<IoStatus> outcome;
  spawn(wait(second, outcome), no_bug);
  EXPECT_EQ(outcome, std::nullopt) << "it is bound no more either";
  second.complete(IoStatus::ok);
}

TEST_F(CancellationTest, BindingsLieInEachOther) {
  Cancellation cancellation;
  Waiter answer(reactor_), pause(reactor_), turn(reactor_);
  cancellation.bind_answer(answer);
  const auto over = [](Waiter& waiter) {
    std::optional<IoStatus> outcome;
    spawn(wait(waiter, outcome), no_bug);
    const bool ended = outcome == IoStatus::cancelled;
    waiter.complete(IoStatus::ok);
    return ended;
  };
  {
    const Cancellation::Binding outer(cancellation, pause);
    {
      const Cancellation::Binding inner(cancellation, turn);
      cancellation.cancel();
      EXPECT_TRUE(over(turn));
      EXPECT_FALSE(over(pause)) << "one is bound at a time";
    }
    EXPECT_TRUE(over(pause));
    EXPECT_FALSE(over(turn));
  }
  EXPECT_TRUE(over(answer));
}

TEST_F(CancellationTest, GoesBeforeItsWaiter) {
  Waiter waiter(reactor_);
  { Cancellation().bind_answer(waiter); }
  std::optional<IoStatus> outcome;
  spawn(wait(waiter, outcome), no_bug);
  waiter.complete(IoStatus::ok);
  EXPECT_EQ(outcome, IoStatus::ok);
}

}  // namespace
}  // namespace hawser::net
