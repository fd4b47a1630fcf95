#include "export/page.hpp"

#include <gtest/gtest.h>

#include "export/prometheus.hpp"

namespace hawser::exporting {
namespace {

TEST(Page, EscapesWhatAConfigurationMayNameThings) {
  Page page;
  page.family("up", "gauge", "one\nline\\");
  page.sample({{"target", "a\"b\\c\nd"}, {"name", "\xc3\xa5"}}, 1);
  page.sample({}, 0.5);
  EXPECT_EQ(page.take(),
            "# HELP up one\\nline\\\\\n# TYPE up gauge\n"
            "up{target=\"a\\\"b\\\\c\\nd\",name=\"\xc3\xa5\"} 1\nup 0.5\n");
}

TEST(Page, RegistryAndViewsWriteAlike) {
  telemetry::Registry registry;
  auto& shard = registry.make_shard();
  shard.add(registry.counter("made_total", "Things.", {{"name", "a\"b\n"}}));
  Page page;
  page.family("made_total", "counter", "Things.");
  page.sample({{"name", "a\"b\n"}}, 1);
  EXPECT_EQ(render(registry), page.take());
}

}  // namespace
}  // namespace hawser::exporting
