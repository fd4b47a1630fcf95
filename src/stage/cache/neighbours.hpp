#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "stage/cache/belief.hpp"
#include "stage/cache/embedder.hpp"
#include "stage/cache/shelf.hpp"

namespace hawser::stage::cache {

/// Questions whose answers are on the shelf, by what they mean: the nearest of the same context.
/// Shared by the workers; what it keeps is bounded, and gone with a restart.
class Neighbours {
 public:
  Neighbours(std::size_t entries_max, std::size_t bytes_max);
  ~Neighbours();

  struct Found {
    std::uint64_t id = 0;
    Key key{};  // of the answer
    std::string question{};
    double similarity = 0;  // cosine
    Belief belief{};
  };
  /// The nearest ones, at most eight, the nearest first.
  std::vector<Found> nearest(const Key& context, const Vector& vector);

  struct Entry {
    Key key{};  // of the answer
    std::string question{};
    std::string tenant{};
    std::string model{};
  };
  void add(const Key& context, const Vector& vector, Entry entry);
  /// What turned out of a neighbour's answer for another question.
  void observe(const Key& context, std::uint64_t id, double similarity, bool right);
  void erase(const Key& context, std::uint64_t id);
  /// Forgets those whose answer is gone. @return how many
  std::size_t erase_if(const std::function<bool(const Key& answer)>& gone);
  std::size_t size() const;

 private:
  class Group;  // the questions of one context
  struct Shard {
    mutable std::mutex mutex;
    std::size_t bytes = 0;  // of all groups, which count themselves
    std::unordered_map<Key, std::unique_ptr<Group>, KeyHash> groups;
    std::deque<std::pair<Key, std::uint64_t>> oldest;
    std::size_t size = 0;
  };
  static constexpr std::size_t shards = 16;
  Shard& shard_of(const Key& context) { return shards_[KeyHash{}(context) % shards]; }
  void make_room(Shard& shard, std::size_t bytes) const;

  std::size_t most_a_shard_;
  std::size_t bytes_a_shard_;
  std::array<Shard, shards> shards_;
  std::atomic<std::uint64_t> next_{1};
  std::mutex models_mutex_;
  std::map<std::string, Belief> models_;  // what was learned of all questions to one
};

}  // namespace hawser::stage::cache
