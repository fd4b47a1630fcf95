#pragma once

#include <memory>
#include <string>

#include "secret/keeper.hpp"
#include "settings/config.hpp"

namespace hawser::settings {

/// Whether anything of it comes over the network.
bool wants_remote(const Config& config);

/// What is to be fetched before the file can be read whole, and what of it when it has been. Both
/// keep the configuration.
secret::Keeper::Wanted wanted_values(const std::shared_ptr<const Config>& config);
secret::Keeper::Wanted wanted(const std::shared_ptr<const Config>& config);

/// For config::Lookups::remote: a word in place of the value.
/// Error: invalid_request where the reference has no form, or may not stand in that field
Result<std::string> taken_for_granted(const std::string& scheme, const std::string& rest,
                                      const std::string& field);
/// The same of what was fetched.
Result<std::string> look_up(const secret::Keeper::Given& given, const std::string& scheme,
                            const std::string& rest, const std::string& field);

/// The documents that a provider ("providers.NAME"), a guard ("guards[0]") or another part of a
/// configuration takes values from.
std::vector<std::string> documents_of(const Config& config, const std::string& part);

}  // namespace hawser::settings
