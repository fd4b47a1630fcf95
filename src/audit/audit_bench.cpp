#include <benchmark/benchmark.h>

#include <unistd.h>

#include <filesystem>
#include <string>

#include "audit/log.hpp"

namespace hawser::audit {
namespace {

/// As long as the record of a usual exchange: one try, usage, cost.
const std::string& usual_record() {
  static const std::string record = [] {
    std::string out = R"("time_us":1795733000000000,"type":"exchange",)";
    out += R"("request_id":"req_0g8k3v1m2n4p5q6r7s8t9v0w1x","tenant":"acme","team":"search",)";
    out += R"("key":"alice","client":"10.20.30.40","api":"chat","model":"gpt-4o",)";
    out += R"("decision":"allowed","policy":"eu-only","configuration":3,"candidates":2,)";
    out += R"("candidates_sha256":"9f86d081884c7d659a2feaa0c55ad015","status":200,)";
    out += R"("bytes_in":1043,"bytes_out":2210,"duration_us":812345,)";
    out += R"("generation":"gen_0g8k3v1m2n4p5q6r7s8t9v0w1x","tries":[{"target":)";
    out += R"("openai/gpt-4o-2024-11-20","tags":"region=2:us;","address":"203.0.113.7",)";
    out += R"("status":200}],"answer_bytes":2104,"whole":true,"input_tokens":220,)";
    return out + R"("output_tokens":120,"cost_nano_usd":1750000})";
  }();
  return record;
}

MasterKey key() {
  auto parsed = MasterKey::parse(Secret(std::string(64, '7')));
  return std::move(*parsed);
}

/// What the log's thread does for a record: its line, its link, its leaf, its part of a signature.
void chain_a_record(benchmark::State& state) {
  const SigningKey signing(key());
  Chain chain({.log = "0123456789abcdef0123456789abcdef"}, Tree(), signing);
  std::string out;
  for (auto _ : state) {
    chain.append(usual_record(), out);
    if (chain.lines_unsigned() < 1024) continue;
    chain.sign(1, out);
    benchmark::DoNotOptimize(out.data());
    out.clear();
  }
}
BENCHMARK(chain_a_record);

/// A folder of its own, gone at the end.
struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("hawser-audit-bench-" + std::to_string(::getpid()));
  Folder() { std::filesystem::create_directory(path); }
  ~Folder() { std::filesystem::remove_all(path); }
};

/// All of it: two threads put records, as workers do, and all are on the disk at the end. The CPU
/// is that of the whole process.
void to_the_disk(benchmark::State& state) {
  constexpr int records = 100'000;
  for (auto _ : state) {
    Folder folder;
    Log::Options options;
    options.folder = folder.path.string();
    options.queue_max = std::size_t{1} << 30;
    Log log(options, key(), [](const std::string&) {});
    const auto work = [&log] {
      auto& inlet = log.make_inlet();
      for (int i = 0; i < records / 2; ++i) {
        // Faster than any gateway: so that what is measured is no flood.
        while (i % 64 == 0 && log.figures().waiting > 4 * 1024 * 1024) {
          std::this_thread::sleep_for(1ms);
        }
        inlet.put(usual_record());
      }
    };
    std::thread other(work);
    work();
    other.join();
    while (log.figures().records < records) std::this_thread::sleep_for(1ms);
  }
  state.SetItemsProcessed(state.iterations() * records);
}
BENCHMARK(to_the_disk)->MeasureProcessCPUTime()->UseRealTime()->Iterations(2);

}  // namespace
}  // namespace hawser::audit
