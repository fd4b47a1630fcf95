// How much of what should be found is found, and how much of what is found should be.
#include <arpa/inet.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
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
constexpr std::size_t corpus_bytes = 64 << 20;
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
  std::size_t worst = samples_count;
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
    worst = std::min(worst, found);
  }
  std::printf(
      "figure: recall of the worst of %zu detectors: %.2f %% of %zu values (required 99.5 %%)\n",
      detectors_count, 100.0 * static_cast<double>(worst) / samples_count, samples_count);
}

/// Text that people wrote, from this machine: code of several languages, documents, changes and
/// chats that were recorded; of each folder a share.
std::vector<std::string> corpus() {
  namespace fs = std::filesystem;
  constexpr std::array folders{HAWSER_SOURCE_DIR "/docs",
                               HAWSER_SOURCE_DIR "/src",
                               HAWSER_SOURCE_DIR "/../shared",
                               "/usr/include",
                               "/usr/lib/python3",
                               "/usr/lib/python3.11",
                               "/usr/share/nodejs",
                               "/usr/share/perl",
                               "/usr/share/doc"};
  constexpr std::array<std::string_view, 16> endings{
      ".h",  ".hpp", ".cpp", ".py",   ".js",   ".ts",  ".pm",   ".pl",
      ".md", ".txt", ".rst", ".html", ".json", ".sse", ".yaml", "copyright"};
  std::vector<std::string> texts;
  for (const char* folder : folders) {
    std::size_t total = 0;
    std::error_code error;
    for (auto it = fs::recursive_directory_iterator(folder, error);
         !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
      const std::string name = it->path().filename();
      const bool wanted = std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) {
        return name.ends_with(ending);
      });
      if (!wanted || !it->is_regular_file() || name.ends_with("_test.cpp") || name == "sample.hpp")
        continue;
      std::stringstream text;
      text << std::ifstream(it->path()).rdbuf();
      texts.push_back(text.str().substr(0, corpus_bytes / 50));  // no file is most of it
      total += texts.back().size();
      if (total >= corpus_bytes / folders.size()) break;
    }
  }
  return texts;
}

/// Last labels that addresses in such texts may truly end with; any of two letters is a country's.
constexpr std::array<std::string_view, 26> top_domains{
    "com",  "org",  "net",   "edu",     "gov",  "mil",   "int",   "info",   "biz",
    "name", "dev",  "app",   "xyz",     "host", "site",  "cloud", "online", "tech",
    "pro",  "mobi", "email", "example", "test", "local", "ca",    "eu"};

std::string lowered(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// Perl's documents write "<" as "E<lt>": the E of the one behind an address is taken for its own.
bool is_true_email(const std::string& text, std::size_t begin, std::size_t size) {
  if (text[begin + size - 1] == 'E' && text.substr(begin + size, 4) == "<gt>") --size;
  const std::string value = lowered(text.substr(begin, size));
  const std::string top = value.substr(value.rfind('.') + 1);
  if (value.find("..") != std::string::npos || value.front() == '.') return false;
  return top.size() == 2 ||
         std::find(top_domains.begin(), top_domains.end(), top) != top_domains.end();
}

/// An address to the system's own reading, and no version: "libfoo 12.34.56.78" is none.
bool is_true_ip(const std::string& text, std::size_t begin, std::size_t size) {
  const std::string value = text.substr(begin, size);
  std::array<unsigned char, 16> bytes{};
  const int family = value.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (inet_pton(family, value.c_str(), bytes.data()) != 1) return false;
  const std::string before = lowered(
      text.substr(begin - std::min<std::size_t>(begin, 16), std::min<std::size_t>(begin, 16)));
  for (const std::string_view word :
       {"version", "release", " rev", "oid", "section", "chapter", "lib"}) {
    if (before.find(word) != std::string::npos) return false;
  }
  const char close = before.empty() ? ' ' : before.back();
  return close != 'v' && close != '~' && close != '^';
}

/// Six pairs that are no part of a longer row, as fingerprints and dumps are.
bool is_true_mac(const std::string& text, std::size_t begin, std::size_t size) {
  const auto row = [&text](std::size_t at) { return text.substr(at, 24); };
  const std::string behind = row(begin + size);
  const std::size_t next = behind.find_first_not_of(" \t\r\n\\");
  if (next != std::string::npos && next > 0 && behind.size() > next + 3) {
    const std::string pair = behind.substr(next, 3);
    if (std::isxdigit(pair[0]) && std::isxdigit(pair[1]) && pair[2] == text[begin + 2])
      return false;
  }
  return true;
}

/// Whether what was found in text that people wrote is what the rule says. E-mail and network
/// addresses are there in truth and judged one by one; of all else the texts are taken to be free.
bool is_true(Detector detector, const std::string& text, std::size_t begin, std::size_t size) {
  switch (detector) {
    case Detector::email:
      return is_true_email(text, begin, size);
    case Detector::ip:
      return is_true_ip(text, begin, size);
    case Detector::mac:
      return is_true_mac(text, begin, size);
    default:
      return false;
  }
}

struct Counts {
  std::size_t right = 0, wrong = 0;
  std::string first_wrong;

  double precision() const {
    return right + wrong == 0 ? 1 : static_cast<double>(right) / static_cast<double>(right + wrong);
  }
};

TEST(Corpus, PrecisionOnCodeAndDocuments) {
  const auto scanner = *Scanner::compile(default_rules(Direction::answer));
  Random random(12);
  std::map<std::string, Counts> by_rule;
  Counts all;
  std::size_t bytes = 0;
  for (const std::string& text : corpus()) {
    std::string planted;
    std::map<std::uint64_t, std::size_t> places;  // of planted values, and their sizes
    for (std::size_t at = 0; at < text.size(); at += 4096) {
      planted += text.substr(at, 4096);
      const auto detector = static_cast<Detector>(below(random, detectors_count));
      if (detector == Detector::assigned_secret) continue;
      const std::string value = sample(detector, random);
      planted += "\n";
      places[planted.size()] = value.size();
      planted += value + "\n";
    }
    bytes += planted.size();
    for (const Finding& finding : filtered(scanner, planted).findings) {
      const auto place = places.find(finding.begin);
      const auto& rule = scanner->rules()[finding.rule];
      const bool right =
          (place != places.end() && place->second == finding.size) ||
          is_true(std::get<Detector>(rule.looks_for), planted, finding.begin, finding.size);
      Counts& counts = by_rule[rule.name];
      ++(right ? counts.right : counts.wrong);
      ++(right ? all.right : all.wrong);
      if (!right && counts.wrong <= 40) {
        counts.first_wrong +=
            " " + planted.substr(finding.begin, std::min<std::size_t>(finding.size, 60));
      }
    }
  }
  for (const auto& [name, counts] : by_rule) {
    const bool enough = counts.right + counts.wrong >= 500;  // to speak of 2 %
    EXPECT_GE(counts.precision(), enough ? 0.98 : 0.9) << name << counts.first_wrong;
    std::printf("figure: precision of %s: %.2f %% of %zu\n", name.c_str(), 100 * counts.precision(),
                counts.right + counts.wrong);
  }
  EXPECT_GE(all.precision(), 0.98);
  std::printf("figure: precision on %.1f MB: %.2f %% of %zu findings (required 98 %%)\n",
              static_cast<double>(bytes) / 1e6, 100 * all.precision(), all.right + all.wrong);
}

}  // namespace
}  // namespace hawser::filter
