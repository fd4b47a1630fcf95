// How much of what should be found is found, and how much of what is found should be.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "filter/sample.hpp"
#include "filter/stream.hpp"

namespace hawser::filter {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t samples_count = 500;
constexpr std::size_t corpus_bytes = 1 << 20;
#else
constexpr std::size_t samples_count = 20'000;
constexpr std::size_t corpus_bytes = 32 << 20;
#endif

Output filtered(const std::shared_ptr<const Scanner>& scanner, std::string_view text) {
  Vault vault("key");
  Stream stream(scanner, vault);
  Output out;
  stream.feed(text, {}, out);
  stream.flush(out);
  return out;
}

TEST(Corpus, RecallOfEveryDetector) {
  const auto scanner = *Scanner::compile(default_rules(Direction::prompt));
  Random random(11);
  for (std::size_t rule = 0; rule < detectors_count; ++rule) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < samples_count; ++i) {
      const std::string value = sample(static_cast<Detector>(rule), random);
      const std::string before =
          one_of<5>(random, {"", "It is ", "(", "\xe6\x98\xaf\xef\xbc\x9a", "{\"x\": \""});
      const std::string after = one_of<5>(random, {"", " now", ".", "\xe3\x80\x82", "\"}"});
      std::string text = before;
      text.append(value).append(after);
      const Output out = filtered(scanner, text);
      if (out.findings.size() != 1 || out.findings[0].rule != rule) continue;
      const Finding& finding = out.findings[0];
      found += finding.begin + finding.size == before.size() + value.size() &&
               (finding.begin == before.size() || rule == 3);  // that one keeps the name
    }
    EXPECT_GE(found, samples_count * 995 / 1000) << scanner->rules()[rule].name;
    RecordProperty(scanner->rules()[rule].name + "_of_" + std::to_string(samples_count),
                   static_cast<int>(found));
  }
}

/// Text that people wrote, from this machine: headers, Python and our own documents.
std::vector<std::string> corpus() {
  namespace fs = std::filesystem;
  std::vector<std::string> texts;
  std::size_t total = 0;
  for (const char* folder : {HAWSER_SOURCE_DIR "/docs", HAWSER_SOURCE_DIR "/src", "/usr/include",
                             "/usr/lib/python3", "/usr/share/doc"}) {
    std::error_code error;
    for (auto it = fs::recursive_directory_iterator(folder, error);
         !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
      const std::string name = it->path().filename();
      const bool wanted = name.ends_with(".h") || name.ends_with(".hpp") || name.ends_with(".py") ||
                          name.ends_with(".md") || name == "copyright";
      if (!wanted || !it->is_regular_file() || name.ends_with("_test.cpp")) continue;
      std::stringstream text;
      text << std::ifstream(it->path()).rdbuf();
      texts.push_back(text.str());
      total += texts.back().size();
      if (total >= corpus_bytes) return texts;
    }
  }
  return texts;
}

/// Addresses in it are true ones: their form is all that there is to be right about.
bool is_true_by_form(Detector detector) {
  return detector == Detector::email || detector == Detector::ip || detector == Detector::mac;
}

TEST(Corpus, PrecisionOnCodeAndDocuments) {
  const auto scanner = *Scanner::compile(default_rules(Direction::answer));
  Random random(12);
  std::size_t right = 0, wrong = 0;
  std::map<std::string, int> wrong_by_rule;
  for (const std::string& text : corpus()) {
    std::string planted;
    std::map<std::uint64_t, std::size_t> places;  // of planted values, and their sizes
    for (std::size_t at = 0; at < text.size(); at += 4096) {
      planted += text.substr(at, 4096);
      const auto detector = static_cast<Detector>(below(random, detectors_count));
      if (detector == Detector::assigned_secret || is_true_by_form(detector)) continue;
      const std::string value = sample(detector, random);
      planted += "\n";
      places[planted.size()] = value.size();
      planted += value + "\n";
    }
    for (const Finding& finding : filtered(scanner, planted).findings) {
      const auto place = places.find(finding.begin);
      if (place != places.end() && place->second == finding.size) {
        ++right;
      } else if (!is_true_by_form(std::get<Detector>(scanner->rules()[finding.rule].looks_for))) {
        ++wrong;
        ++wrong_by_rule[scanner->rules()[finding.rule].name];
      }
    }
  }
  EXPECT_LE(wrong * 100, (right + wrong) * 2) << testing::PrintToString(wrong_by_rule);
  RecordProperty("right", static_cast<int>(right));
  RecordProperty("wrong", static_cast<int>(wrong));
}

}  // namespace
}  // namespace hawser::filter
