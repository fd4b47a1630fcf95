#include "stage/attempt/decide.hpp"

#include <gtest/gtest.h>

#include "stage/attempt/retry_after.hpp"
#include "stage/attempt/retry_budget.hpp"

namespace hawser::stage::attempt {
namespace {

// The whole retry policy as a table: one line, one rule.
TEST(Decide, FollowsTheTable) {
  using enum Reached;
  const RetryConfig config{};  // 3 attempts, 2 at one target, base 200 ms
  const Situation alone{};
  const Situation next{.has_next_target = true};
  const Situation last{.attempts = 3, .has_next_target = true};
  const Situation again{.attempts = 2, .attempts_at_target = 2};
  const Situation broke{.budget_allows = false};
  const Situation get{.idempotent = true};
  const Situation upload{.replayable = false};
  const Situation hurry{.time_left = 500ms};
  const Situation link{.attempts = 3, .budget_allows = false, .link_wait = 50ms};
  const Situation link_too_late{.attempts = 3, .link_wait = 50ms, .time_left = 50ms};
  const Situation link_of_several{.has_next_target = true, .link_wait = 50ms};
  const auto fails = [](int status, std::optional<milliseconds> wait = {}) {
    return Failure{sent_request, Code::upstream, status, wait};
  };
  Failure told_to = fails(500);
  told_to.should_retry = true;
  Failure told_not_to = fails(503, 1s);
  told_not_to.should_retry = false;
  Failure no_quota = fails(429);
  no_quota.out_of_quota = true;
  struct Case {
    const char* rule;
    Failure failure;
    Situation now;
    Step expected;
  };
  // clang-format off
  const Case cases[] = {
      {"after content only resume follows",    {content_out},                       next,   GiveUp{}},
      {"nobody is left to answer",             {sent_request, Code::cancelled},     next,   GiveUp{}},
      {"a stale idle connection costs nothing", {unprocessed},                      last,   TrySame{0ms, true}},
      {"what never left us is free to repeat", {not_connected},                     alone,  TrySame{100ms}},
      {"another target is nearer than a wait", {not_connected},                     next,   TryNext{}},
      {"a lost answer may have run",           {sent_request},                      alone,  GiveUp{}},
      {"the operator listed a fallback",       {sent_request},                      next,   TryNext{}},
      {"GET may be repeated",                  {sent_request},                      get,    TrySame{100ms}},
      {"the request itself is wrong",          fails(400),                          next,   GiveUp{}},
      {"too large everywhere",                 fails(413),                          next,   GiveUp{}},
      {"our credential is wrong here",         fails(401),                          next,   TryNext{}},
      {"and nowhere else to go",               fails(401),                          alone,  GiveUp{}},
      {"no such model at this deployment",     fails(404),                          next,   TryNext{}},
      {"paid for once, not twice",             fails(500),                          alone,  GiveUp{}},
      {"another target may know better",       fails(500),                          next,   TryNext{}},
      {"the provider shed it",                 fails(503),                          alone,  TrySame{100ms}},
      {"the provider named a time",            fails(429, 2s),                      alone,  TrySame{2s}},
      {"a time too long to wait",              fails(429, 61s),                     alone,  GiveUp{true}},
      {"a time beyond the deadline",           fails(429, 2s),                      hurry,  GiveUp{true}},
      {"waiting brings no quota back",         no_quota,                            alone,  GiveUp{}},
      {"another key may have quota",           no_quota,                            next,   TryNext{}},
      {"the provider asks for a repeat",       told_to,                             alone,  TrySame{100ms}},
      {"the provider forbids one",             told_not_to,                         alone,  GiveUp{}},
      {"attempts are spent",                   fails(503),                          last,   GiveUp{true}},
      {"two at one target",                    fails(503),                          again,  GiveUp{true}},
      {"the retry budget is empty",            fails(503),                          broke,  GiveUp{true}},
      {"a streamed body is gone",              fails(503),                          upload, GiveUp{}},
      {"another gateway attaches a repeat",    {sent_request},                      link,   TrySame{50ms, true}},
      {"and is asked until it is there",       {not_connected},                     link,   TrySame{50ms, true}},
      {"but not beyond its deadline",          {sent_request},                      link_too_late, GiveUp{}},
      {"a further target takes over from it",  {not_connected},                     link_of_several, TryNext{}},
      {"what came of it is not asked again",   {content_out},                       link,   GiveUp{}},
      {"unless it never began",                {not_connected},                     upload, TrySame{100ms}},
  };
  // clang-format on
  for (const auto& c : cases) {
    SCOPED_TRACE(c.rule);
    EXPECT_EQ(decide(c.failure, c.now, config), c.expected);
  }
}

TEST(Decide, BacksOffWithFullJitter) {
  const RetryConfig config{.attempts_max = 10, .attempts_per_target_max = 10};
  const Failure failure{.reached = Reached::not_connected};
  const auto wait = [&](std::uint32_t attempts, double random) {
    Situation now;
    now.attempts = attempts;
    now.random = random;
    return std::get<TrySame>(decide(failure, now, config)).wait;
  };
  EXPECT_EQ(wait(1, 0.0), 0ms);
  EXPECT_EQ(wait(1, 0.999), 199ms);
  EXPECT_EQ(wait(3, 0.5), 400ms);
  EXPECT_EQ(wait(9, 0.5), 2500ms);  // capped at 5 s
}

TEST(Decide, WhatDidNotRunIsFreeForAWhile) {
  const RetryConfig config{.attempts_max = 2};
  const Failure refused{.reached = Reached::unprocessed};
  Situation now;
  EXPECT_EQ(decide(refused, now, config), (Step{TrySame{.free = true}}));
  now.free_tries = 8;
  EXPECT_EQ(decide(refused, now, config), (Step{TrySame{.wait = 400ms, .free = true}}));
  now.free_tries = 16;
  EXPECT_EQ(decide(refused, now, config), (Step{TrySame{100ms}}));
  now.attempts = 2;
  EXPECT_EQ(decide(refused, now, config), (Step{GiveUp{true}}));
}

TEST(RetryBudget, AllowsAShareOfTheTraffic) {
  const RetryConfig config{.budget_percent = 20, .budget_per_second = 0};
  const Clock::time_point start{1h};
  RetryBudget budget(config, start);
  EXPECT_FALSE(budget.spend(start));
  for (int i = 0; i < 100; ++i) budget.earn(start);
  int spent = 0;
  while (budget.spend(start)) ++spent;
  EXPECT_NEAR(spent, 20, 1);
}

TEST(RetryBudget, ForgetsWhatIsTenSecondsOld) {
  const RetryConfig config{.budget_percent = 100, .budget_per_second = 0};
  const Clock::time_point start{1h};
  RetryBudget budget(config, start);
  for (int i = 0; i < 10; ++i) budget.earn(start);
  EXPECT_FALSE(budget.spend(start + 10s));
}

TEST(RetryBudget, AllowsAFewHoweverQuietItIs) {
  const RetryConfig config{.budget_percent = 20, .budget_per_second = 3};
  const Clock::time_point start{1h};
  RetryBudget budget(config, start);
  while (budget.spend(start)) {
  }
  EXPECT_TRUE(budget.spend(start + 1s));
}

TEST(RetryAfter, ReadsEveryForm) {
  const auto now = std::chrono::system_clock::from_time_t(1'700'000'000);
  const auto wait = [&](std::string_view name, std::string_view value) {
    wire::ResponseHead head;
    head.fields.push_back({name, value});
    return retry_after(head, now);
  };
  EXPECT_EQ(wait("retry-after-ms", "1500"), 1500ms);
  EXPECT_EQ(wait("x-ms-retry-after-ms", "20"), 20ms);
  EXPECT_EQ(wait("Retry-After", "2"), 2s);
  EXPECT_EQ(wait("retry-after", "0.25"), 250ms);
  EXPECT_EQ(wait("retry-after", "Tue, 14 Nov 2023 22:13:30 GMT"), 10s);
  EXPECT_EQ(wait("retry-after", "soon"), std::nullopt);
  EXPECT_EQ(wait("retry-after", "-1"), std::nullopt);
  EXPECT_EQ(wait("other", "1"), std::nullopt);
}

TEST(Decide, AKeptConnectionThatEndsIsTriedOnceMoreOnANewOne) {
  const Failure ended{
      .reached = Reached::sent_request, .code = Code::connection, .kept_ended = true};
  const Step fresh = TrySame{.fresh = true};
  RetryConfig config;
  EXPECT_EQ(decide(ended, {}, config), fresh);
  EXPECT_EQ(decide(ended, {.has_next_target = true}, config), fresh);
  EXPECT_NE(decide(ended, {.kept_ended_before = true}, config), fresh);
  EXPECT_NE(decide(ended, {.budget_allows = false}, config), fresh);
  EXPECT_NE(decide(ended, {.replayable = false}, config), fresh);
  EXPECT_NE(decide(ended, {.attempts = config.attempts_max}, config), fresh);
  config.kept_connection = KeptConnection::safe;
  EXPECT_EQ(decide(ended, {}, config), Step(GiveUp{}));
  EXPECT_EQ(decide(ended, {.idempotent = true}, config), fresh);
  config.kept_connection = KeptConnection::never;
  EXPECT_NE(decide(ended, {.idempotent = true}, config), fresh);
}

/// Who is not proven to be free is charged.
TEST(NotCharged, FollowsTheTable) {
  using enum Reached;
  using Proof = exchange::NotCharged::Proof;
  const auto proof = [](const Failure& failure) -> std::optional<Proof> {
    const auto found = not_charged(failure);
    if (!found) return std::nullopt;
    return found->proof();
  };
  const auto answered = [](int status) { return Failure{sent_request, Code::upstream, status}; };
  EXPECT_EQ(proof({.reached = not_connected}), Proof::not_connected);
  EXPECT_EQ(proof({.reached = unprocessed}), Proof::not_read);
  EXPECT_EQ(proof({.reached = sent_request, .not_sent_whole = true}), Proof::not_sent_whole);
  for (const int status : {400, 401, 403, 404, 408, 429, 500, 502, 503, 529}) {
    EXPECT_EQ(proof(answered(status)), Proof::refused) << status;
  }
  // Who says that stands before one who may be at work still.
  for (const int status : {504, 524}) EXPECT_EQ(proof(answered(status)), std::nullopt) << status;
  EXPECT_EQ(proof({.reached = sent_request, .status = 200, .refused = true}), Proof::refused);
  EXPECT_EQ(proof(answered(200)), std::nullopt);
  for (const Code code : {Code::cancelled, Code::timeout, Code::connection, Code::upstream}) {
    EXPECT_EQ(proof({.reached = sent_request, .code = code}), std::nullopt);
    EXPECT_EQ(proof({.reached = content_out, .code = code}), std::nullopt);
  }
  EXPECT_EQ(proof({.reached = sent_request, .kept_ended = true}), std::nullopt);
}

}  // namespace
}  // namespace hawser::stage::attempt
