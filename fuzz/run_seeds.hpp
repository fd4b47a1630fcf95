#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

/// Fuzz targets in the ordinary tests: each is run over its kept inputs, and over inputs that are
/// made of them, always the same ones. A property that does not hold ends the process, as it does
/// under libFuzzer.
namespace hawser::fuzz {

using Target = int (*)(const std::uint8_t* data, std::size_t size);

class Mutations {
 public:
  std::string of(std::string input, const std::vector<std::string>& others) {
    for (unsigned turns = 1 + next() % 3; turns > 0; --turns)
      turn(input, others[next() % others.size()]);
    return input;
  }

 private:
  unsigned next() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<unsigned>(state_ >> 33);
  }
  void turn(std::string& input, const std::string& other) {
    if (input.empty()) input = other;
    if (input.empty()) return;
    const std::size_t at = next() % input.size();
    switch (next() % 6) {
      case 0:
        input[at] = static_cast<char>(next());
        break;
      case 1:
        input[at] = static_cast<char>(input[at] ^ (1 << next() % 8));
        break;
      case 2:
        input.erase(at, 1 + next() % 8);
        break;
      case 3:
        input.insert(at, input.substr(next() % input.size(), 1 + next() % 16));
        break;
      case 4:
        input.insert(at, 1, "{}[]\",:\\\r\n\t \0/;%"[next() % 17]);
        break;
      default:
        input = input.substr(0, at) +
                other.substr(std::min<std::size_t>(next() % (other.size() + 1), other.size()));
        break;
    }
  }
  std::uint64_t state_ = 1;
};

/// @return how many kept inputs there are
inline std::size_t run_seeds(Target target, const std::string& folder, unsigned mutations) {
  std::vector<std::filesystem::path> paths;
  if (std::filesystem::is_directory(folder)) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry);
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> seeds;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  const std::size_t kept = seeds.size();
  if (seeds.empty()) seeds.emplace_back();
  const auto run = [target](const std::string& input) {
    target(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  };
  for (const auto& seed : seeds) run(seed);
  Mutations mutated;
  for (unsigned i = 0; i < mutations; ++i) run(mutated.of(seeds[i % seeds.size()], seeds));
  return kept;
}

}  // namespace hawser::fuzz
