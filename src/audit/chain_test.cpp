#include "audit/chain.hpp"

#include <gtest/gtest.h>

#include <iostream>

#include "audit/proof.hpp"
#include "base/json.hpp"

namespace hawser::audit {
namespace {

MasterKey key_of(char digit) {
  auto key = MasterKey::parse(Secret(std::string(64, digit)));
  return std::move(*key);
}

/// A log in memory.
struct Written {
  SigningKey key{key_of('1')};
  Chain chain{{.log = "0123456789abcdef0123456789abcdef"}, Tree(), key};
  std::vector<std::string> segments{};
  std::string witness{};

  void begin(std::string_view after) {
    segments.emplace_back();
    chain.begin_segment({.node = "n", .after = after, .time_us = 1}, segments.back());
  }
  void add(int number) {
    chain.append("\"time_us\":5,\"type\":\"exchange\",\"request_id\":\"r" + std::to_string(number) +
                     "\",\"tenant\":\"t\",\"model\":\"m\"}",
                 segments.back());
  }
  void sign() {
    const auto at = segments.back().size();
    chain.sign(7, segments.back());
    witness += segments.back().substr(at);
  }
  void stop() {
    chain.append("\"time_us\":9,\"type\":\"stop\"}", segments.back());
    sign();
  }
};

/// A root each sixteen lines, and a stop.
Written make_log(int records = 300, int segments = 3) {
  Written log;
  for (int i = 0; i < records; ++i) {
    if (i % ((records + segments - 1) / segments) == 0) {
      if (i > 0) log.sign();
      log.begin(i == 0 ? "begin" : "rotation");
    }
    log.add(i);
    if (log.chain.lines_unsigned() >= 16) log.sign();
  }
  log.stop();
  return log;
}

std::vector<SeenRoot> roots_of(std::string_view witness) {
  std::vector<SeenRoot> roots;
  while (!witness.empty()) {
    const auto end = witness.find('\n');
    const auto line = witness.substr(0, end);
    roots.push_back(
        {json_number(line.substr(65), "seq").value(), digest_from_hex(line.substr(0, 64)).value()});
    witness.remove_prefix(end + 1);
  }
  return roots;
}

struct Look {
  bool witness = false;
  bool stopped = true;
  bool pruned = false;
  std::size_t piece = 1 << 20;
};
Report look_at(const Written& log, const std::vector<std::string>& segments, Look look = {}) {
  Verifier verifier({{*PublicKey::parse(log.key.public_hex())}, look.pruned, false, look.stopped});
  const auto roots = roots_of(log.witness);
  if (look.witness) {
    verifier.set_witness([&roots, at = std::size_t{0}]() mutable -> std::optional<SeenRoot> {
      if (at == roots.size()) return std::nullopt;
      return roots[at++];
    });
  }
  std::uint64_t number = 0;
  for (const auto& segment : segments) {
    ++number;
    if (segment.empty()) continue;  // was taken away
    verifier.begin_segment(number);
    for (std::size_t at = 0; at < segment.size(); at += look.piece) {
      verifier.feed(std::string_view(segment).substr(at, look.piece));
    }
    verifier.end_segment();
  }
  return verifier.finish();
}

std::vector<std::string> lines_of(const std::string& segment) {
  std::vector<std::string> lines;
  std::size_t at = 0;
  while (at < segment.size()) {
    const auto end = segment.find('\n', at);
    lines.push_back(segment.substr(at, end + 1 - at));
    at = end + 1;
  }
  return lines;
}
std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines) out += line;
  return out;
}

TEST(AuditChain, IsGoodHoweverItIsCut) {
  const Written log = make_log();
  for (const std::size_t piece : {1U, 7U, 64U, 4096U, 1U << 20U}) {
    const Report report =
        look_at(log, log.segments, {.witness = true, .stopped = true, .piece = piece});
    EXPECT_EQ(report.problems, std::vector<std::string>());
    EXPECT_EQ(report.remarks, std::vector<std::string>());
    EXPECT_EQ(report.segments, 3u);
    EXPECT_EQ(report.by_type.at("exchange"), 300u);
    EXPECT_EQ(report.signed_through + 1, report.last_seq);
  }
}

