// Counting is encoding; how a text is cut does not matter; every byte of a text is in its tokens.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tokenizer/counter.hpp"
#include "tokenizer/utf8_repair.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hawser::tokenizer;
  if (size < 2) return 0;
  const auto encoding = data[0] % 2 == 0 ? Encoding::o200k : Encoding::cl100k;
  const std::size_t step = 1 + data[1] % 64;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);

  const Tokenizer tokenizer(encoding);
  std::vector<Rank> tokens;
  tokenizer.encode(text, tokens);
  if (tokens.size() != tokenizer.count(text)) __builtin_trap();

  std::size_t bytes = 0;
  for (const Rank token : tokens) bytes += Vocabulary::of(encoding).size_of(token);
  if (bytes != repaired(text).size()) __builtin_trap();

  Counter counter(encoding);
  for (std::size_t at = 0; at < text.size(); at += step) counter.append(text.substr(at, step));
  if (counter.total() != tokens.size()) __builtin_trap();
  return 0;
}
