#include "cli/key.hpp"

#include <openssl/rand.h>
#include <openssl/sha.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <iostream>
#include <string>

namespace hawser::cli {
namespace {

std::string hex(const unsigned char* bytes, std::size_t size) {
  std::string out;
  for (std::size_t i = 0; i < size; ++i) {
    out.push_back("0123456789abcdef"[bytes[i] >> 4]);
    out.push_back("0123456789abcdef"[bytes[i] & 15]);
  }
  return out;
}

std::string hash_of(const std::string& key) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest.data());
  return "sha256:" + hex(digest.data(), digest.size());
}

int make_key() {
  std::array<unsigned char, 24> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    std::cerr << "hawser: the system gave no random bytes\n";
    return 1;
  }
  const std::string key = "hwk_" + hex(random.data(), random.size());
  std::cout << "key:  " << key << "\nhash: " << hash_of(key) << '\n';
  return 0;
}

int hash_key() {
  std::string key;
  std::getline(std::cin, key);
  if (key.ends_with('\r')) key.pop_back();
  if (key.empty()) {
    std::cerr << "hawser: give the key on standard input\n";
    return 2;
  }
  std::cout << hash_of(key) << '\n';
  return 0;
}

}  // namespace

void add_key_commands(CLI::App& command, int& status) {
  command.require_subcommand(1);
  command.add_subcommand("new", "Make a key and print it with its hash")->callback([&status] {
    status = make_key();
  });
  command.add_subcommand("hash", "Print the hash of the key on standard input")
      ->callback([&status] { status = hash_key(); });
}

}  // namespace hawser::cli
