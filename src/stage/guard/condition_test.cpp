#include "stage/guard/condition.hpp"

#include <gtest/gtest.h>

#include "stage/guard/verdict.hpp"

namespace hawser::stage::guard {
namespace {

TEST(Condition, OnlyANeutralTextSwitchesAGuardOff) {
  const auto now = Clock::now();
  Condition condition({.failures = 3, .pause = 5s});
  for (int i = 0; i < 2; ++i) {
    condition.failed();
    EXPECT_FALSE(condition.wants_probe(now));
  }
  condition.failed();
  EXPECT_FALSE(condition.away()) << "texts alone decide nothing";
  EXPECT_TRUE(condition.wants_probe(now));
  EXPECT_FALSE(condition.wants_probe(now)) << "one at a time";
  condition.probed(true, now);
  EXPECT_FALSE(condition.away());
  EXPECT_FALSE(condition.wants_probe(now));

  for (int i = 0; i < 1000; ++i) condition.failed();
  ASSERT_TRUE(condition.wants_probe(now));
  condition.probed(false, now);
  EXPECT_TRUE(condition.away());
  EXPECT_FALSE(condition.wants_probe(now + 4s));
  ASSERT_TRUE(condition.wants_probe(now + 5s));
  EXPECT_TRUE(condition.away()) << "until the neutral text is judged";
  condition.probed(false, now + 5s);
  EXPECT_FALSE(condition.wants_probe(now + 9s));
  ASSERT_TRUE(condition.wants_probe(now + 10s));
  condition.probed(true, now + 10s);
  EXPECT_FALSE(condition.away());
}

TEST(Condition, VerdictsBetweenFailuresForgetThem) {
  Condition condition({.failures = 2, .pause = 5s});
  for (int i = 0; i < 10; ++i) {
    condition.failed();
    condition.answered();
    EXPECT_FALSE(condition.wants_probe(Clock::now()));
  }
}

TEST(Verdict, AnythingButAWellFormedOneIsNone) {
  GuardConfig plain;
  EXPECT_TRUE(parse_verdict(plain, R"({"allow":true})")->allow);
  EXPECT_EQ(parse_verdict(plain, R"({"allow":false,"reason":"x"})")->reason, "x");
  for (const char* body :
       {"", "true", "[]", "{}", R"({"allow":1})", R"({"allow":"true"})", R"({"allow":null})",
        R"({"allow":false,"allow":true})", R"({"allow":false,"\u0061llow":true})",
        R"({"allow":true,"reason":1})", R"({"allow":true} x)", R"({"Allow":true})"}) {
    EXPECT_FALSE(parse_verdict(plain, body)) << body;
  }
  GuardConfig flags;
  flags.form = Form::openai_moderation;
  EXPECT_TRUE(parse_verdict(flags, R"({"results":[{"flagged":false}]})")->allow);
  EXPECT_FALSE(parse_verdict(flags, R"({"results":[{"flagged":false},{"flagged":true}]})")->allow);
  for (const char* body :
       {R"({"results":[]})", R"({"results":{}})", R"({"results":[{}]})", R"({"results":[1]})",
        R"({"results":[{"flagged":null}]})", R"({"results":[{"flagged":"false"}]})",
        R"({"results":[{"flagged":true}],"results":[{"flagged":false}]})",
        R"({"results":[{"flagged":true,"flagged":false}]})", R"({"error":{"message":"x"}})",
        R"({"results":[{"flagged":false},{"flagged":0}]})"}) {
    EXPECT_FALSE(parse_verdict(flags, body)) << body;
  }
  GuardConfig scores;
  scores.form = Form::openai_moderation;
  scores.categories.emplace_back("violence", 0.5);
  scores.categories.emplace_back("hate", 0.5);
  const auto of = [&](const std::string& told) {
    return parse_verdict(scores,
                         R"({"results":[{"flagged":true,"category_scores":)" + told + "}]}");
  };
  EXPECT_TRUE(of(R"({"violence":0.1,"hate":0})")->allow);
  EXPECT_EQ(of(R"({"violence":0.5,"hate":0})")->reason, "violence");
  for (const char* told :
       {"{}", "null", "[]", R"({"violence":0.1})", R"({"violence":"0.1","hate":0})",
        R"({"violence":null,"hate":0})", R"({"violence":-1,"hate":0})",
        R"({"violence":1e9,"hate":0})", R"({"violence":0.9,"violence":0.1,"hate":0})",
        R"({"violence":0.9,"hate":"x"})"}) {
    EXPECT_FALSE(of(told)) << told;
  }
}

TEST(Verdict, CategoriesAreThoseOfTheApi) {
  GuardConfig config;
  config.form = Form::openai_moderation;
  for (const char* name :
       {"violence", "self-harm", "self-harm/intent", "sexual/minors", "illicit"}) {
    config.categories.emplace_back(name, 1);
  }
  EXPECT_TRUE(config.check().empty());
  config.categories.emplace_back("violense", 0.1);
  ASSERT_EQ(config.check().size(), 1u);
  EXPECT_EQ(config.check()[0].path, "categories.violense");
  for (const double limit : {0.0, -1.0, 1.5}) {
    GuardConfig other;
    other.form = Form::openai_moderation;
    other.categories.emplace_back("hate", limit);
    EXPECT_EQ(other.check().size(), 1u) << limit;
  }
  GuardConfig plain;
  plain.categories.emplace_back("hate", 0.5);
  EXPECT_EQ(plain.check().size(), 1u);
}

}  // namespace
}  // namespace hawser::stage::guard
