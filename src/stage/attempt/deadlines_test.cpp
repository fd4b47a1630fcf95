#include "stage/attempt/deadlines.hpp"

#include <gtest/gtest.h>

namespace hawser::stage::attempt {
namespace {

TEST(Deadlines, TakesTheMostParticularOne) {
  TimeoutConfig general;
  general.stall = 10s;
  general.total = 900s;
  policy::Timeouts operation, provider, model;
  operation.total = 100s;
  operation.stall = 20s;
  provider.total = 200s;
  model.total = 300s;
  const auto total = [&](const policy::Timeouts* of_model, const policy::Timeouts* of_provider) {
    return Deadlines({general, &operation, of_provider, of_model}).of(DeadlineKind::total);
  };
  EXPECT_EQ(total(&model, &provider).after, 300s);
  EXPECT_EQ(total(&model, &provider).owner, DeadlineOwner::model);
  EXPECT_EQ(total(nullptr, &provider).after, 200s);
  EXPECT_EQ(total(nullptr, nullptr).after, 100s);
  EXPECT_EQ(Deadlines({general}).of(DeadlineKind::total).after, 900s);
  // What one does not set is the next one's to say.
  EXPECT_EQ(Deadlines({general, &operation, &provider, &model}).of(DeadlineKind::stall).after, 20s);
}

TEST(Deadlines, AStreamHasNoAgeUnlessItIsSet) {
  TimeoutConfig general;
  EXPECT_EQ(Deadlines({general}).of(DeadlineKind::stream_total).behind(Clock::now()),
            Clock::time_point::max());
}

TEST(Deadlines, TheErrorSaysWhichAndWhose) {
  const Deadline met{milliseconds(2500), DeadlineKind::stall, DeadlineOwner::model};
  EXPECT_EQ(met.error().message,
            "The provider fell silent: it sent nothing within 2500ms (stall of the gateway's "
            "timeouts of the model).");
  EXPECT_EQ(met.error().code, Code::timeout);
}

TEST(Deadlines, TheSoonerOneIsDue) {
  const auto now = Clock::now();
  Due due;
  due.sooner({10s, DeadlineKind::total}, now);
  due.sooner({2s, DeadlineKind::stall}, now);
  due.sooner({0ms, DeadlineKind::stream_total}, now);
  EXPECT_EQ(due.at, now + 2s);
  EXPECT_EQ(due.deadline.kind, DeadlineKind::stall);
}

}  // namespace
}  // namespace hawser::stage::attempt
