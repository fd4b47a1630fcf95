#pragma once

#include <functional>
#include <memory>
#include <string>

#include "secret/keeper.hpp"
#include "settings/config.hpp"

namespace hawser::gateway {

struct ServeOptions {
  std::string config_file{};  // empty: `config` is used and never reloaded
  std::shared_ptr<const settings::Config> config{};
  std::shared_ptr<secret::Keeper> keeper{};  // has fetched what `config` wants; null: nothing
};

/// Runs the gateway until SIGTERM or SIGINT and drains it. Prints each address on standard output.
/// @return the exit status: 0 after a drain, 1 when it could not start
int serve(const ServeOptions& options);

}  // namespace hawser::gateway
