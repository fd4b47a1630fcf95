#include <benchmark/benchmark.h>

#include "filter/restorer.hpp"
#include "filter/sample.hpp"
#include "filter/stream.hpp"

namespace hawser::filter {
namespace {

constexpr std::string_view english =
    "The harbour was quiet when the ships came in, and nobody on the quay said a word about the "
    "storm; they had seen worse, and they would see worse again before the winter was over. ";
constexpr std::string_view code =
    "for (std::size_t i = 0; i < count; ++i) {\n  total += values[i] * weights[i];  // scaled\n}\n"
    "return std::make_pair(total, names.at(\"mean\"));\n";
constexpr std::string_view chinese =
    "\xe6\xb8\xaf\xe5\x8f\xa3\xe5\xbe\x88\xe5\xae\x89\xe9\x9d\x99\xef\xbc\x8c\xe8\x88\xb9\xe5\x9b"
    "\x9e\xe6\x9d\xa5\xe4\xba\x86\xe3\x80\x82";

std::string repeated(std::string_view text, std::size_t size) {
  std::string out;
  while (out.size() < size) out += text;
  return out;
}
/// Prose, code and Chinese with a value in about every 400 bytes.
std::string mixed(std::size_t size) {
  Random random(1);
  std::string out;
  while (out.size() < size) {
    out += english;
    out += repeated(chinese, 60);
    out += code;
    out += sample(static_cast<Detector>(below(random, detectors_count)), random) + " ";
  }
  return out;
}

/// All kinds of rules: every detector, 1000 keywords and one expression.
std::shared_ptr<const Scanner> everything() {
  std::vector<Rule> rules = default_rules(Direction::prompt);
  Random random(2);
  Keywords keywords{.words = {}, .any_case = true};
  for (int i = 0; i < 1000; ++i)
    keywords.words.push_back(some(random, smalls, between(random, 4, 12)));
  rules.push_back({.name = "words", .looks_for = std::move(keywords)});
  rules.push_back({.name = "tickets", .looks_for = Expression{.pattern = "OPS-[0-9]{4,6}"}});
  return *Scanner::compile(std::move(rules));
}
std::shared_ptr<const Scanner> detectors() {
  return *Scanner::compile(default_rules(Direction::answer));
}

void run(benchmark::State& state, const std::shared_ptr<const Scanner>& scanner,
         const std::string& text, std::size_t piece) {
  Vault vault("key");
  Output out;
  for (auto _ : state) {
    Stream stream(scanner, vault);
    out.text.clear();
    out.findings.clear();
    for (std::size_t at = 0; at < text.size(); at += piece) {
      stream.feed(std::string_view(text).substr(at, piece), {}, out);
    }
    stream.flush(out);
    benchmark::DoNotOptimize(out.text.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
  state.counters["findings"] = static_cast<double>(out.findings.size());
  const double deltas = static_cast<double>(state.iterations()) * static_cast<double>(text.size()) /
                        static_cast<double>(piece);
  state.counters["s_a_delta"] =
      benchmark::Counter(deltas, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void english_without_hits(benchmark::State& state) {
  run(state, detectors(), repeated(english, 1 << 20), 1 << 20);
}
BENCHMARK(english_without_hits);
void code_without_hits(benchmark::State& state) {
  run(state, detectors(), repeated(code, 1 << 20), 1 << 20);
}
BENCHMARK(code_without_hits);
void chinese_without_hits(benchmark::State& state) {
  run(state, detectors(), repeated(chinese, 1 << 20), 1 << 20);
}
BENCHMARK(chinese_without_hits);
void mixed_with_detectors(benchmark::State& state) {
  run(state, detectors(), mixed(1 << 20), 1 << 20);
}
BENCHMARK(mixed_with_detectors);
void mixed_with_everything(benchmark::State& state) {
  run(state, everything(), mixed(1 << 20), 1 << 20);
}
BENCHMARK(mixed_with_everything);
void deltas_with_detectors(benchmark::State& state) {
  run(state, detectors(), mixed(1 << 16), static_cast<std::size_t>(state.range(0)));
}
BENCHMARK(deltas_with_detectors)->Arg(4)->Arg(16)->Arg(64);
void deltas_with_everything(benchmark::State& state) {
  run(state, everything(), mixed(1 << 16), static_cast<std::size_t>(state.range(0)));
}
BENCHMARK(deltas_with_everything)->Arg(4)->Arg(16)->Arg(64);

void restore(benchmark::State& state) {
  Vault vault("key");
  Random random(3);
  std::string text;
  for (int i = 0; i < 1000; ++i) {
    text += english;
    text += vault.pseudonym("EMAIL", sample_email(random));
    vault.pseudonym("PHONE", sample_phone(random));
  }
  std::string out;
  for (auto _ : state) {
    Restorer restorer(vault);
    out.clear();
    restorer.feed(text, out);
    restorer.flush(out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(restore);

}  // namespace
}  // namespace hawser::filter
