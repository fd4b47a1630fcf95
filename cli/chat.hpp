#pragma once

#include <CLI/App.hpp>
#include <string>

namespace hawser::cli {

struct ChatOptions {
  std::string prompt{};  // "-" or nothing with input piped in: read from standard input
  std::string model{};
  std::string base_url{};
  std::string transport = "sse";
  std::string system{};
  std::string ca_file{};
  int max_tokens = 0;
  bool verbose = false;
};

void add_chat_options(CLI::App& command, ChatOptions& options);

/// Streams an answer to standard output. The key comes from the environment, never from argv.
/// @return 0 answered, 1 failed, 2 wrong use, 130 interrupted
int chat(const ChatOptions& options);

}  // namespace hawser::cli