// Every byte of a log of some hundred records. What is found by looking at its segment and the one
// behind it alone is found by looking at all.
TEST(AuditChain, EveryChangedByteIsFound) {
  const Written log = make_log(240, 12);
  std::size_t looked = 0, missed = 0;
  for (std::size_t s = 0; s < log.segments.size(); ++s) {
    std::vector<std::string> segments(s);
    segments.push_back(log.segments[s]);
    const bool last = s + 1 == log.segments.size();
    if (!last) segments.push_back(log.segments[s + 1]);
    const Look look{.stopped = false, .pruned = s > 0};
    ASSERT_TRUE(look_at(log, segments, look).problems.empty());
    for (std::size_t at = 0; at < log.segments[s].size(); ++at) {
      char& byte = segments[s][at];
      const char was = byte;
      byte = static_cast<char>(byte ^ (1 << (at % 8)));
      ++looked;
      if (look_at(log, segments, look).problems.empty()) ++missed;
      byte = was;
    }
  }
  std::cout << looked << " changed bytes, " << missed << " not found" << std::endl;
  EXPECT_EQ(missed, 0u);
}

TEST(AuditChain, EveryLineThatIsTakenOutDoubledOrMovedIsFound) {
  const Written log = make_log(150);
  std::size_t looked = 0, missed = 0;
  const auto expect_found = [&](std::size_t s, const std::vector<std::string>& lines) {
    auto segments = log.segments;
    segments[s] = joined(lines);
    ++looked;
    if (look_at(log, segments, {.witness = true}).problems.empty()) ++missed;
  };
  for (std::size_t s = 0; s < log.segments.size(); ++s) {
    const auto lines = lines_of(log.segments[s]);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      auto without = lines;
      without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
      expect_found(s, without);
      auto doubled = lines;
      doubled.insert(doubled.begin() + static_cast<std::ptrdiff_t>(i), lines[i]);
      expect_found(s, doubled);
      if (i + 1 == lines.size()) continue;
      auto moved = lines;
      std::swap(moved[i], moved[i + 1]);
      expect_found(s, moved);
    }
  }
  std::cout << looked << " lines out, doubled or moved, " << missed << " not found" << std::endl;
  EXPECT_EQ(missed, 0u);
}

TEST(AuditChain, EverySegmentThatIsTakenOutOrMovedIsFound) {
  const Written log = make_log();
  for (std::size_t s = 0; s < log.segments.size(); ++s) {
    auto segments = log.segments;
    segments[s].clear();
    EXPECT_FALSE(look_at(log, segments).problems.empty()) << s;
    if (s + 1 == log.segments.size()) continue;
    segments = log.segments;
    std::swap(segments[s], segments[s + 1]);
    EXPECT_FALSE(look_at(log, segments).problems.empty()) << s;
  }
  auto late = log.segments;
  late[0].clear();
  const Report report = look_at(log, late, {.pruned = true});
  EXPECT_EQ(report.problems, std::vector<std::string>());
  EXPECT_EQ(report.remarks.size(), 1u);
}

// The end is the one place that the log itself cannot vouch for.
TEST(AuditChain, AnEndThatIsTakenAwayIsFoundByTheWitnessOrTheStop) {
  const Written log = make_log(150);
  const auto lines = lines_of(log.segments.back());
  for (std::size_t left = 1; left < lines.size(); ++left) {
    auto segments = log.segments;
    segments.back() = joined({lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(left)});
    EXPECT_FALSE(look_at(log, segments, {.stopped = true}).problems.empty());
    EXPECT_FALSE(look_at(log, segments, {.witness = true, .stopped = false}).problems.empty());
    const Report alone = look_at(log, segments, {.stopped = false});
    EXPECT_TRUE(alone.problems.empty());
    EXPECT_FALSE(alone.remarks.empty());  // it says what it cannot know
  }
  auto segments = log.segments;
  segments.pop_back();
  EXPECT_FALSE(look_at(log, segments, {.witness = true, .stopped = false}).problems.empty());
}

