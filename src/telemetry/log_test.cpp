#include "telemetry/log.hpp"

#include <gtest/gtest.h>

#include "base/secret.hpp"
#include "telemetry/access_log.hpp"
#include "telemetry/metrics.hpp"

namespace hawser {
namespace {

// Logging a credential or a payload is not caught in review: it does not compile.
static_assert(!std::is_constructible_v<log::Value, Secret>);
static_assert(!std::is_constructible_v<log::Value, std::string>);
static_assert(!std::is_constructible_v<log::Value, const char*>);
static_assert(!std::is_copy_constructible_v<Secret>);

TEST(Log, WritesJsonAndRedacts) {
  EXPECT_EQ(
      log::render("it happened", {{"n", 5}, {"why", Code::timeout}, {"id", log::safe("a\"b")}}),
      R"("event":"it happened","n":5,"why":"timeout","id":"a\"b")");
  EXPECT_EQ(log::render("e", {{"body", log::redacted("key sk-proj-0123456789abcdef bad")}}),
            R"("event":"e","body":"key [redacted] bad")");
}

TEST(AccessLog, LinesAreJsonWhateverTheClientSent) {
  telemetry::AccessRecord record;
  record.time_us = 1'700'000'000'123'456;
  record.request_id = "req_1";
  record.path = "/v1/\x01\xff\"";
  record.status = 200;
  std::string line;
  append_line(record, line);
  EXPECT_EQ(line,
            "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"request_id\":\"req_1\","
            "\"path\":\"/v1/\\u0001\\u00ff\\\"\",\"status\":200,\"attempts\":0,\"bytes_in\":0,"
            "\"bytes_out\":0,\"duration_us\":0}\n");
}

TEST(Metrics, ShardsAddUp) {
  telemetry::Registry registry;
  const auto a = registry.counter("requests", "help", {{"status", "200"}});
  const auto again = registry.counter("requests", "help", {{"status", "200"}});
  EXPECT_EQ(a.cell, again.cell);
  auto& first = registry.make_shard();
  auto& second = registry.make_shard();
  first.add(a, 2);
  second.add(a, 3);
  EXPECT_EQ(registry.value("requests", {{"status", "200"}}), 5);
}

TEST(Metrics, HistogramsCountIntoTheRightBucket) {
  telemetry::Registry registry;
  const double bounds[] = {0.1, 1.0};
  const auto id = registry.histogram("seconds", "help", bounds);
  auto& shard = registry.make_shard();
  for (const double value : {0.05, 0.1, 0.5, 7.0}) shard.observe(id, value);
  registry.each([&](const std::string&, const auto& family) {
    const auto reading = registry.read(family, family.series.front());
    EXPECT_EQ(reading.buckets, (std::vector<std::uint64_t>{2, 1, 1}));
    EXPECT_NEAR(reading.sum, 7.65, 1e-6);
  });
}

TEST(Metrics, TooManySeriesCountAsOther) {
  telemetry::Registry registry;
  auto& shard = registry.make_shard();
  for (int i = 0; i < 5'000; ++i) {
    shard.add(registry.counter("c", "help", {{"model", std::to_string(i)}}));
  }
  EXPECT_EQ(registry.value("c", {{"model", "other"}}), 3'000);
}

}  // namespace
}  // namespace hawser
