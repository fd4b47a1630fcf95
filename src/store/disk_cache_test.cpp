#include "store/disk_cache.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>

#include "store/sealed.hpp"

namespace hawser::store {
namespace {

namespace fs = std::filesystem;
using Outcome = DiskFound::Outcome;

MasterKey master(char digit = '1') {
  auto key = MasterKey::parse(Secret(std::string(64, digit)));
  return std::move(*key);
}

DiskKey key_at(std::uint32_t number) {
  DiskKey key{};
  std::memcpy(key.data(), &number, sizeof number);
  return key;
}

WallTime now() {
  return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
}

DiskEntry entry_at(std::uint32_t number, std::string value, std::string tenant = "acme") {
  DiskEntry entry;
  entry.key = key_at(number);
  entry.owner = tenant;
  entry.tenant = std::move(tenant);
  entry.model = "model-a";
  entry.stored = now();
  entry.ttl = 1h;
  entry.value = std::move(value);
  return entry;
}

/// Bytes that do not shrink and are told from others.
std::string bytes_at(std::uint32_t number, std::size_t size) {
  std::string out(size, '\0');
  std::uint32_t state = number * 2654435761u + 1;
  for (char& c : out) c = static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
  return out;
}

class DiskCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "hawser-disk-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    path_ = folder_ / "cache.db";
    open();
  }
  void TearDown() override {
    disk_.reset();
    fs::remove_all(folder_);
  }
  void open(MasterKey key = master(), std::uint64_t size_max = 16 * 1024 * 1024) {
    disk_.reset();
    disk_ = std::make_unique<DiskCache>(
        DiskCache::Settings{.path = path_.string(), .size_max = size_max}, std::move(key));
  }
  DiskFound get(std::uint32_t number, std::optional<std::string> owner = "acme",
                milliseconds budget = 10s) {
    std::promise<DiskFound> found;
    disk_->get(key_at(number), std::move(owner), Clock::now() + budget,
               [&found](DiskFound it) { found.set_value(std::move(it)); });
    return found.get_future().get();
  }
  std::optional<std::size_t> purge(DiskPurge purge = {}) {
    std::promise<std::optional<std::size_t>> count;
    disk_->purge(std::move(purge), [&count](Result<std::size_t> purged) {
      count.set_value(purged ? std::optional(*purged) : std::nullopt);
    });
    return count.get_future().get();
  }
  /// Waits until all that was put is in the file: a purge of nothing goes behind it.
  void settle() { purge({.older_than = milliseconds::max()}); }
  /// All bytes of all files.
  std::string bytes() {
    std::string all;
    for (const auto& file : fs::directory_iterator(folder_)) {
      std::ifstream in(file.path(), std::ios::binary);
      all.append(std::istreambuf_iterator<char>(in), {});
    }
    return all;
  }
  void run_sql(const char* text) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, text, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
  }

  fs::path folder_, path_;
  std::unique_ptr<DiskCache> disk_;
};

