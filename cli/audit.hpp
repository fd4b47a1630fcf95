#pragma once

#include <CLI/CLI.hpp>

namespace hawser::cli {

/// `hawser audit keygen | public-key | verify | prove | check-proof | show`
void add_audit_commands(CLI::App& command, int& status);

}  // namespace hawser::cli
