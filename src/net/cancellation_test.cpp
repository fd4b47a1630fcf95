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
  EXPECT_EQ(cancellation.aim_at(&waiter), nullptr);
  spawn(wait(waiter, outcome), no_bug);
  cancellation.cancel();
  EXPECT_EQ(outcome, IoStatus::cancelled);
  EXPECT_EQ(cancellation.aim_at(nullptr), &waiter);
}

TEST_F(CancellationTest, AimsAtNothingThatIsGone) {
  Cancellation cancellation;
  {
    Waiter waiter(reactor_);
    cancellation.aim_at(&waiter);
  }
  EXPECT_EQ(cancellation.aim_at(nullptr), nullptr);
  cancellation.cancel();
}

// A connection goes from one exchange to the next.
TEST_F(CancellationTest, LeavesAWaiterToTheNextWhoAims) {
  Waiter waiter(reactor_);
  std::optional<IoStatus> outcome;
  Cancellation first, second;
  first.aim_at(&waiter);
  second.aim_at(&waiter);
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
  cancellation.aim_at(&first);
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
  cancellation.aim_at(first.get());
  {
    const Cancellation::Binding bound(cancellation, second);
    first.reset();
  }
  EXPECT_EQ(cancellation.aim_at(nullptr), nullptr);
}

TEST_F(CancellationTest, GoesBeforeItsWaiter) {
  Waiter waiter(reactor_);
  { Cancellation().aim_at(&waiter); }
  Cancellation next;
  EXPECT_EQ(next.aim_at(&waiter), nullptr);
}

}  // namespace
}  // namespace hawser::net
