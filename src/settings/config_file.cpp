#include "settings/config_file.hpp"

#include <array>
#include <ostream>

#include "config/load.hpp"
#include "secret/sources.hpp"

namespace hawser::settings {
namespace {

std::string line_of(const std::string& name, const config::Finding& finding) {
  if (finding.line == 0) return name + ": " + finding.text;
  return name + ":" + std::to_string(finding.line) + ":" + std::to_string(finding.column) + ": " +
         finding.text;
}

/// A provider that one environment variable is enough for (base URLs: each provider's reference).
struct Known {
  const char* name;
  const char* variable;
  const char* base_url;
  std::array<const char*, 8> models;  // patterns, null behind the last
};
constexpr Known known_providers[] = {
    {"openai",
     "OPENAI_API_KEY",
     "https://api.openai.com/v1",
     {"gpt-*", "o1*", "o3*", "o4*", "text-embedding-*", "dall-e-*", "whisper-*", "tts-*"}},
    {"anthropic", "ANTHROPIC_API_KEY", "https://api.anthropic.com/v1", {"claude-*"}},
    {"gemini",
     "GEMINI_API_KEY",
     "https://generativelanguage.googleapis.com/v1beta/openai",
     {"gemini-*"}},
    {"deepseek", "DEEPSEEK_API_KEY", "https://api.deepseek.com/v1", {"deepseek-*"}},
    {"qwen",
     "DASHSCOPE_API_KEY",
     "https://dashscope.aliyuncs.com/compatible-mode/v1",
     {"qwen*", "qwq*", "qvq*"}},
    {"mistral",
     "MISTRAL_API_KEY",
     "https://api.mistral.ai/v1",
     {"mistral-*", "codestral-*", "ministral-*", "magistral-*", "pixtral-*"}},
    {"groq", "GROQ_API_KEY", "https://api.groq.com/openai/v1", {"groq/*"}},
    {"xai", "XAI_API_KEY", "https://api.x.ai/v1", {"grok-*"}},
    {"openrouter", "OPENROUTER_API_KEY", "https://openrouter.ai/api/v1", {}},
    {"together", "TOGETHER_API_KEY", "https://api.together.xyz/v1", {}},
};

}  // namespace

LoadOutcome load_text(const std::string& text, const std::string& name,
                      const config::Lookups& lookups) {
  auto config = std::make_shared<Config>();
  config::Loader loader(lookups);
  loader.load(text, *config);
  LoadOutcome outcome;
  for (const auto& finding : loader.problems()) outcome.problems.push_back(line_of(name, finding));
  for (const auto& finding : loader.warnings()) outcome.warnings.push_back(line_of(name, finding));
  if (outcome.problems.empty()) outcome.config = std::move(config);
  return outcome;
}

LoadOutcome load_file(const std::string& path) {
  const auto lookups = secret::all_lookups();
  const auto text = config::system_lookups().file(path);
  if (text) return load_text(*text, path, lookups);
  LoadOutcome outcome;
  outcome.problems.push_back(path + ": cannot be read");
  return outcome;
}

std::shared_ptr<Config> from_environment(const config::Lookups& lookups) {
  auto config = std::make_shared<Config>();
  for (const Known& known : known_providers) {
    auto key = lookups.environment(known.variable);
    if (!key || key->empty()) continue;
    provider::ProviderConfig provider;
    provider.base_url = known.base_url;
    if (std::string_view(known.name) == "openai") {
      const auto url = lookups.environment("OPENAI_BASE_URL");
      if (url && !url->empty()) provider.base_url = *url;
    }
    provider.api_key = Secret(std::move(*key));
    config->providers.emplace_back(known.name, std::move(provider));
    for (const char* pattern : known.models) {
      if (pattern == nullptr) break;
      stage::route::ModelConfig model;
      model.targets.push_back({.provider = known.name, .model = {}});
      config->models.emplace_back(pattern, std::move(model));
    }
  }
  if (config->providers.empty()) return nullptr;
  config->default_provider = config->providers.front().first;
  return config;
}

std::shared_ptr<Config> for_simulator(const std::string& base_url) {
  auto config = std::make_shared<Config>();
  provider::ProviderConfig provider;
  provider.base_url = base_url;
  provider.auth = provider::Auth::none;
  config->providers.emplace_back("sim", std::move(provider));
  return config;
}

int check_main(const std::string& path, std::ostream& out) {
  const LoadOutcome outcome = load_file(path);
  for (const auto& warning : outcome.warnings) out << warning << " (warning)\n";
  for (const auto& problem : outcome.problems) out << problem << '\n';
  if (outcome.problems.empty()) {
    out << path << ": ok\n";
    return 0;
  }
  out << path << ": " << outcome.problems.size()
      << (outcome.problems.size() == 1 ? " problem\n" : " problems\n");
  return 1;
}

}  // namespace hawser::settings
