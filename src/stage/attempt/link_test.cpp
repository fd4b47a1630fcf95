#include "stage/attempt/link.hpp"

#include <gtest/gtest.h>

namespace hawser::stage::attempt {
namespace {

constexpr Clock::time_point start{1h};

TEST(LinkRetry, GivesUpALinkThatBringsNothingToAnybody) {
  Link link;
  LinkRetry retry(20s);
  EXPECT_EQ(retry.next(link, start, 0.5), 0ms);
  EXPECT_EQ(retry.next(link, start + 19s, 0.5), 25ms);
  EXPECT_EQ(retry.next(link, start + 20s, 0.5), std::nullopt);
}

TEST(LinkRetry, GoesOnWhileTheLinkBringsSomethingToOthers) {
  Link link;
  LinkRetry retry(20s);
  for (auto at = start; at < start + 100s; at += 10s) {
    link.brought(at);
    EXPECT_NE(retry.next(link, at + 9s, 0.5), std::nullopt);
  }
  EXPECT_NE(retry.next(link, start + 109s, 0.5), std::nullopt);
  EXPECT_EQ(retry.next(link, start + 110s, 0.5), std::nullopt) << "20 s behind what came last";
}

TEST(LinkRetry, DoesNotGoOnForEverAlone) {
  Link link;
  LinkRetry retry(20s);
  EXPECT_NE(retry.next(link, start, 0.5), std::nullopt);
  link.brought(start + 119s);
  EXPECT_NE(retry.next(link, start + 119s, 0.5), std::nullopt);
  link.brought(start + 120s);
  EXPECT_EQ(retry.next(link, start + 120s, 0.5), std::nullopt);
}

TEST(LinkRetry, ProgressForgetsWhatBrokeBefore) {
  Link link;
  LinkRetry retry(20s);
  for (auto at = start; at < start + 500s; at += 19s) {
    EXPECT_EQ(retry.next(link, at, 0.5), 0ms);
    retry.progress();
  }
}

TEST(LinkRetry, WithoutPatienceGivesUpAtOnce) {
  LinkRetry retry(0ms);
  EXPECT_EQ(retry.next(Link(), start, 0.5), std::nullopt);
}

}  // namespace
}  // namespace hawser::stage::attempt
