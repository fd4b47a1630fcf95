#pragma once

#include <CLI/App.hpp>

namespace hawser::cli {

/// `hawser operations` prints the table of operations: method, path, the operation and the word of
/// `keys[].operations` that allows it. With --json a line for each row, with its traits: tests and
/// gateways of others' APIs read it.
void add_operations_command(CLI::App& command);

}  // namespace hawser::cli
