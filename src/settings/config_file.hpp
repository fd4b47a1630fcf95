#pragma once

#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "config/scalar.hpp"
#include "settings/config.hpp"

namespace hawser::settings {

/// A configuration, or why there is none. Each line reads "FILE:LINE:COL: message".
struct LoadOutcome {
  std::shared_ptr<const Config> config{};  // null when there are problems
  std::vector<std::string> problems{};
  std::vector<std::string> warnings{};
};

LoadOutcome load_file(const std::string& path);
/// @param name  stands for the file in the messages
LoadOutcome load_text(const std::string& text, const std::string& name,
                      const config::Lookups& lookups);

/// Providers from the usual environment variables (OPENAI_API_KEY, ANTHROPIC_API_KEY, ...); null
/// when none is set.
std::shared_ptr<Config> from_environment(const config::Lookups& lookups);
/// Everything goes to one provider without a credential: the simulated one.
std::shared_ptr<Config> for_simulator(const std::string& base_url);

/// `hawser check`: the verdict of a start, on `out`. @return 0 or 1
int check_main(const std::string& path, std::ostream& out);

}  // namespace hawser::settings
