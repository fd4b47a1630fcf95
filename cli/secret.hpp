#pragma once

#include <CLI/CLI.hpp>

namespace hawser::cli {

/// `hawser secret key | seal | open | list | rotate`.
void add_secret_commands(CLI::App& command, int& status);

}  // namespace hawser::cli
