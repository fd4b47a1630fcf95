#include "audit/log.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "base/json.hpp"

namespace hawser::audit {
namespace {

MasterKey key_of(char digit) {
  auto key = MasterKey::parse(Secret(std::string(64, digit)));
  return std::move(*key);
}
const std::string& public_key() {
  static const std::string hex = SigningKey(key_of('1')).public_hex();
  return hex;
}

class AuditLog : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "hawser-audit-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
    options_.folder = root_ + "/log";
    options_.commit_every = 1ms;
    options_.sign_every = 50ms;
    options_.sync = false;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::unique_ptr<Log> open() {
    return std::make_unique<Log>(options_, key_of('1'), [this](const std::string& what) {
      const std::lock_guard lock(mutex_);
      told_.push_back(what);
    });
  }
  static std::string record(int number) {
    return "\"time_us\":1,\"type\":\"exchange\",\"request_id\":\"r" + std::to_string(number) +
           "\"}";
  }
  /// Waits until the log says so, however slow the machine is.
  template <class Wanted>
  static bool eventually(Wanted wanted) {
    const auto until = Clock::now() + 60s;
    while (!wanted()) {
      if (Clock::now() > until) return false;
      std::this_thread::sleep_for(2ms);
    }
    return true;
  }
  Report look(Verifier::Options options = {}, bool witness = false) {
    options.trusted = {*PublicKey::parse(public_key())};
    const auto trusted = options.trusted;
    Verifier verifier(std::move(options));
    if (witness) {
      auto file = WitnessFile::open(options_.witness, trusted);
      EXPECT_TRUE(file);
      verifier.set_witness([file = *file] { return file->next(); });
    }
    auto report = verify(options_.folder, verifier);
    EXPECT_TRUE(report);
    return std::move(*report);
  }
  std::string segment(std::uint64_t number) const {
    return options_.folder + "/" + segment_name(number);
  }

  std::string root_;
  Log::Options options_;
  std::mutex mutex_;
  std::vector<std::string> told_;
};

TEST_F(AuditLog, WhatSeveralThreadsPutIsThereOnce) {
  {
    const auto log = open();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&inlet = log->make_inlet(), t] {
        for (int i = 0; i < 5000; ++i) inlet.put(record(t * 5000 + i));
      });
    }
    for (auto& thread : threads) thread.join();
  }
  const Report report = look({.stopped = true});
  EXPECT_EQ(report.problems, std::vector<std::string>());
  EXPECT_EQ(report.by_type.at("exchange"), 20'000u);
  EXPECT_GE(report.roots, 19u);
}

TEST_F(AuditLog, SegmentsAreRotatedAndRestartsGoOn) {
  options_.segment_max = 4096;
  options_.witness = root_ + "/witness";
  for (int start = 0; start < 3; ++start) {
    const auto log = open();
    auto& inlet = log->make_inlet();
    for (std::uint64_t put = 1; put <= 200; ++put) {
      inlet.put(record(static_cast<int>(put)));
      if (put % 20 == 0) {
        ASSERT_TRUE(eventually([&] { return log->figures().records >= put; }));
      }
    }
  }
  const Report report = look({.stopped = true}, true);
  EXPECT_EQ(report.problems, std::vector<std::string>());
  EXPECT_EQ(report.remarks, std::vector<std::string>());
  EXPECT_EQ(report.by_type.at("exchange"), 600u);
  EXPECT_EQ(report.by_type.at("stop"), 3u);
  EXPECT_GT(report.segments, 9u);
}

TEST_F(AuditLog, SignsWhatIsThereAlsoWhenNothingMoreComes) {
  const auto log = open();
  auto& inlet = log->make_inlet();
  inlet.put(record(1));
  EXPECT_TRUE(eventually([&] { return log->figures().signed_through >= 2; }));
  EXPECT_EQ(look({.live = true}).problems, std::vector<std::string>());
}

TEST_F(AuditLog, TwoProcessesDoNotShareAFolder) {
  const auto log = open();
  EXPECT_THROW(open(), std::runtime_error);
}

