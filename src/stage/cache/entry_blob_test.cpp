#include "stage/cache/entry_blob.hpp"

#include <gtest/gtest.h>

namespace hawser::stage::cache {
namespace {

Entry sample() {
  Entry entry;
  entry.status = 404;
  entry.fields = "Content-Type: text/event-stream\r\n";
  entry.content = std::string("data: {}\n\n\0\xff", 12);
  entry.stream = true;
  entry.with_usage = true;
  entry.usage = {.known = true,
                 .cached_within = false,
                 .input = 17,
                 .output = 4'000'000'000,
                 .cached = 3,
                 .cache_write = 2,
                 .reasoning = 1};
  entry.tenant = "acme";
  entry.model = "m";
  entry.stored = WallClock::time_point(milliseconds(1'700'000'000'123));
  entry.ttl = 61s;
  return entry;
}

TEST(EntryBlob, ComesBackAsItWas) {
  const Entry entry = sample();
  const EntryPtr back = from_blob(to_blob(entry));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->status, 404);
  EXPECT_EQ(back->fields, entry.fields);
  EXPECT_EQ(back->content, entry.content);
  EXPECT_TRUE(back->stream && back->with_usage && back->usage.known);
  EXPECT_EQ(back->usage.input, 17u);
  EXPECT_EQ(back->usage.output, 4'000'000'000u);
  EXPECT_FALSE(back->usage.cached_within);
  EXPECT_EQ(back->usage.cached, 3u);
  EXPECT_EQ(back->usage.cache_write, 2u);
  EXPECT_EQ(back->usage.reasoning, 1u);
  EXPECT_EQ(back->tenant, "acme");
  EXPECT_EQ(back->model, "m");
  EXPECT_EQ(back->stored, entry.stored);
  EXPECT_EQ(back->ttl, 61s);
}

TEST(EntryBlob, AnythingElseIsNone) {
  const std::string blob = to_blob(sample());
  for (std::size_t size = 0; size < blob.size(); ++size) {
    EXPECT_FALSE(from_blob(blob.substr(0, size))) << size;
  }
  EXPECT_FALSE(from_blob(blob + "x"));
  EXPECT_FALSE(from_blob("\x02" + blob.substr(1)));
}

}  // namespace
}  // namespace hawser::stage::cache
