#pragma once

#include <array>
#include <cstring>
#include <list>
#include <optional>
#include <unordered_map>

#include "base/clock.hpp"
#include "stage/guard/verdict.hpp"

namespace hawser::stage::guard {

/// Digest of a text and of who asks.
using TextKey = std::array<unsigned char, 32>;

/// Verdicts of one worker that still hold; beyond `most` the oldest goes. Pure.
class KeptVerdicts {
 public:
  KeptVerdicts(std::size_t most, milliseconds kept) : most_(most), kept_(kept) {}

  const Verdict* find(const TextKey& key, Clock::time_point now) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    if (now < found->second->until) return &found->second->verdict;
    entries_.erase(found->second);
    places_.erase(found);
    return nullptr;
  }
  void put(const TextKey& key, const Verdict& verdict, Clock::time_point now) {
    if (most_ == 0 || kept_ == 0ms || places_.count(key) != 0) return;
    if (entries_.size() == most_) {
      places_.erase(entries_.front().key);
      entries_.pop_front();
    }
    entries_.push_back({key, verdict, now + kept_});
    places_.emplace(key, std::prev(entries_.end()));
  }
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    TextKey key;
    Verdict verdict;
    Clock::time_point until;
  };
  struct Hash {
    std::size_t operator()(const TextKey& key) const noexcept {
      std::size_t value = 0;
      std::memcpy(&value, key.data(), sizeof value);
      return value;
    }
  };
  std::size_t most_;
  milliseconds kept_;
  std::list<Entry> entries_{};  // the oldest in front
  std::unordered_map<TextKey, std::list<Entry>::iterator, Hash> places_{};
};

}  // namespace hawser::stage::guard
