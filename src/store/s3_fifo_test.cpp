#include "store/s3_fifo.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include <cmath>
#include <random>
#include <vector>

namespace hawser::store {
namespace {

using Cache = S3Fifo<int, int>;

TEST(S3Fifo, KeepsItsBound) {
  Cache cache(1000);
  for (int i = 0; i < 1000; ++i) {
    cache.put(i, i, static_cast<std::size_t>(1 + i % 90));
    ASSERT_LE(cache.bytes(), 1000u);
  }
  cache.put(5000, 1, 101);
  EXPECT_EQ(cache.find(5000), nullptr) << "more than a tenth";
}

TEST(S3Fifo, WhatIsAskedForAgainSurvivesAScan) {
  Cache cache(1000);
  for (int i = 0; i < 20; ++i) cache.put(i, i, 10);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 20; ++i) ASSERT_NE(cache.find(i), nullptr);
  }
  for (int i = 1000; i < 3000; ++i) cache.put(i, i, 10);
  int left = 0;
  for (int i = 0; i < 20; ++i) left += cache.find(i) != nullptr ? 1 : 0;
  EXPECT_EQ(left, 20);
}

TEST(S3Fifo, ReplacesAndErases) {
  Cache cache(1000);
  cache.put(1, 10, 50);
  cache.put(1, 11, 60);
  EXPECT_EQ(*cache.find(1), 11);
  EXPECT_EQ(cache.bytes(), 60u);
  cache.put(2, 20, 10);
  EXPECT_EQ(cache.erase_if([](int, int value) { return value == 20; }), 1u);
  EXPECT_TRUE(cache.erase(1));
  EXPECT_FALSE(cache.erase(1));
  EXPECT_EQ(cache.bytes(), 0u);
}

/// Window-TinyLFU to compare with: a window of 1 % (LRU), a main part of a probation and a
/// protected queue, and a sketch that counts how often keys were asked for.
class WTinyLfu {
 public:
  explicit WTinyLfu(std::size_t entries)
      : window_max_(std::max<std::size_t>(1, entries / 100)),
        main_max_(entries - window_max_),
        sketch_(16 * entries) {}

  bool ask(int key) {
    count(key);
    const auto found = where_.find(key);
    if (found != where_.end()) {
      hit(key, found->second);
      return true;
    }
    window_.push_front(key);
    where_[key] = {0, window_.begin()};
    if (window_.size() > window_max_) admit();
    return false;
  }

 private:
  struct Place {
    int queue;
    std::list<int>::iterator at;
  };
  void hit(int key, Place place) {
    if (place.queue == 0) {
      window_.splice(window_.begin(), window_, place.at);
    } else if (place.queue == 2) {
      protected_.splice(protected_.begin(), protected_, place.at);
    } else {
      protected_.splice(protected_.begin(), probation_, place.at);
      where_[key] = {2, protected_.begin()};
      if (protected_.size() > main_max_ * 8 / 10) {
        const int demoted = protected_.back();
        probation_.splice(probation_.begin(), protected_, std::prev(protected_.end()));
        where_[demoted] = {1, probation_.begin()};
      }
    }
  }
  void admit() {
    const int candidate = window_.back();
    window_.pop_back();
    if (probation_.size() + protected_.size() >= main_max_) {
      auto& victims = probation_.empty() ? protected_ : probation_;
      const int victim = victims.back();
      if (estimate(candidate) <= estimate(victim)) {
        where_.erase(candidate);
        return;
      }
      where_.erase(victim);
      victims.pop_back();
    }
    probation_.push_front(candidate);
    where_[candidate] = {1, probation_.begin()};
  }
  std::size_t slot(int key, int row) const {
    return (static_cast<std::size_t>(key) * 0x9E3779B97F4A7C15ull +
            static_cast<std::size_t>(row) * 0xC2B2AE3D27D4EB4Full) %
           sketch_.size();
  }
  void count(int key) {
    for (int row = 0; row < 4; ++row) {
      auto& counter = sketch_[slot(key, row)];
      if (counter < 15) ++counter;
    }
    if (++asked_ % (10 * main_max_) == 0) {
      for (auto& counter : sketch_) counter /= 2;
    }
  }
  int estimate(int key) const {
    int least = 15;
    for (int row = 0; row < 4; ++row) least = std::min<int>(least, sketch_[slot(key, row)]);
    return least;
  }

  std::size_t window_max_, main_max_;
  std::vector<std::uint8_t> sketch_;
  std::list<int> window_, probation_, protected_;
  std::unordered_map<int, Place> where_;
  std::uint64_t asked_ = 0;
};

/// Zipf requests with scans of keys that never come again in between.
std::vector<int> trace(double skew, double scans, unsigned seed) {
  constexpr int keys = 20'000;
  std::vector<double> sums(keys);
  double sum = 0;
  for (int i = 0; i < keys; ++i)
    sums[static_cast<std::size_t>(i)] = sum += 1 / std::pow(i + 1, skew);
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<int> out;
  int fresh = keys;
  while (out.size() < 400'000) {
    if (uniform(random) < scans / 500) {
      for (int i = 0; i < 500; ++i) out.push_back(++fresh);
    }
    const auto at = std::lower_bound(sums.begin(), sums.end(), uniform(random) * sum);
    out.push_back(static_cast<int>(at - sums.begin()));
  }
  return out;
}

TEST(S3Fifo, HitsWithinAPointOfWTinyLfuOrBetter) {
  double worst = 100;
  for (const double skew : {0.7, 0.9, 1.1}) {
    for (const double scans : {0.0, 0.3}) {
      for (const std::size_t entries : {500u, 2'000u}) {
        S3Fifo<int, int> ours(entries * 100);
        WTinyLfu theirs(entries);
        int our_hits = 0, their_hits = 0, asked = 0;
        for (const int key : trace(skew, scans, 5)) {
          const bool hit = ours.find(key) != nullptr;
          if (!hit) ours.put(key, 0, 100);
          our_hits += hit ? 1 : 0;
          their_hits += theirs.ask(key) ? 1 : 0;
          ++asked;
        }
        const double better = 100.0 * (our_hits - their_hits) / asked;
        worst = std::min(worst, better);
        EXPECT_GE(better, -1) << "skew " << skew << ", scans " << scans << ", entries " << entries;
      }
    }
  }
  std::printf(
      "figure: hits of S3-FIFO less those of W-TinyLFU on the worst of 12 traces: %+.2f points "
      "(required -1)\n",
      worst);
}

}  // namespace
}  // namespace hawser::store
