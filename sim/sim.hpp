#pragma once

#include <string>

namespace hawser::sim {

struct Options {
  std::string listen = "127.0.0.1:0";
  std::string script{};       // JSON file of rules; empty: none
  std::string replay{};       // folder of recorded exchanges; empty: none
  std::string require_key{};  // credential that every request must carry; empty: any
  std::string tls_certificate{};
  std::string tls_key{};
};

/// Runs the simulated provider until SIGTERM or SIGINT. Prints "listening on ADDRESS".
/// @return the exit status
int run(const Options& options);

/// Starts one on a free port of 127.0.0.1 in a thread that lives as long as the process.
/// @return its base URL, "http://127.0.0.1:PORT/v1"
std::string start_in_background();

}  // namespace hawser::sim
