#pragma once

#include <CLI/App.hpp>
#include <cstddef>
#include <string>
#include <vector>

namespace hawser::cli {

struct TunnelOptions {
  std::string to{};
  std::string listen = "127.0.0.1:8081";
  std::string ca_file{};
  std::vector<std::string> hosts{};
  std::vector<std::string> origins{};
  int give_up_after = 20;  // s
  int heartbeat = 5;       // s
  std::size_t connections_max = 512;
};
void add_tunnel_options(CLI::App& command, TunnelOptions& options);

/// A local endpoint of OpenAI's API whose requests travel through one resumable WebSocket to a
/// remote Hawser. Serves until SIGINT or SIGTERM. @return the exit status
int tunnel(const TunnelOptions& options);

}  // namespace hawser::cli
