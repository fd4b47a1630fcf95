#include "base/name_pattern.hpp"

#include <gtest/gtest.h>

namespace hawser {
namespace {

TEST(NamePattern, CoversWhatIsTheSameOrBeginsSo) {
  EXPECT_TRUE(covers("gpt-4o", "gpt-4o"));
  EXPECT_FALSE(covers("gpt-4o", "gpt-4o-mini"));
  EXPECT_TRUE(covers("gpt-*", "gpt-4o"));
  EXPECT_FALSE(covers("gpt-*", "GPT-4o"));
}

TEST(NamePattern, MayCoverWhatSomebodyReadsSo) {
  for (const char* name : {"gpt-4o", "GPT-4o", "openai/gpt-4o", "OpenRouter/openai/GPT-4O",
                           "ft:gpt-4o:acme::x", "gpt-4o:free", "azure.gpt-4o", "us.azure.gpt-4o",
                           "gpt-4o ", " gpt-4o", "\xef\xbd\x87pt-4o"}) {
    EXPECT_TRUE(may_cover("gpt-4o", name)) << name;
  }
  EXPECT_TRUE(may_cover("anthropic.*", "us.anthropic.claude-3-v1:0"));
  EXPECT_TRUE(may_cover("claude-*", "arn:aws:bedrock:eu::model/anthropic.claude-3-v1:0"));
  for (const char* name : {"gpt-4o-mini", "gpt-4", "gpt-4.1", "my-gpt-4o", "claude"}) {
    EXPECT_FALSE(may_cover("gpt-4o", name)) << name;
  }
  EXPECT_FALSE(may_cover("gpt-4", "gpt-4.1"));  // a version is no prefix
}

}  // namespace
}  // namespace hawser
