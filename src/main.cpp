#include <CLI/CLI.hpp>
#include <iostream>

#include "base/no_dumps.hpp"
#include "cli/audit.hpp"
#include "cli/chat.hpp"
#include "cli/key.hpp"
#include "cli/operations.hpp"
#include "cli/secret.hpp"
#include "cli/token.hpp"
#include "cli/tunnel.hpp"
#include "gateway/gateway.hpp"
#include "settings/config_file.hpp"
#include "sim/sim.hpp"

namespace {

using namespace hawser;

struct ServeFlags {
  std::string file{};
  std::string listen{};
  std::string admin{};
  bool simulate = false;
};

/// Without a file the flags say where to listen.
std::shared_ptr<settings::Config> configure(const ServeFlags& flags) {
  auto config = flags.simulate ? settings::for_simulator(sim::start_in_background())
                               : settings::from_environment(config::system_lookups());
  if (!config) return nullptr;
  if (!flags.listen.empty()) config->listen.front().address = flags.listen;
  if (!flags.admin.empty()) config->admin.address = flags.admin;
  for (const auto& problem : config->check()) {
    std::cerr << "hawser: " << problem.path << ": " << problem.reason << '\n';
    return nullptr;
  }
  return config;
}

/// `hawser serve`: from a file, from the environment, or in front of the simulated provider.
int serve(const ServeFlags& flags) {
  gateway::ServeOptions options;
  const std::string& file = flags.file;
  if (!file.empty()) {
    options.keeper = std::make_shared<secret::Keeper>();
    const auto loaded = settings::load_file(file, options.keeper.get(), secret::How::anew);
    for (const auto& warning : loaded.warnings) std::cerr << warning << " (warning)\n";
    for (const auto& problem : loaded.problems) std::cerr << problem << '\n';
    if (!loaded.config) return 1;
    options.config_file = file;
    options.config = loaded.config;
  } else {
    options.config = configure(flags);
  }
  if (!options.config) {
    std::cerr
        << "hawser: no provider is configured. Give a file with -c, set one of OPENAI_API_KEY, "
           "ANTHROPIC_API_KEY,\nGEMINI_API_KEY, DEEPSEEK_API_KEY, DASHSCOPE_API_KEY, ... or "
           "try --sim, a simulated provider.\n";
    return 2;
  }
  return gateway::serve(options);
}

}  // namespace

int main(int argc, char** argv) {
  forbid_core_dumps();
  CLI::App app{"Hawser: an LLM gateway that keeps a generation alive when the network does not."};
  app.require_subcommand(1);
  app.set_version_flag("--version", "hawser 0.1.0");
  int status = 0;

  ServeFlags flags;
  auto* serve_command = app.add_subcommand("serve", "Run the gateway");
  auto* config_option =
      serve_command->add_option("-c,--config", flags.file, "Configuration file (YAML)");
  serve_command->add_flag("--sim", flags.simulate, "In front of a simulated provider")
      ->excludes(config_option);
  serve_command->add_option("--listen", flags.listen, "HOST:PORT of the API (without a file)")
      ->excludes(config_option);
  serve_command->add_option("--admin", flags.admin, "HOST:PORT for operators (without a file)")
      ->excludes(config_option);
  serve_command->callback([&] { status = serve(flags); });

  std::string file;
  bool offline = false;
  auto* check_command = app.add_subcommand("check", "Check a configuration");
  check_command->add_option("-c,--config", file, "Configuration file (YAML)")->required();
  check_command->add_flag("--offline", offline, "Fetch no secrets: take those for granted");
  check_command->callback([&] { status = settings::check_main(file, offline, std::cout); });

  sim::Options sim_options;
  auto* sim_command = app.add_subcommand("sim", "Run a simulated provider (docs/simulator.md)");
  sim_command->add_option("--listen", sim_options.listen, "HOST:PORT; port 0 takes a free one");
  sim_command->add_option("--script", sim_options.script, "Rules for answers and faults (JSON)");
  sim_command->add_option("--replay", sim_options.replay, "Folder of recorded exchanges");
  sim_command->add_option("--require-key", sim_options.require_key, "Refuse other credentials");
  sim_command->add_option("--tls-cert", sim_options.tls_certificate, "Serve TLS: PEM chain");
  sim_command->add_option("--tls-key", sim_options.tls_key, "Serve TLS: PEM key");
  sim_command->callback([&] { status = sim::run(sim_options); });

  cli::ChatOptions chat_options;
  auto* chat_command = app.add_subcommand("chat", "Stream an answer to the terminal");
  cli::add_chat_options(*chat_command, chat_options);
  chat_command->callback([&] { status = cli::chat(chat_options); });

  cli::TunnelOptions tunnel_options;
  auto* tunnel_command =
      app.add_subcommand("tunnel", "A local endpoint over one resumable WebSocket");
  cli::add_tunnel_options(*tunnel_command, tunnel_options);
  tunnel_command->callback([&] { status = cli::tunnel(tunnel_options); });

  cli::add_key_commands(*app.add_subcommand("key", "Make and hash virtual keys"), status);

  cli::add_secret_commands(*app.add_subcommand("secret", "Seal and open secrets (docs/secrets.md)"),
                           status);

  cli::add_audit_commands(*app.add_subcommand("audit", "The audit log (docs/audit.md)"), status);

  cli::add_token_commands(*app.add_subcommand("token", "Count tokens"), status);

  cli::add_operations_command(
      *app.add_subcommand("operations", "What requests ask for, and who may (docs/operations.md)"));

  CLI11_PARSE(app, argc, argv);
  return status;
}
