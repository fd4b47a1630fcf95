#include "store/ledger.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>

namespace hawser::store {
namespace {

class LedgerTest : public testing::Test {
 protected:
  LedgerTest()
      : folder_(std::filesystem::temp_directory_path() /
                ("hawser-ledger-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~LedgerTest() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ / "ledger.db"; }
  static void ignore(const std::string&) {}

  std::int64_t sum(std::int64_t since = 0, const std::string& tenant = "t") const {
    Ledger ledger({.path = path()}, ignore);
    std::int64_t cost = 0;
    ledger.sum_since(since, [&](const LedgerRow& row) {
      if (row.tenant == tenant) cost += row.cost;
    });
    return cost;
  }

  std::filesystem::path folder_;
};

LedgerRow row(std::int64_t cost, std::int64_t time_us = 5, std::string tenant = "t") {
  LedgerRow out;
  out.time_us = time_us;
  out.request_id = "r'; DROP TABLE attempts; --";
  out.tenant = std::move(tenant);
  out.model = "m";
  out.cost = cost;
  return out;
}

TEST_F(LedgerTest, SumsSaturate) {
  constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  {
    Ledger ledger({.path = path()}, ignore);
    for (int i = 0; i < 5; ++i) ledger.append(row(largest));
    ledger.append(row(7, 5, "other"));
    ASSERT_TRUE(ledger.flush(5s));
    EXPECT_EQ((ledger.figures().cost[{"m", ""}]), largest);
  }
  EXPECT_EQ(sum(), largest);
  EXPECT_EQ(sum(0, "other"), 7);
}

TEST_F(LedgerTest, KeepsWhatWasAppended) {
  {
    Ledger ledger({.path = path()}, ignore);
    for (int i = 1; i <= 1000; ++i) ledger.append(row(i, i));
    ledger.append(row(7, 1, "other"));
    ASSERT_TRUE(ledger.flush(5s));
    EXPECT_EQ(ledger.figures().committed, 1001u);
    EXPECT_EQ((ledger.figures().cost[{"m", ""}]), 500'507);
  }
  EXPECT_EQ(sum(), 500'500);
  EXPECT_EQ(sum(1000), 1000);
  EXPECT_EQ(sum(0, "other"), 7);
}

TEST_F(LedgerTest, WhatIsCommittedSurvivesAKill) {
  int told[2];
  ASSERT_EQ(::pipe(told), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    Ledger ledger({.path = path()}, ignore);
    for (std::int64_t i = 1;; ++i) {
      ledger.append(row(1));
      ledger.flush(5s);
      if (::write(told[1], &i, sizeof i) != sizeof i) ::_exit(1);
    }
  }
  std::int64_t acknowledged = 0;
  while (acknowledged < 300) ASSERT_EQ(::read(told[0], &acknowledged, sizeof acknowledged), 8);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(told[1]);
  for (std::int64_t last = 0; ::read(told[0], &last, sizeof last) == 8;) acknowledged = last;
  ::close(told[0]);
  EXPECT_GE(sum(), acknowledged);
}

TEST_F(LedgerTest, AFullDiskIsWaitedOutAndNothingIsLost) {
  std::vector<std::string> troubles;
  std::atomic<int> told{0};
  sqlite3* holder = nullptr;
  {
    Ledger ledger({.path = path(), .waiting_max = 10}, [&](const std::string& what) {
      troubles.push_back(what);
      ++told;
    });
    // Another writer stands for whatever keeps the file from being written.
    sqlite3_open(path().c_str(), &holder);
    sqlite3_exec(holder, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
    for (int i = 0; i < 15; ++i) ledger.append(row(1));
    EXPECT_FALSE(ledger.flush(100ms));
    while (told == 0) ::usleep(10'000);
    EXPECT_EQ(ledger.figures().waiting, 10u);
    EXPECT_EQ(ledger.figures().dropped, 5u);
    sqlite3_exec(holder, "COMMIT", nullptr, nullptr, nullptr);
    EXPECT_TRUE(ledger.flush(10s));
  }
  sqlite3_close(holder);
  ASSERT_EQ(troubles.size(), 2u);
  EXPECT_EQ(sum(), 10);
}

TEST_F(LedgerTest, RowsAreNeverChanged) {
  {
    Ledger ledger({.path = path()}, ignore);
    ledger.append(row(5));
  }
  sqlite3* database = nullptr;
  sqlite3_open(path().c_str(), &database);
  EXPECT_NE(
      sqlite3_exec(database, "UPDATE attempts SET cost_nano_usd = 0", nullptr, nullptr, nullptr),
      SQLITE_OK);
  sqlite3_close(database);
}

TEST_F(LedgerTest, AFileThatIsNoLedgerIsRefused) {
  std::ofstream(path()) << "this is not a database, and it is long enough to be sure of that";
  EXPECT_THROW(Ledger({.path = path()}, ignore), std::runtime_error);
  EXPECT_THROW(Ledger({.path = folder_ / "missing" / "x.db"}, ignore), std::runtime_error);
}

}  // namespace
}  // namespace hawser::store
