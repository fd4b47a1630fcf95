#include "dialect/splice.hpp"

#include <gtest/gtest.h>

#include "base/json.hpp"
#include "dialect/delta_text.hpp"
#include "wire/sse.hpp"

namespace hawser::dialect {
namespace {

std::string chunk(std::string_view delta, std::string_view id = "c1",
                  std::string_view finish = "null") {
  return "data: {\"id\":\"" + std::string(id) +
         "\",\"choices\":[{\"index\":0,\"delta\":" + std::string(delta) +
         ",\"finish_reason\":" + std::string(finish) + "}]}\n\n";
}
std::string text(std::string_view content, std::string_view id = "c1") {
  std::string quoted;
  append_json_string(quoted, content);
  return chunk("{\"content\":" + quoted + "}", id);
}
const std::string role = chunk(R"({"role":"assistant","content":""})");
const std::string plain =
    R"({"model":"m","stream":true,"messages":[{"role":"user","content":"q"}]})";
const std::string fixed = R"({"model":"m","stream":true,"temperature":0,"max_tokens":10,)"
                          R"("messages":[{"role":"user","content":"q"}]})";

std::string text_of(std::string_view frames) {
  std::string out;
  while (!frames.empty()) {
    const auto size = wire::first_frame(frames).size;
    append_delta_text(Api::chat, frames.substr(0, size), out);
    frames.remove_prefix(size);
  }
  return out;
}

TEST(Splice, BeforeTheFirstContentItBeginsAnew) {
  Splice splice(plain, Prefill::none);
  splice.see(role);
  ASSERT_TRUE(splice.possible());
  ASSERT_EQ(splice.kind(), SpliceKind::restart);
  EXPECT_EQ(splice.second_body(plain), plain);
  const auto joined = splice.join(chunk(R"({"role":"assistant","content":""})", "c2") +
                                  text("Hello", "c2") + "data: [DONE]\n\n");
  ASSERT_TRUE(joined);
  EXPECT_EQ(*joined,
            "data: {\"hawser\":{\"splice\":\"restart\"},\"id\":\"c1\",\"choices\":[{\"index\":0,"
            "\"delta\":{\"content\":\"Hello\"},\"finish_reason\":null}]}\n\ndata: [DONE]\n\n");
}

TEST(Splice, WithContentOutItTakesADeterministicRequestOrAProviderThatCan) {
  Splice neither(plain, Prefill::none);
  neither.see(role + text("Hel"));
  EXPECT_FALSE(neither.possible());
  EXPECT_FALSE(neither.kind());
  Splice replay(fixed, Prefill::none);
  replay.see(role + text("Hel"));
  EXPECT_EQ(replay.kind(), SpliceKind::replay);
  Splice prefill(plain, Prefill::prefix);
  prefill.see(role + text("Hel"));
  EXPECT_EQ(prefill.kind(), SpliceKind::prefill);
}

TEST(Splice, MoreThanTextIsNotContinued) {
  for (const auto* delta :
       {R"({"tool_calls":[{"index":0,"id":"x","function":{"name":"f","arguments":""}}]})",
        R"({"reasoning_content":"hm"})", R"({"audio":{"id":"a"}})"}) {
    Splice splice(fixed, Prefill::prefix);
    splice.see(role + chunk(delta));
    EXPECT_FALSE(splice.kind()) << delta;
  }
  for (const auto* member : {R"("n":2)", R"("logprobs":true)", R"("store":true)"}) {
    const std::string body = "{" + std::string(member) + "," + fixed.substr(1);
    Splice splice(body, Prefill::prefix);
    splice.see(role);
    EXPECT_FALSE(splice.kind()) << member;
  }
}

TEST(Splice, AJsonSchemaOrABegunAnswerRulesPrefillOut) {
  const std::string formed =
      R"({"response_format":{"type":"json_object"},"messages":[{"role":"user","content":"q"}]})";
  const std::string begun =
      R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]})";
  for (const auto& body : {formed, begun}) {
    Splice splice(body, Prefill::prefix);
    splice.see(text("Hel"));
    EXPECT_FALSE(splice.kind()) << body;
  }
}

TEST(Splice, PrefillAsksForTheRest) {
  Splice splice(fixed, Prefill::prefix);
  splice.see(role + text("Say \"h") + text("i\""));
  ASSERT_EQ(splice.kind(), SpliceKind::prefill);
  EXPECT_EQ(splice.second_body(fixed),
            R"({"model":"m","stream":true,"temperature":0,"max_tokens":8,)"
            R"("messages":[{"role":"user","content":"q"},)"
            R"({"role":"assistant","content":"Say \"hi\"","prefix":true}]})");
  const auto joined = splice.join(chunk(R"({"role":"assistant","content":""})", "c2") +
                                  text(" now", "c2") + chunk("{}", "c2", "\"stop\""));
  ASSERT_TRUE(joined);
  EXPECT_EQ(text_of(*joined), " now");
  EXPECT_EQ(joined->find("c2"), std::string::npos);
}

TEST(Splice, OfAReplayOnlyWhatIsNewGoesOutHoweverItIsCut) {
  const std::string whole = "Hello, w\u00f6rld \u4f60\u597d!";
  for (std::size_t out = 1; out < whole.size(); ++out) {
    if ((static_cast<unsigned char>(whole[out]) & 0xC0) == 0x80)
      continue;  // never half a character
    for (std::size_t cut = 1; cut < whole.size(); ++cut) {
      if ((static_cast<unsigned char>(whole[cut]) & 0xC0) == 0x80) continue;
      Splice splice(fixed, Prefill::none);
      splice.see(role + text(whole.substr(0, out)));
      ASSERT_EQ(splice.kind(), SpliceKind::replay);
      std::string joined;
      for (const auto& frame :
           {chunk(R"({"role":"assistant","content":""})", "c2"), text(whole.substr(0, cut), "c2"),
            text(whole.substr(cut), "c2"), chunk("{}", "c2", "\"stop\"")}) {
        const auto part = splice.join(frame);
        ASSERT_TRUE(part);
        joined += *part;
      }
      EXPECT_EQ(whole.substr(0, out) + text_of(joined), whole) << out << " " << cut;
    }
  }
}

TEST(Splice, AReplayThatDiffersOrEndsEarlyIsAnError) {
  for (const auto& second : {text("Help", "c2"), text("Hel", "c2") + chunk("{}", "c2", "\"stop\""),
                             chunk(R"({"reasoning_content":"Hello"})", "c2"),
                             std::string("data: [DONE]\n\n"), std::string("data: nonsense\n\n")}) {
    Splice splice(fixed, Prefill::none);
    splice.see(text("Hello"));
    ASSERT_EQ(splice.kind(), SpliceKind::replay);
    const auto joined = splice.join(second);
    ASSERT_FALSE(joined) << second;
    EXPECT_EQ(joined.error().code, Code::upstream);
  }
}

}  // namespace
}  // namespace hawser::dialect
