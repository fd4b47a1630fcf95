#pragma once

#include <CLI/App.hpp>

namespace hawser::cli {

/// `hawser token count` prints how many tokens a text has for a model; with --ids, which. With
/// --batch standard input or the file has one JSON string a line, and so has each its line of
/// output.
void add_token_commands(CLI::App& command, int& status);

}  // namespace hawser::cli
