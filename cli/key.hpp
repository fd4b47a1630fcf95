#pragma once

#include <CLI/App.hpp>

namespace hawser::cli {

/// `hawser key new` prints a fresh virtual key and its hash; `hawser key hash` reads one from
/// standard input and prints its hash. Keys never stand in argv.
void add_key_commands(CLI::App& command, int& status);

}  // namespace hawser::cli
