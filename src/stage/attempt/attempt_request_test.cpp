#include "stage/attempt/attempt_request.hpp"

#include <gtest/gtest.h>

#include <type_traits>

#include "stage/attempt/answer_form.hpp"
#include "stage/attempt/tries.hpp"

namespace hawser::stage::attempt {
namespace {

using exchange::Call;
using exchange::Exchange;
using policy::Grants;

// A call that nothing binds does not compile.
static_assert(!std::is_default_constructible_v<Decision>);
static_assert(!std::is_constructible_v<Decision, Grants>);
static_assert(!std::is_constructible_v<Decision, const Exchange&>);
static_assert(!std::is_default_constructible_v<AttemptRequest>);
static_assert(!std::is_constructible_v<AttemptRequest, const exchange::Request&>);
static_assert(!std::is_constructible_v<AttemptRequest, const Decision&, const exchange::Request&,
                                       net::Cancellation&>);
static_assert(!std::is_constructible_v<FurtherCall, Call::Given, FurtherCall::Terms>);
static_assert(
    std::is_constructible_v<FurtherCall, const Decision&, Call::Given, FurtherCall::Terms>);
template <class Request>
concept Sendable = requires(Tries& tries, Request& request, Try& one) {
  tries.once(request, one);
};
static_assert(Sendable<AttemptRequest> && !Sendable<Exchange> && !Sendable<Call>);

constexpr std::string_view body = R"({"model":"m","stream":true})";

Call::Given chat() {
  Call::Given given;
  given.id = "req-1";
  given.method = "POST";
  given.target = "/v1/chat/completions?x=y";
  given.fields = {{"content-type", "application/json"}, {"idempotency-key", "k"}};
  given.body = body;
  return given;
}

class Taken final : public exchange::Reservation {
 public:
  void see(std::string_view, std::uint32_t) override {}
  bool moves_to(const Exchange&, const exchange::Target&) override { return true; }
  const exchange::Target* taken_at() const override { return nullptr; }
  void begins(const exchange::Target&, std::uint32_t) override {}
  bool begins_beside(const Exchange&, const exchange::Target&, std::uint32_t) override {
    return true;
  }
  void failed(std::uint32_t, Code, std::optional<exchange::NotCharged>) override {}
  void answers(std::uint32_t) override {}
  bool answers_again(const exchange::Told&) override { return true; }
  void not_answered_again(std::optional<exchange::NotCharged>) override {}
  void settle(const exchange::Told&) override {}
};

/// An exchange behind all stages but the last.
struct Decided {
  Decided() {
    Exchange& one = call.exchange();
    one.pipeline = pipeline;
    one.principal = &principal;
    one.candidates = exchange::Candidates(targets);
    one.residency.grants = Grants(1u << Grants::resume_log);
    one.timeouts = &timeouts;
    one.request.body = body;
    EXPECT_TRUE(dialect::peek_request(one.request.body, one.request.facts));
  }