TEST(Sealed, OpensOnlyAsItWasSealed) {
  const KeyBytes key = master().derive("p");
  for (const std::string& clear : {std::string(), std::string("x"), bytes_at(1, 100'000)}) {
    std::string sealed = seal(key, clear, "bound");
    EXPECT_EQ(open_sealed(key, sealed, "bound"), clear);
    EXPECT_NE(seal(key, clear, "bound"), sealed);
    EXPECT_EQ(open_sealed(key, sealed, "other"), std::nullopt);
    EXPECT_EQ(open_sealed(master('2').derive("p"), sealed, "bound"), std::nullopt);
    for (const std::size_t at : {std::size_t{0}, std::size_t{12}, sealed.size() - 1}) {
      sealed[at] = static_cast<char>(sealed[at] ^ 1);
      EXPECT_EQ(open_sealed(key, sealed, "bound"), std::nullopt) << at;
      sealed[at] = static_cast<char>(sealed[at] ^ 1);
    }
    EXPECT_EQ(open_sealed(key, sealed.substr(0, 27), "bound"), std::nullopt);
  }
}

TEST_F(DiskCacheTest, GivesBackWhatWasPutAlsoAfterAStart) {
  disk_->put(entry_at(1, "one"));
  disk_->put(entry_at(2, bytes_at(2, 300'000)));
  disk_->put(entry_at(1, "one again"));
  disk_->put(entry_at(4, ""));
  settle();
  for (int start = 0; start < 2; ++start) {
    EXPECT_EQ(get(1).value, "one again");
    EXPECT_EQ(get(2).value, bytes_at(2, 300'000));
    EXPECT_EQ(get(3).outcome, Outcome::miss);
    EXPECT_EQ(get(4).outcome, Outcome::hit);
    EXPECT_EQ(disk_->totals().entries, 3u);
    EXPECT_GT(disk_->totals().bytes, 300'000u);
    open();
  }
  EXPECT_EQ(fs::status(path_).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(DiskCacheTest, AnotherOwnerOrMasterReadsNothing) {
  disk_->put(entry_at(1, "one"));
  settle();
  EXPECT_EQ(get(1, "other").outcome, Outcome::miss);
  disk_->put(entry_at(2, "two"));
  settle();
  EXPECT_EQ(get(2, std::nullopt).outcome, Outcome::miss);
  disk_->put(entry_at(3, "three"));
  settle();
  open(master('2'));
  EXPECT_EQ(get(3).outcome, Outcome::miss);
}

TEST_F(DiskCacheTest, WhatIsSharedIsReadByAll) {
  DiskEntry entry = entry_at(1, "for all");
  entry.owner.reset();
  disk_->put(std::move(entry));
  settle();
  EXPECT_EQ(get(1, std::nullopt).value, "for all");
  EXPECT_EQ(purge({.tenant = "acme"}), 1u);
}

TEST_F(DiskCacheTest, ItsFilesTellNothing) {
  for (std::uint32_t i = 0; i < 100; ++i) disk_->put(entry_at(i, "the-secret-answer", "acme-corp"));
  settle();
  disk_->put(entry_at(200, "the-secret-answer", "acme-corp"));
  EXPECT_EQ(get(7, "acme-corp").value, "the-secret-answer");
  for (int closed = 0; closed < 2; ++closed) {
    const std::string all = bytes();
    EXPECT_GT(all.size(), 10'000u);
    EXPECT_EQ(all.find("secret-answer"), std::string::npos);
    EXPECT_EQ(all.find("acme-corp"), std::string::npos);
    EXPECT_NE(all.find("model-a"), std::string::npos);
    disk_.reset();
  }
}

TEST_F(DiskCacheTest, WhatWasChangedInTheFileIsAMiss) {
  const char* changes[] = {
      "UPDATE entry SET sealed = substr(sealed, 1, 20) || x'00' || substr(sealed, 22)",
      "UPDATE entry SET sealed = x''",
      "UPDATE entry SET model = 'model-b'",
      "UPDATE entry SET stored = stored + 1",
      "UPDATE entry SET ttl = ttl * 2",
      "UPDATE entry SET tenant = zeroblob(32)",
      "UPDATE entry SET sealed = (SELECT sealed FROM entry WHERE id = 2) WHERE id = 1",
  };
  for (const char* change : changes) {
    disk_->put(entry_at(1, std::string(100, 'a')));
    disk_->put(entry_at(2, std::string(100, 'b')));
    settle();
    EXPECT_EQ(get(1).outcome, Outcome::hit);
    disk_.reset();
    run_sql(change);
    open();
    EXPECT_EQ(get(1).outcome, Outcome::miss) << change;
    EXPECT_EQ(purge({}).has_value(), true);
  }
}

TEST_F(DiskCacheTest, ABrokenFileIsSetAsideAndBegunAnew) {
  disk_->put(entry_at(1, "one"));
  settle();
  disk_.reset();
  std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes_at(1, 50'000);
  open();
  EXPECT_EQ(get(1).outcome, Outcome::miss);
  EXPECT_EQ(fs::file_size(folder_ / "cache.db.corrupt"), 50'000u);
  disk_->put(entry_at(1, "again"));
  settle();
  EXPECT_EQ(get(1).value, "again");
}

TEST_F(DiskCacheTest, BytesThatFlipAnywhereNeverGiveAWrongAnswer) {
  for (std::uint32_t i = 0; i < 200; ++i) disk_->put(entry_at(i, bytes_at(i, 700)));
  settle();
  disk_.reset();
  std::ifstream in(path_, std::ios::binary);
  const std::string whole(std::istreambuf_iterator<char>(in), {});
  for (std::uint32_t round = 0; round < 40; ++round) {
    std::string broken = whole;
    for (std::uint32_t i = 0; i < 50; ++i) {
      const std::size_t at = (round * 7919ull + i * 104729ull) * 2654435761ull % broken.size();
      broken[at] = static_cast<char>(broken[at] ^ (1 << (i % 8)));
    }
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << broken;
    open();
    for (std::uint32_t i = 0; i < 200; i += 3) {
      const DiskFound found = get(i);
      const bool right = found.outcome != Outcome::hit || found.value == bytes_at(i, 700);
      EXPECT_TRUE(right) << i;
    }
    disk_->put(entry_at(500, "new"));
    settle();
    disk_.reset();
  }
}

TEST_F(DiskCacheTest, SomebodyElsesDatabaseIsLeftAlone) {
  disk_.reset();
  fs::remove(path_);
  run_sql("CREATE TABLE precious(x); INSERT INTO precious VALUES(1)");
  const std::string before = bytes();
  open();
  disk_->put(entry_at(1, "one"));
  EXPECT_EQ(purge({}), std::nullopt);
  EXPECT_EQ(get(1).outcome, Outcome::error);
  EXPECT_EQ(disk_->totals().dropped_disk, 1u);
  disk_.reset();
  EXPECT_EQ(bytes(), before);
}

TEST_F(DiskCacheTest, AFolderThatIsNotThereIsTriedAgain) {
  disk_.reset();
  fs::remove_all(folder_);
  open();
  disk_->put(entry_at(1, "one"));
  EXPECT_EQ(get(1).outcome, Outcome::error);
  fs::create_directories(folder_);
  const auto end = Clock::now() + 5s;
  while (get(1).outcome == Outcome::error && Clock::now() < end) {
    std::this_thread::sleep_for(50ms);
  }
  disk_->put(entry_at(1, "one"));
  settle();
  EXPECT_EQ(get(1).value, "one");
}

TEST_F(DiskCacheTest, TheOnesReadLongestAgoMakeRoom) {
  constexpr std::uint64_t size_max = 2 * 1024 * 1024;
  open(master(), size_max);
  disk_->put(entry_at(1000, "keep me"));
  for (std::uint32_t i = 0; i < 600; ++i) {
    disk_->put(entry_at(i, bytes_at(i, 10'000)));
    if (i % 50 == 0) {
      settle();
      EXPECT_EQ(get(1000).outcome, Outcome::hit) << i;
      EXPECT_LE(disk_->totals().bytes, size_max);
    }
  }
  settle();
  EXPECT_LE(fs::file_size(path_), size_max);
  EXPECT_EQ(get(599).outcome, Outcome::hit);
  EXPECT_EQ(get(0).outcome, Outcome::miss);
  EXPECT_GT(disk_->totals().entries, 100u);
  EXPECT_EQ(disk_->totals().dropped_disk, 0u);
  disk_->put(entry_at(2000, bytes_at(1, size_max / 10 + 1)));
  settle();
  EXPECT_EQ(disk_->totals().dropped_size, 1u);
  open(master(), size_max / 2);
  settle();
  EXPECT_LE(disk_->totals().bytes, size_max / 2);
  EXPECT_LE(fs::file_size(path_), size_max / 2);
  EXPECT_EQ(get(599).outcome, Outcome::hit);
}

TEST_F(DiskCacheTest, PurgesByTenantModelAndAge) {
  const auto fill = [this] {
    disk_->put(entry_at(1, "one", "t1"));
    disk_->put(entry_at(2, "two", "t2"));
    DiskEntry other = entry_at(3, "three", "t1");
    other.model = "model-b";
    other.stored -= 10min;
    disk_->put(std::move(other));
  };
  fill();
  EXPECT_EQ(purge({.tenant = "t1"}), 2u);
  EXPECT_EQ(get(1, "t1").outcome, Outcome::miss);
  EXPECT_EQ(get(2, "t2").outcome, Outcome::hit);
  fill();
  EXPECT_EQ(purge({.model = "model-b"}), 1u);
  fill();
  EXPECT_EQ(purge({.older_than = 5min}), 1u);
  EXPECT_EQ(purge({.tenant = "t2", .model = "model-b"}), 0u);
  EXPECT_EQ(purge(), 2u);
  EXPECT_EQ(disk_->totals().entries, 0u);
}

TEST_F(DiskCacheTest, WhatIsTooOldIsNotThere) {
  DiskEntry entry = entry_at(1, "one");
  entry.stored -= 2h;
  disk_->put(std::move(entry));
  settle();
  EXPECT_EQ(get(1).outcome, Outcome::miss);
}

TEST_F(DiskCacheTest, WhoseTimeIsOverGetsNothing) {
  disk_->put(entry_at(1, "one"));
  EXPECT_EQ(get(1, "acme", -1s).outcome, Outcome::late);
}

TEST_F(DiskCacheTest, AFullQueueDropsAndCounts) {
  disk_.reset();
  disk_ = std::make_unique<DiskCache>(DiskCache::Settings{.path = path_.string(),
                                                          .size_max = 16 * 1024 * 1024,
                                                          .queue_max = 1000,
                                                          .queue_bytes_max = 100'000},
                                      master());
  for (std::uint32_t i = 0; i < 500; ++i) disk_->put(entry_at(i, bytes_at(i, 40'000)));
  settle();
  const auto totals = disk_->totals();
  EXPECT_GT(totals.dropped_queue, 0u);
  EXPECT_EQ(totals.entries + totals.dropped_queue, 500u);
}

TEST_F(DiskCacheTest, ManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  std::atomic<int> answered{0};
  for (std::uint32_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this, thread, &wrong, &answered] {
      for (std::uint32_t i = 0; i < 300; ++i) {
        const std::uint32_t number = (i * 7 + thread) % 50;
        disk_->put(entry_at(number, bytes_at(number, 500)));
        disk_->get(key_at(number), "acme", Clock::now() + 10s, [&, number](const DiskFound& found) {
          ++answered;
          if (found.outcome == Outcome::hit && found.value != bytes_at(number, 500)) ++wrong;
        });
        if (i % 100 == 99) disk_->purge({}, [](const Result<std::size_t>&) {});
        if (i % 50 == 0) (void)disk_->totals();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  disk_->stop();
  EXPECT_EQ(answered, 1200);
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace hawser::store
