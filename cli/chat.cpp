#include "cli/chat.hpp"

#include <unistd.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <hawser/client.hpp>
#include <iostream>
#include <iterator>

namespace hawser::cli {
namespace {

using Clock = std::chrono::steady_clock;

CancelToken* interrupted = nullptr;  // a signal handler has no other way to it
void interrupt(int) {
  interrupted->cancel();
}

std::string model_of(const ChatOptions& options) {
  if (!options.model.empty()) return options.model;
  const char* model = std::getenv("HAWSER_MODEL");
  return model != nullptr && *model != '\0' ? model : "gpt-4o-mini";
}

long long ms_since(Clock::time_point begun) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun).count();
}

int report(const ApiError& error) {
  std::cerr << "hawser: " << to_string(error.type) << ": " << error.message;
  if (!error.request_id.empty()) std::cerr << " (request " << error.request_id << ")";
  std::cerr << '\n';
  return error.type == ErrorType::cancelled ? 130 : 1;
}

}  // namespace

void add_chat_options(CLI::App& command, ChatOptions& options) {
  command.add_option("prompt", options.prompt, "What to ask; - reads standard input");
  command.add_option("-m,--model", options.model, "Model ($HAWSER_MODEL, then gpt-4o-mini)");
  command.add_option("--base-url", options.base_url,
                     "API ($HAWSER_BASE_URL, then http://127.0.0.1:8080/v1)");
  command.add_option("--transport", options.transport, "How to reach it: sse, ws or grpc")
      ->check(CLI::IsMember({"sse", "ws", "grpc"}));
  command.add_option("--system", options.system, "System message");
  command.add_option("--max-tokens", options.max_tokens, "Most tokens of the answer");
  command.add_option("--ca-file", options.ca_file, "Trusted roots (PEM) instead of the system's");
  command.add_flag("-v,--verbose", options.verbose, "Say who answered and how fast, on stderr");
}

int chat(const ChatOptions& options) {
  std::string prompt = options.prompt;
  if (prompt == "-" || (prompt.empty() && ::isatty(STDIN_FILENO) == 0)) {
    prompt.assign(std::istreambuf_iterator<char>(std::cin), {});
  }
  if (prompt.empty()) {
    std::cerr << "hawser: nothing to ask: hawser chat PROMPT\n";
    return 2;
  }
  CancelToken token;
  interrupted = &token;
  std::signal(SIGINT, interrupt);
  ChatRequest request{.model = model_of(options), .messages = {}};
  if (!options.system.empty()) request.messages.push_back({"system", options.system});
  request.messages.push_back({"user", prompt});
  request.max_tokens = options.max_tokens;

  const auto begun = Clock::now();
  long long first_ms = -1;
  try {
    ClientOptions client_options;
    client_options.base_url = options.base_url;
    client_options.ca_file = options.ca_file;
    if (options.transport == "ws") client_options.transport = Transport::ws;
    if (options.transport == "grpc") client_options.transport = Transport::grpc;
    Client client(std::move(client_options));
    const auto answer = client.chat_stream(
        request,
        [&](std::string_view text) {
          if (first_ms < 0) first_ms = ms_since(begun);
          std::cout << text << std::flush;
          return static_cast<bool>(std::cout);
        },
        &token);
    if (first_ms >= 0) std::cout << std::endl;
    if (!answer) return report(answer.error());
    if (options.verbose) {
      std::cerr << "model " << request.model << ", target " << answer->info.target << ", attempts "
                << answer->info.attempts << ", resumed " << answer->info.resumes
                << ", first text after " << first_ms << " ms, all after " << ms_since(begun)
                << " ms, request " << answer->info.request_id << '\n';
    }
  } catch (const std::invalid_argument& e) {
    std::cerr << "hawser: " << e.what() << '\n';
    return 2;
  }
  return 0;
}

}  // namespace hawser::cli
