#include "stage/cache/cacheable.hpp"

#include <gtest/gtest.h>

#include "stage/cache/control.hpp"

namespace hawser::stage::cache {
namespace {

using dialect::Api;

Cacheability chat(std::string_view body) {
  return cacheability_of(Api::chat, "/chat/completions", body);
}

TEST(Cacheability, AutoTakesOnlyWhatSaysItIsDeterministic) {
  EXPECT_FALSE(chat(R"({"messages":[]})").deterministic);  // omitted is 1, not 0
  EXPECT_FALSE(chat(R"({"temperature":0.1})").deterministic);
  EXPECT_TRUE(chat(R"({"temperature":0})").deterministic);
  EXPECT_TRUE(chat(R"({"temperature":0.0})").deterministic);
  EXPECT_TRUE(chat(R"({"seed":7})").deterministic);
  EXPECT_TRUE(chat(R"({"top_k":1})").deterministic);
  EXPECT_TRUE(cacheability_of(Api::embeddings, "/embeddings", "{}").deterministic);
  EXPECT_TRUE(cacheability_of(Api::other, "/moderations", "{}").deterministic);
}

TEST(Cacheability, NeverWhatIsStoredElsewhereOrRunByTheProvider) {
  for (const auto body :
       {R"({"store":true})", R"({"background":true})", R"({"previous_response_id":"r"})",
        R"({"conversation":"c"})", R"({"web_search_options":{}})",
        R"({"tools":[{"type":"web_search"}]})",
        R"({"tools":[{"type":"function"},{"type":"code_interpreter"}]})", R"({"tools":"x"})",
        R"({"modalities":["text","audio"]})", R"({"audio":{"voice":"x"}})", "nonsense"}) {
    EXPECT_FALSE(chat(body).possible) << body;
  }
  for (const auto body :
       {"{}", R"({"store":false})", R"({"background":false,"previous_response_id":null})",
        R"({"tools":[{"type":"function"}]})", R"({"tools":[]})", R"({"modalities":["text"]})"}) {
    EXPECT_TRUE(chat(body).possible) << body;
  }
  EXPECT_FALSE(cacheability_of(Api::responses, "/responses", "{}").possible);  // stored by default
  EXPECT_TRUE(cacheability_of(Api::responses, "/responses", R"({"store":false})").possible);
  EXPECT_FALSE(cacheability_of(Api::other, "/files", "{}").possible);
}

TEST(CacheControl, OfARequest) {
  const auto control = parse_control("no-cache, max-age=60 ,MAX-STALE, min-fresh=\"5\", foo=bar");
  EXPECT_TRUE(control.no_cache);
  EXPECT_EQ(control.max_age, std::chrono::seconds(60));
  EXPECT_EQ(control.max_stale, milliseconds::max());
  EXPECT_EQ(control.min_fresh, std::chrono::seconds(5));
  EXPECT_FALSE(control.no_store || control.only_if_cached);
  EXPECT_EQ(parse_control("max-age=soon").max_age, 0ms);
  EXPECT_TRUE(parse_control("no-store,only-if-cached").only_if_cached);
  EXPECT_FALSE(parse_control("").no_store);
}

}  // namespace
}  // namespace hawser::stage::cache