// The record that was waited for is there after the process was killed, whatever it was doing.
TEST_F(AuditLog, AKilledWriterLosesNothingThatItTold) {
  int told[2];
  ASSERT_EQ(::pipe(told), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(told[0]);
    const auto log = open();
    auto& inlet = log->make_inlet();
    for (int i = 0;; ++i) {
      inlet.put(record(1'000'000 + i));  // nobody waits for this one
      inlet.put(record(i), [i, fd = told[1]](bool kept) {
        if (kept && ::write(fd, &i, sizeof i) < 0) ::_exit(1);
      });
    }
  }
  ::close(told[1]);
  int last = -1, number = 0;
  while (last < 2000 && ::read(told[0], &number, sizeof number) == sizeof number) last = number;
  ::kill(child, SIGKILL);
  while (::read(told[0], &number, sizeof number) == sizeof number) last = number;
  ::close(told[0]);
  ::waitpid(child, nullptr, 0);
  ASSERT_GE(last, 2000);
  std::vector<bool> there(static_cast<std::size_t>(last) + 1);
  open().reset();  // goes on, and stops in good order
  Verifier verifier({{*PublicKey::parse(public_key())}, false, false, true});
  verifier.on_line([&](const Line& line) {
    const auto at = line.json.find("\"request_id\":\"r");
    if (at == std::string_view::npos) return;
    const auto id = std::stoul(std::string(line.json.substr(at + 15, 12)));
    if (id < there.size()) there[id] = true;
  });
  const auto report = verify(options_.folder, verifier);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->problems, std::vector<std::string>());
  EXPECT_FALSE(report->remarks.empty());  // it did not end by a stop
  std::size_t lost = 0;
  for (const bool one : there) lost += one ? 0 : 1;
  std::cout << there.size() << " records were told to be kept, " << lost << " lost" << std::endl;
  EXPECT_EQ(lost, 0u);
}

// Lines of several lives, none of which came to sign anything.
TEST_F(AuditLog, CrashesBehindEachOtherLeaveOneBatch) {
  options_.sign_every = 3600s;
  for (int life = 0; life < 3; ++life) {
    int told[2];
    ASSERT_EQ(::pipe(told), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      const auto log = open();
      log->make_inlet().put(record(life), [fd = told[1]](bool) { ::close(fd); });
      for (;;) ::pause();
    }
    ::close(told[1]);
    char none;
    EXPECT_EQ(::read(told[0], &none, 1), 0);
    ::close(told[0]);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
  open().reset();
  const Report report = look({.stopped = true});
  EXPECT_EQ(report.problems, std::vector<std::string>());
  EXPECT_EQ(report.by_type.at("exchange"), 3u);
  EXPECT_EQ(report.roots, 1u);
  EXPECT_EQ(report.remarks.size(), 6u);  // a crash and adopted lines, three times
}

TEST_F(AuditLog, HalfALineAtTheEndIsToldAndTheChainGoesOn) {
  open().reset();
  std::ofstream(segment(1), std::ios::app) << "0123 half a li";
  { open()->make_inlet().put(record(1)); }
  const Report report = look({.stopped = true});
  EXPECT_EQ(report.problems, std::vector<std::string>());
  ASSERT_EQ(report.remarks.size(), 2u);
  EXPECT_NE(report.remarks[0].find("cut short"), std::string::npos);
  ASSERT_FALSE(told_.empty());
  std::ofstream(segment(1), std::ios::app) << "ne";  // more than there was
  EXPECT_FALSE(look({.stopped = true}).problems.empty());
}

// A restart does not bless what was done to the log while nobody wrote it.
TEST_F(AuditLog, AChangeBeforeARestartStaysFound) {
  {
    const auto log = open();
    auto& inlet = log->make_inlet();
    for (int i = 0; i < 100; ++i) inlet.put(record(i));
  }
  std::fstream file(segment(1), std::ios::in | std::ios::out);
  file.seekp(2000);
  file.put('~');
  file.close();
  open().reset();
  EXPECT_FALSE(look().problems.empty());
}

TEST_F(AuditLog, AnEndThatWasTakenAwayIsFoundAtTheStartByTheWitness) {
  options_.witness = root_ + "/witness";
  {
    const auto log = open();
    auto& inlet = log->make_inlet();
    for (int i = 0; i < 100; ++i) inlet.put(record(i));
  }
  std::ifstream in(segment(1));
  std::string line, kept;
  for (int i = 0; i < 40 && std::getline(in, line); ++i) kept += line + "\n";
  std::ofstream(segment(1), std::ios::trunc) << kept;
  open().reset();
  const Report report = look();  // also without the witness
  ASSERT_FALSE(report.problems.empty());
  EXPECT_NE(report.problems[0].find("witness"), std::string::npos);
}

// Beyond the bound records are counted, and the log says how many.
TEST_F(AuditLog, WhatHasNoRoomIsCountedInTheLog) {
  options_.queue_max = 4096;
  options_.commit_every = 1000ms;
  std::uint64_t dropped = 0;
  {
    const auto log = open();
    auto& inlet = log->make_inlet();
    for (int i = 0; i < 1000; ++i) inlet.put(record(i));
    dropped = log->figures().dropped;
    EXPECT_GT(dropped, 0u);
    EXPECT_FALSE(log->refuses());
  }
  std::uint64_t told = 0;
  Verifier verifier({{*PublicKey::parse(public_key())}, false, false, true});
  verifier.on_line([&](const Line& line) {
    if (line.type == "gap") told += json_number(line.json, "dropped").value();
  });
  const auto report = verify(options_.folder, verifier);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->problems, std::vector<std::string>());
  EXPECT_EQ(told, dropped);
  EXPECT_EQ(report->by_type.at("exchange"), 1000 - dropped);
}