  std::shared_ptr<exchange::Pipeline> pipeline =
      std::make_shared<exchange::Pipeline>(std::vector<std::unique_ptr<exchange::Stage>>());
  exchange::Principal principal{.tenant = "acme", .key = "laptop"};
  policy::Timeouts timeouts{};
  std::vector<exchange::Target> targets{1};
  Call call{chat(), Clock::time_point(5s)};
};

TEST(AttemptRequest, WithoutADecisionNothingIsGranted) {
  for (const auto place : {Grants::memory_cache, Grants::disk_cache, Grants::embedding,
                           Grants::resume_log, Grants::telemetry_body}) {
    EXPECT_FALSE(exchange::Residency().grants.allow(place));
    EXPECT_TRUE(Grants::all().allow(place));
  }
  EXPECT_FALSE(Grants().allow_guard(0));
}

TEST(AttemptRequest, IsOfAnExchangeThatWentThroughTheStages) {
  Call walked_around(chat(), Clock::time_point());
  EXPECT_THROW(AttemptRequest{walked_around.exchange()}, std::logic_error);
  Decided one;
  one.call.exchange().candidates = {};
  EXPECT_THROW(AttemptRequest{one.call.exchange()}, std::logic_error) << "it may go nowhere";
}

TEST(AttemptRequest, SaysWhatWasDecided) {
  Decided one;
  const AttemptRequest request(one.call.exchange());
  EXPECT_EQ(request.id(), "req-1");
  EXPECT_EQ(request.method(), "POST");
  EXPECT_EQ(request.arrived(), Clock::time_point(5s));
  EXPECT_EQ(&request.message(), &one.call.exchange().request);
  EXPECT_EQ(request.decision().principal().tenant, "acme");
  EXPECT_EQ(request.decision().timeouts(), &one.timeouts);
  EXPECT_TRUE(request.decision().grants().allow(Grants::resume_log));
  EXPECT_FALSE(request.decision().grants().allow(Grants::telemetry_body));
  EXPECT_FALSE(request.decision().own_limits());
  EXPECT_EQ(request.usage_edit(), nullptr) << "nothing counts it";
}

TEST(AttemptRequest, OfASecondOneAtTheSameTimeOnlyTheEndIsItsOwn) {
  Decided one;
  const AttemptRequest first(one.call.exchange());
  net::Cancellation ends;
  const AttemptRequest second(first, ends);
  EXPECT_EQ(&second.message(), &first.message());
  EXPECT_EQ(second.decision().grants().bits(), first.decision().grants().bits());
  ends.cancel();
  EXPECT_TRUE(second.cancellation().cancelled());
  EXPECT_FALSE(first.cancellation().cancelled());
}

TEST(FurtherCall, IsBoundAsItsExchangeWasWhichMayBeOver) {
  auto one = std::make_unique<Decided>();
  one->call.exchange().answer_fields = std::make_unique<std::string>();
  const std::weak_ptr<exchange::Pipeline> pipeline = one->pipeline;
  auto request = std::make_unique<AttemptRequest>(one->call.exchange());
  auto given = request->copy();
  auto decision = std::make_unique<Decision>(request->decision());
  one->pipeline.reset();
  request.reset();
  const exchange::Principal principal = one->principal;
  one.reset();
  ASSERT_FALSE(pipeline.expired()) << "what it points to is of the pipeline";

  EXPECT_EQ(given.target, "/v1/chat/completions?x=y");
  FurtherCall::Terms terms;
  terms.arrived = Clock::time_point(7s);
  terms.latest = Clock::time_point(9s);
  {
    const FurtherCall call(*decision, std::move(given), std::move(terms));
    ASSERT_TRUE(call.valid());
    EXPECT_EQ(call.request().id(), "req-1");
    EXPECT_EQ(call.request().arrived(), Clock::time_point(7s));
    EXPECT_EQ(call.request().latest(), Clock::time_point(9s));
    EXPECT_EQ(call.request().message().body, body);
    EXPECT_EQ(call.request().message().facts.model, "m");
    EXPECT_EQ(call.request().message().header("idempotency-key"), "k");
    EXPECT_TRUE(call.request().decision().own_limits());
    EXPECT_EQ(call.request().decision().grants().bits(), 1u << Grants::resume_log);
    EXPECT_EQ(call.request().notes(), nullptr);
  }
  decision.reset();
  EXPECT_TRUE(pipeline.expired());
}

TEST(FurtherCall, EndsByItself) {
  Decided one;
  const AttemptRequest request(one.call.exchange());
  FurtherCall call(request.decision(), request.copy(), {});
  call.cancel();
  EXPECT_TRUE(call.request().cancellation().cancelled());
  EXPECT_FALSE(request.cancellation().cancelled());
}

TEST(FurtherCall, IsNotMadeWithABodyThatCannotBeRead) {
  Decided one;
  const AttemptRequest request(one.call.exchange());
  auto given = request.copy();
  given.body = R"({"model":)";
  EXPECT_FALSE(FurtherCall(request.decision(), std::move(given), {}).valid());
}

TEST(FurtherCall, HidesTheUsageThatTheFirstCallHid) {
  Decided one;
  one.call.exchange().reservation = std::make_unique<Taken>();
  const AttemptRequest request(one.call.exchange());
  ASSERT_NE(request.usage_edit(), nullptr);

  const FurtherCall second(request.decision(), request.copy(), {});
  EXPECT_NE(second.request().usage_edit(), nullptr) << "it is asked for again";

  auto given = request.copy();
  given.method = "GET";
  given.target = "/v1/generations/g-1/events";
  given.body.clear();
  FurtherCall::Terms terms;
  terms.api = dialect::Api::chat;
  const FurtherCall taken_up(request.decision(), std::move(given), std::move(terms));
  EXPECT_EQ(taken_up.request().usage_edit(), nullptr) << "there is no body to ask in";
  EXPECT_EQ(taken_up.request().message().endpoint.api, dialect::Api::chat);
  generation::AnswerHead head;
  head.event_stream = true;
  EXPECT_TRUE(expected_of(taken_up.request(), head, true).strips_usage);
  EXPECT_FALSE(expected_of(taken_up.request(), head, true).counts) << "it was counted before";
}

}  // namespace
}  // namespace hawser::stage::attempt
