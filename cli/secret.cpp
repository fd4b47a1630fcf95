#include "cli/secret.hpp"

#include <termios.h>
#include <unistd.h>

#include <iostream>
#include <memory>

#include "base/random_bytes.hpp"
#include "secret/keeper.hpp"
#include "secret/sources.hpp"

namespace hawser::cli {
namespace {

struct Flags {
  std::string file{};
  std::string name{};
  std::string new_key_file{};
  std::string kms_key{};
  bool print = false;
};

int fail(const Error& error) {
  std::cerr << "hawser: " << error.message << '\n';
  return 1;
}

/// One line of standard input; not shown where it is typed.
Secret read_value() {
  const bool typed = ::isatty(STDIN_FILENO) != 0;
  termios before{};
  if (typed && ::tcgetattr(STDIN_FILENO, &before) == 0) {
    std::cerr << "value: ";
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &silent);
  }
  std::string line;
  std::getline(std::cin, line);
  if (typed) {
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
    std::cerr << '\n';
  }
  if (line.ends_with('\r')) line.pop_back();
  return Secret(std::move(line));
}

/// One that only KMS can open: it is made there, and never seen here.
int make_master_key_by_kms(const std::string& key_id) {
  secret::Keeper keeper;
  const auto made = keeper.new_master_key(std::make_shared<secret::SecretsConfig>(), key_id);
  if (!made) return fail(made.error());
  std::cout << *made << '\n';
  return 0;
}

int make_master_key() {
  constexpr const char* digits = "0123456789abcdef";
  for (const char c : random_bytes(32)) {
    const auto byte = static_cast<unsigned char>(c);
    std::cout << digits[byte >> 4U] << digits[byte & 15U];
  }
  std::cout << '\n';
  return 0;
}

int seal(const Flags& flags) {
  const auto master = secret::master_key(config::system_lookups());
  if (!master) return fail(master.error());
  auto file = secret::read_sealed(flags.file);
  const bool fresh = !file && file.error().code == Code::not_found;
  if (!file && !fresh) return fail(file.error());
  secret::SealedFile sealed = fresh ? secret::SealedFile() : std::move(*file);
  const Secret value = read_value();
  if (value.empty()) {
    return fail({.code = Code::invalid_request, .message = "give the value on standard input"});
  }
  const auto done = sealed.seal(*master, flags.name, value);
  if (!done) {
    return fail({.code = Code::invalid_request,
                 .message = "the file " + flags.file + " " + done.error().message});
  }
  const auto written = secret::write_sealed(flags.file, sealed);
  return written ? 0 : fail(written.error());
}

int open(const Flags& flags) {
  if (!flags.print && ::isatty(STDOUT_FILENO) == 0) {
    return fail({.code = Code::invalid_request,
                 .message = "clear text goes to a terminal only, or with --print"});
  }
  const auto lookups = secret::all_lookups();
  const auto value = lookups.sealed(flags.file + "#" + flags.name);
  if (!value) return fail(value.error());
  std::cout << *value << '\n';
  return 0;
}

int list(const Flags& flags) {
  const auto file = secret::read_sealed(flags.file);
  if (!file) return fail(file.error());
  for (const auto& name : file->names()) std::cout << name << '\n';
  return 0;
}

/// All values under the key of another file. The old file stays what it is until the new one is
/// whole.
int rotate(const Flags& flags) {
  const auto from = secret::master_key(config::system_lookups());
  if (!from) return fail(from.error());
  config::Lookups other;
  other.environment = [&flags](const std::string& name) -> std::optional<std::string> {
    if (name != "HAWSER_MASTER_KEY_FILE") return std::nullopt;
    return flags.new_key_file;
  };
  const auto to = secret::master_key(other);
  if (!to) return fail(to.error());
  auto file = secret::read_sealed(flags.file);
  if (!file) return fail(file.error());
  const auto rotated = file->rotate(*from, *to);
  if (!rotated) {
    return fail({.code = Code::invalid_request,
                 .message = "the file " + flags.file + " " + rotated.error().message});
  }
  const auto written = secret::write_sealed(flags.file, *file);
  return written ? 0 : fail(written.error());
}

}  // namespace

void add_secret_commands(CLI::App& command, int& status) {
  command.require_subcommand(1);
  const auto flags = std::make_shared<Flags>();
  auto* key = command.add_subcommand("key", "Make a master key and print it");
  key->add_option("--kms", flags->kms_key,
                  "Key of AWS KMS that seals it: what is printed can be opened by KMS alone");
  key->callback([flags, &status] {
    status = flags->kms_key.empty() ? make_master_key() : make_master_key_by_kms(flags->kms_key);
  });
  const auto add = [&](const char* verb, const char* what, int (*run)(const Flags&), bool named) {
    auto* sub = command.add_subcommand(verb, what);
    sub->add_option("file", flags->file, "The sealed file")->required();
    if (named) sub->add_option("name", flags->name, "Name of the value in it")->required();
    sub->callback([flags, run, &status] { status = run(*flags); });
    return sub;
  };
  add("seal", "Seal the value on standard input", seal, true);
  add("open", "Show a value", open, true)
      ->add_flag("--print", flags->print, "Also where the output is no terminal");
  add("list", "List the names", list, false);
  add("rotate", "Put all values under another master key", rotate, false)
      ->add_option("--new-key-file", flags->new_key_file, "File of the new master key")
      ->required();
}

}  // namespace hawser::cli
