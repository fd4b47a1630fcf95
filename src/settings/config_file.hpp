#pragma once

#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "config/scalar.hpp"
#include "secret/keeper.hpp"
#include "settings/config.hpp"

namespace hawser::settings {

/// A configuration, or why there is none. Each line reads "FILE:LINE:COL: message".
struct LoadOutcome {
  std::shared_ptr<const Config> config{};  // null when there are problems
  std::vector<std::string> problems{};
  std::vector<std::string> warnings{};
};

/// Fetches what stands elsewhere, which blocks for as long as secrets.timeout says.
/// @param keeper  null: nothing is fetched, every such value is taken for granted
LoadOutcome load_file(const std::string& path, secret::Keeper* keeper, secret::How how);
/// @param name  stands for the file in the messages
LoadOutcome load_text(const std::string& text, const std::string& name,
                      const config::Lookups& lookups);

/// Providers from the usual environment variables (OPENAI_API_KEY, ANTHROPIC_API_KEY, ...); null
/// when none is set.
std::shared_ptr<Config> from_environment(const config::Lookups& lookups);
/// Everything goes to one provider without a credential: the simulated one.
std::shared_ptr<Config> for_simulator(const std::string& base_url);

/// `hawser check`: the verdict of a start, on `out`. @return 0 or 1
/// @param offline  nothing is fetched
int check_main(const std::string& path, bool offline, std::ostream& out);

}  // namespace hawser::settings
