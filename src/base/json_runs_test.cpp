#include "base/json_runs.hpp"

#include <string>

#include "gtest/gtest.h"

namespace hawser {
namespace {

using Run = std::size_t (*)(const char*, const char*);

/// Each byte at each place of a text, beside the definition of what ends the run.
void check(Run run, char usual, bool (*ends)(unsigned char)) {
  for (std::size_t size = 0; size < 40; ++size) {
    std::string text(size, usual);
    EXPECT_EQ(run(text.data(), text.data() + size), size);
    for (std::size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        text[at] = static_cast<char>(byte);
        const std::size_t expected = ends(static_cast<unsigned char>(byte)) ? at : size;
        ASSERT_EQ(run(text.data(), text.data() + size), expected) << byte << " at " << at;
      }
      text[at] = usual;
    }
  }
}

TEST(JsonRuns, APlainOneEndsAtWhatAStrictReaderLooksAt) {
  check(plain_run, 'a',
        [](unsigned char c) { return c < 0x20 || c >= 0x80 || c == '"' || c == '\\'; });
}

TEST(JsonRuns, OneOfAStringEndsAtQuotesAndBackslashes) {
  check(string_run, 'a', [](unsigned char c) { return c == '"' || c == '\\'; });
}

TEST(JsonRuns, OneOutsideOfStringsEndsAtStructure) {
  // [ and {, ] and } are the same but for a bit; no other byte becomes one of them.
  check(unstructured_run, '1', [](unsigned char c) {
    return c == '"' || c == ',' || c == '{' || c == '}' || c == '[' || c == ']';
  });
  check(bracket_run, ',',
        [](unsigned char c) { return c == '"' || c == '{' || c == '}' || c == '[' || c == ']'; });
}

}  // namespace
}  // namespace hawser