TEST_F(AuditLog, UnderTheRuleToRefuseNothingIsDropped) {
  options_.queue_max = 4096;
  options_.refuse = true;
  options_.commit_every = 1000ms;
  {
    const auto log = open();
    auto& inlet = log->make_inlet();
    for (int i = 0; i < 1000; ++i) inlet.put(record(i));
    EXPECT_TRUE(log->refuses());
    log->count_refused();
    EXPECT_EQ(log->figures().dropped, 0u);
    EXPECT_TRUE(eventually([&] { return !log->refuses(); }));
  }
  const Report report = look({.stopped = true});
  EXPECT_EQ(report.by_type.at("exchange"), 1000u);
  EXPECT_EQ(report.by_type.at("gap"), 1u);
}

// They could fill the disk.
TEST_F(AuditLog, OfStrangersSoManyRecordsASecondAreKept) {
  options_.strangers_a_second = 10;
  {
    const auto log = open();
    auto& inlet = log->make_inlet();
    const auto begun = std::chrono::steady_clock::now();
    for (int i = 0; i < 5000; ++i) inlet.put(record(i), Log::Inlet::By::stranger);
    inlet.put(record(1));
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(  // that were begun
        std::chrono::steady_clock::now() - begun);
    EXPECT_GE(log->figures().dropped,
              5000 - 10 * (1 + static_cast<std::uint64_t>(seconds.count())));
  }
  const Report report = look({.stopped = true});
  EXPECT_GE(report.by_type.at("exchange"), 11u);
  EXPECT_GE(report.by_type.at("gap"), 1u);
}

// Whoever has no key can be refused as often as they like: that must not refuse others.
TEST_F(AuditLog, StrangersDoNotBringTheRuleToRefuseAbout) {
  options_.queue_max = 8192;
  options_.strangers_a_second = 1'000'000;
  options_.refuse = true;
  options_.commit_every = 1000ms;
  std::uint64_t dropped = 0;
  {
    const auto log = open();
    auto& inlet = log->make_inlet();
    for (int i = 0; i < 10'000; ++i) {
      inlet.put(record(i), Log::Inlet::By::stranger);
      ASSERT_FALSE(log->refuses()) << i;
    }
    EXPECT_LE(log->figures().waiting, 8192u / 4);
    dropped = log->figures().dropped;
    EXPECT_GT(dropped, 9'000u);
    for (int i = 0; i < 20; ++i) inlet.put(record(i));  // of known keys: all are kept
    EXPECT_FALSE(log->refuses());
    // What was written makes room for strangers again.
    EXPECT_TRUE(eventually([&] { return log->figures().waiting == 0; }));
    inlet.put(record(1), Log::Inlet::By::stranger);
    EXPECT_EQ(log->figures().dropped, dropped);
    for (int i = 0; i < 1000; ++i) inlet.put(record(i));
    EXPECT_TRUE(log->refuses());
  }
  const Report report = look({.stopped = true});
  EXPECT_EQ(report.problems, std::vector<std::string>());
  EXPECT_EQ(report.by_type.at("exchange"), 10'000u - dropped + 1021);
}

}  // namespace
}  // namespace hawser::audit
