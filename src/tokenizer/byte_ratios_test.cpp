#include "tokenizer/byte_ratios.hpp"

#include <gmock/gmock.h>

#include <string>

namespace hawser::tokenizer {
namespace {

using testing::ElementsAre;

TEST(ByteRatios, ScriptsAreToldApart) {
  EXPECT_THAT(script_bytes("ab \n"), ElementsAre(4u, 0u, 0u));
  EXPECT_THAT(script_bytes("a\u4e2d\u3042\uac00\uff01z"), ElementsAre(2u, 12u, 0u));
  EXPECT_THAT(script_bytes("\u0416\U0001f600\u20ac"), ElementsAre(0u, 0u, 9u));
  EXPECT_THAT(script_bytes("\xff\xe4"), ElementsAre(0u, 0u, 2u));
  EXPECT_THAT(script_bytes("\xe4\xb8"), ElementsAre(0u, 0u, 2u));
}

TEST(ByteRatios, EstimatesAreRoundedUp) {
  const ByteRatios ratios({4, 3, 2});
  EXPECT_EQ(ratios.estimate({0, 0, 0}), 0u);
  EXPECT_EQ(ratios.estimate({1, 0, 0}), 1u);
  EXPECT_EQ(ratios.estimate({8, 9, 2}), 6u);
}

TEST(ByteRatios, EveryModelHasAStart) {
  for (const char* model : {"claude-sonnet-4-5", "gemini-2.5-flash", "someone's"}) {
    EXPECT_GT(ByteRatios::for_model(model).estimate(script_bytes("The quick brown fox")), 3u);
  }
  EXPECT_GT(ByteRatios::for_model("anthropic/claude-opus-4-1").estimate({0, 300, 0}),
            ByteRatios::for_model("gemini-2.5-pro").estimate({0, 300, 0}));
}

TEST(ByteRatios, UsageIsLearnt) {
  ByteRatios ratios({4, 3, 2});
  for (int i = 0; i < 200; ++i) {
    ratios.learn(1000, {5000, 0, 0});
    ratios.learn(1000, {500, 1800, 0});  // 100 and 900
  }
  EXPECT_NEAR(ratios.ratios()[0], 5, 0.1);
  EXPECT_NEAR(ratios.ratios()[1], 2, 0.1);
  EXPECT_EQ(ratios.ratios()[2], 2) << "there was no such text";
}

TEST(ByteRatios, NonsenseDoesLittle) {
  ByteRatios ratios({4, 3, 2});
  ratios.learn(0, {100, 0, 0});
  ratios.learn(100, {0, 0, 0});
  EXPECT_THAT(ratios.ratios(), ElementsAre(4, 3, 2));
  ratios.learn(1'000'000'000, {4, 0, 0});
  EXPECT_GT(ratios.ratios()[0], 3.5);
  for (int i = 0; i < 1000; ++i) ratios.learn(1'000'000'000, {4000, 40, 4});
  EXPECT_GE(ratios.ratios()[0], 0.5);
}

}  // namespace
}  // namespace hawser::tokenizer
