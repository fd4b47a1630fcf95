#include "settings/config_file.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace hawser::settings {
namespace {

namespace fs = std::filesystem;

/// An environment that holds KEY alone, and no files.
Result<std::string> no_file(const std::string& path) {
  return Error{.code = Code::invalid_request, .message = "the file " + path + " cannot be read"};
}
const config::Lookups lookups{[](const std::string& name) -> std::optional<std::string> {
                                return name == "KEY" ? std::optional<std::string>("k")
                                                     : std::nullopt;
                              },
                              no_file};

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// What `hawser check` says of a text that is called FILE.
std::string verdict(const std::string& text) {
  const LoadOutcome outcome = load_text(text, "FILE", lookups);
  std::string out;
  for (const auto& warning : outcome.warnings) out += warning + " (warning)\n";
  for (const auto& problem : outcome.problems) out += problem + "\n";
  if (outcome.problems.empty()) return out + "FILE: ok\n";
  const auto count = outcome.problems.size();
  return out + "FILE: " + std::to_string(count) + (count == 1 ? " problem\n" : " problems\n");
}

// A new case is a new file: the configuration, a line of dashes, what is said of it.
TEST(ConfigFile, GoldenCases) {
  int broken = 0;
  for (const auto& entry : fs::directory_iterator(HAWSER_SOURCE_DIR "/tests/golden/config")) {
    SCOPED_TRACE(entry.path().filename().string());
    const std::string text = slurp(entry.path());
    const std::string line = "----------\n";
    const auto cut = text.find(line);
    ASSERT_NE(cut, std::string::npos);
    const std::string expected = text.substr(cut + line.size());
    EXPECT_EQ(verdict(text.substr(0, cut)), expected);
    if (expected.find("FILE: ok") == std::string::npos) ++broken;
  }
  std::cout << broken << " broken configurations told\n";
  EXPECT_GE(broken, 60);
}

TEST(ConfigFile, TakesProvidersFromTheEnvironment) {
  const config::Lookups environment{[](const std::string& name) -> std::optional<std::string> {
                                      if (name == "DEEPSEEK_API_KEY" || name == "OPENAI_API_KEY")
                                        return "k";
                                      return std::nullopt;
                                    },
                                    no_file};
  const auto config = from_environment(environment);
  ASSERT_NE(config, nullptr);
  EXPECT_EQ(config->default_provider, "openai");
  EXPECT_NE(config::find(config->providers, "deepseek"), nullptr);
  EXPECT_NE(config::find(config->models, "deepseek-*"), nullptr);
  EXPECT_TRUE(config->check().empty());
  const config::Lookups nothing{[](const std::string&) { return std::nullopt; }, no_file};
  EXPECT_EQ(from_environment(nothing), nullptr);
}

TEST(ConfigFile, AnyTruncationIsTold) {
  const std::string text = slurp(HAWSER_SOURCE_DIR "/tests/golden/config/good_full.case");
  const std::string yaml = text.substr(0, text.find("----------"));
  for (std::size_t size = 0; size < yaml.size(); ++size) {
    const LoadOutcome outcome = load_text(yaml.substr(0, size), "FILE", lookups);
    EXPECT_EQ(outcome.config == nullptr, !outcome.problems.empty());
  }
}

}  // namespace
}  // namespace hawser::settings