// Who may write the folder but has no key makes all hashes anew.
TEST(AuditChain, AForgedChainHasNoSignature) {
  const Written log = make_log(60);
  Written forged;
  forged.key = SigningKey(key_of('2'));
  forged.begin("begin");
  for (int i = 0; i < 10; ++i) forged.add(i);
  forged.stop();
  const Report report = look_at(log, forged.segments);
  ASSERT_FALSE(report.problems.empty());
  EXPECT_NE(report.problems.front().find("not trusted"), std::string::npos);
}

TEST(AuditChain, ATornEndIsKnownToTheSegmentBehindIt) {
  Written log;
  log.begin("begin");
  for (int i = 0; i < 20; ++i) log.add(i);
  log.sign();
  log.add(20);
  const std::string torn = "00ff half of a li";
  log.segments.back() += torn;
  TornEnd end{.segment = 1, .bytes = torn.size()};
  Hasher hasher;
  hasher.begin();
  hasher.add(torn);
  end.digest = hasher.end();
  log.segments.emplace_back();
  log.chain.begin_segment({.node = "n", .after = "crash", .time_us = 1, .torn = {end}},
                          log.segments.back());
  log.add(21);
  log.stop();
  EXPECT_EQ(look_at(log, log.segments).problems, std::vector<std::string>());
  EXPECT_EQ(look_at(log, log.segments).remarks.size(), 2u);
  auto changed = log.segments;
  changed[0].back() = '!';
  EXPECT_FALSE(look_at(log, changed).problems.empty());
  changed[0].resize(changed[0].size() - torn.size());
  EXPECT_FALSE(look_at(log, changed).problems.empty());
}

TEST(AuditTree, EveryLeafOfEverySizeHasItsPath) {
  Hasher hasher;
  for (std::size_t size = 1; size <= 70; ++size) {
    std::vector<Digest> leaves;
    Tree tree;
    for (std::size_t i = 0; i < size; ++i) {
      leaves.push_back(hasher.link(Digest{}, std::to_string(i)));
      tree.add(leaves.back(), hasher);
    }
    const Digest root = tree.root(hasher);
    for (std::size_t i = 0; i < size; ++i) {
      auto path = path_of(leaves, i, hasher);
      EXPECT_EQ(root_by(leaves[i], i, size, path, hasher), root);
      EXPECT_NE(root_by(hasher.link(Digest{}, "x"), i, size, path, hasher), root);
      if (size > 1) {
        EXPECT_NE(root_by(leaves[i], (i + 1) % size, size, path, hasher), root);
        path.pop_back();
        EXPECT_NE(root_by(leaves[i], i, size, path, hasher), root);
      }
    }
  }
}

TEST(AuditProof, ProvesOneRecordAndNoChangedOne) {
  const Written log = make_log(100);
  std::vector<std::string> proofs;
  Prover prover({.request = "r37"}, [&](const std::string& proof) { proofs.push_back(proof); });
  Verifier verifier({{*PublicKey::parse(log.key.public_hex())}, false, false, true});
  verifier.on_line([&](const Line& line) { prover.see(line); });
  for (std::size_t s = 0; s < log.segments.size(); ++s) {
    verifier.begin_segment(s + 1);
    verifier.feed(log.segments[s]);
    verifier.end_segment();
  }
  ASSERT_EQ(proofs.size(), 1u);
  const std::vector<PublicKey> trusted{*PublicKey::parse(log.key.public_hex())};
  const auto record = check_proof(proofs[0], trusted);
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(json_text(*record, "request_id"), "r37");
  std::size_t passed = 0;
  for (std::size_t at = 0; at < proofs[0].size(); ++at) {
    std::string changed = proofs[0];
    changed[at] = static_cast<char>(changed[at] ^ 1);
    const auto got = check_proof(changed, trusted);
    if (got && *got != *record) ++passed;  // what is outside record, path and root is nobody's
  }
  EXPECT_EQ(passed, 0u);
  EXPECT_FALSE(check_proof(proofs[0], {*PublicKey::parse(SigningKey(key_of('2')).public_hex())}));
}

}  // namespace
}  // namespace hawser::audit
