// Speed of counting, a thread. Texts do not repeat word for word unless they are meant to.
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "base/utf8.hpp"
#include "tokenizer/counter.hpp"
#include "tokenizer/tokenizer.hpp"

namespace {

using namespace hawser;
using tokenizer::Encoding;

constexpr std::size_t text_size = 1 << 20;

class Text {
 public:
  std::string of_alphabet(const std::string& alphabet) {
    std::string text;
    while (text.size() < text_size) text += alphabet[pick(alphabet.size())];
    return text;
  }
  /// Words with the frequencies of a language: the n-th comes as often as 1 / n.
  std::string of_words(const std::vector<std::string>& words, std::string_view separator) {
    std::vector<double> weights;
    for (std::size_t n = 1; n <= words.size(); ++n) weights.push_back(1.0 / static_cast<double>(n));
    std::discrete_distribution<std::size_t> zipf(weights.begin(), weights.end());
    std::string text;
    while (text.size() < text_size) {
      text += words[zipf(dice_)];
      text += pick(12) == 0 ? std::string(", ") : std::string(separator);
    }
    return text;
  }
  std::size_t pick(std::size_t count) { return dice_() % count; }

 private:
  std::mt19937 dice_{1};
};

}  // namespace
BENCHMARK_MAIN();
