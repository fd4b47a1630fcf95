#include "settings/config_file.hpp"

#include <algorithm>
#include <array>
#include <ostream>

#include "config/load.hpp"
#include "secret/sources.hpp"
#include "settings/remote.hpp"

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

namespace {

/// A configuration as far as it could be read.
struct Read {
  std::shared_ptr<Config> config = std::make_shared<Config>();
  std::vector<config::Finding> problems{};
  std::vector<config::Finding> warnings{};
};

Read read(const std::string& text, const config::Lookups& lookups) {
  Read out;
  config::Loader loader(lookups);
  loader.load(text, *out.config);
  out.config->used = loader.used();
  out.problems = loader.problems();
  out.warnings = loader.warnings();
  return out;
}

LoadOutcome outcome_of(Read read, const std::string& name) {
  LoadOutcome outcome;
  for (const auto& finding : read.problems) outcome.problems.push_back(line_of(name, finding));
  for (const auto& finding : read.warnings) outcome.warnings.push_back(line_of(name, finding));
  if (outcome.problems.empty()) outcome.config = std::move(read.config);
  return outcome;
}

bool about_secrets(const Read& read) {
  return std::any_of(read.problems.begin(), read.problems.end(), [](const config::Finding& found) {
    return found.text.starts_with("secrets.") || found.text.starts_with("secrets:");
  });
}

}  // namespace

LoadOutcome load_text(const std::string& text, const std::string& name,
                      const config::Lookups& lookups) {
  return outcome_of(read(text, lookups), name);
}

LoadOutcome load_file(const std::string& path, secret::Keeper* keeper, secret::How how) {
  auto lookups = secret::all_lookups();
  const auto text = config::system_lookups().file(path);
  if (!text) {
    LoadOutcome outcome;
    outcome.problems.push_back(path + ": cannot be read");
    return outcome;
  }
  // What stands elsewhere is known only once the file was read, and where to ask for it, too.
  lookups.remote = taken_for_granted;
  Read first = read(*text, lookups);
  const bool elsewhere = wants_remote(*first.config);
  if (keeper == nullptr || !elsewhere || about_secrets(first)) {
    return outcome_of(std::move(first), path);
  }
  const auto given = keeper->get(wanted_values(first.config), how);
  lookups.remote = [&given](const std::string& scheme, const std::string& rest,
                            const std::string& field) {
    return look_up(given, scheme, rest, field);
  };
  auto outcome = outcome_of(read(*text, lookups), path);
  if (!outcome.config) return outcome;
  const auto tokens = keeper->get(wanted(outcome.config), secret::How::kept);
  for (const auto& [provider, token] : tokens.tokens) {
    if (token) continue;
    outcome.problems.push_back(path + ": providers." + provider +
                               ".oauth.token_url: " + token.error().message);
  }
  if (!outcome.problems.empty()) outcome.config = nullptr;
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

int check_main(const std::string& path, bool offline, std::ostream& out) {
  secret::Keeper keeper;
  const LoadOutcome outcome = load_file(path, offline ? nullptr : &keeper, secret::How::anew);
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
