#include "stage/cache/neighbours.hpp"

#include <algorithm>

// Its own prefetching reads behind the end of lists.
#define NO_MANUAL_VECTORIZATION
// Its headers are not clean under our warnings.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wpedantic"
#include <hnswlib/hnswlib.h>
#pragma GCC diagnostic pop

namespace hawser::stage::cache {
namespace {

constexpr std::size_t flat_max = 256;  // fewer are looked at one by one
constexpr std::size_t links = 16;
constexpr std::size_t effort = 100;  // candidates while the graph is built
constexpr std::size_t nearest_max = 8;
constexpr double borrowed = 2'000;  // observations of a model's other questions, at most

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

}  // namespace

/// Small ones are a list, large ones a graph (HNSW) over it.
class Neighbours::Group {
 public:
  struct Item {
    Vector vector{};
    Entry entry{};
    Belief belief{};
  };
  std::unordered_map<std::uint64_t, Item> items;

  /// @param total  of the shard, which outlives it
  explicit Group(std::size_t& total) : total_(total) {}
  ~Group() { total_ -= bytes_; }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  /// With the graph's copy and its links, by which the nearest ones are found.
  static std::size_t bytes_of(const Vector& vector, const Entry& entry) {
    constexpr std::size_t beside = 1'024;
    return 2 * vector.size() * sizeof(float) + entry.question.size() + entry.tenant.size() +
           entry.model.size() + beside;
  }

  bool fits(const Vector& vector) const {
    return items.empty() || items.begin()->second.vector.size() == vector.size();
  }
  void put(std::uint64_t id, Item item) {
    grow(bytes_of(item.vector, item.entry));
    const Item& kept = items.emplace(id, std::move(item)).first->second;
    if (graph_) {
      link(id, kept);
    } else if (items.size() > flat_max) {
      build();
    }
  }
  void take_out(std::uint64_t id) {
    const auto item = items.find(id);
    if (item == items.end()) return;
    shrink(bytes_of(item->second.vector, item->second.entry));
    items.erase(item);
    if (!graph_) return;
    graph_->markDelete(id);
    if (items.size() <= flat_max / 2) {
      graph_.reset();
    } else if (graph_->cur_element_count > 2 * items.size()) {
      build();
    }
  }
  std::vector<std::uint64_t> nearest(const Vector& vector) {
    std::vector<std::pair<double, std::uint64_t>> near;
    if (graph_) {
      auto found = graph_->searchKnn(vector.data(), nearest_max);
      for (; !found.empty(); found.pop()) near.emplace_back(found.top());
    } else {
      for (const auto& [id, item] : items) near.emplace_back(-dot(vector, item.vector), id);
    }
    const auto count = std::min(near.size(), nearest_max);
    std::partial_sort(near.begin(), near.begin() + static_cast<std::ptrdiff_t>(count), near.end());
    std::vector<std::uint64_t> ids;
    for (std::size_t i = 0; i < count; ++i) ids.push_back(near[i].second);
    return ids;
  }

 private:
  void grow(std::size_t bytes) {
    bytes_ += bytes;
    total_ += bytes;
  }
  void shrink(std::size_t bytes) {
    bytes_ -= bytes;
    total_ -= bytes;
  }
  void build() {
    const std::size_t dimensions = items.begin()->second.vector.size();
    space_ = std::make_unique<hnswlib::InnerProductSpace>(dimensions);
    graph_ = std::make_unique<hnswlib::HierarchicalNSW<float>>(space_.get(), 2 * items.size(),
                                                               links, effort);
    graph_->setEf(64);
    for (const auto& [id, item] : items) link(id, item);
  }
  void link(std::uint64_t id, const Item& item) {
    if (graph_->cur_element_count == graph_->max_elements_) {
      graph_->resizeIndex(2 * graph_->max_elements_);
    }
    graph_->addPoint(item.vector.data(), id);
  }

  std::size_t& total_;
  std::size_t bytes_ = 0;
  std::unique_ptr<hnswlib::InnerProductSpace> space_;
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> graph_;
};

Neighbours::Neighbours(std::size_t entries_max, std::size_t bytes_max)
    : most_a_shard_(entries_max / shards + 1), bytes_a_shard_(bytes_max / shards) {}
Neighbours::~Neighbours() = default;

std::vector<Neighbours::Found> Neighbours::nearest(const Key& context, const Vector& vector) {
  std::vector<Found> all;
  Shard& shard = shard_of(context);
  const std::lock_guard lock(shard.mutex);
  const auto group = shard.groups.find(context);
  if (group == shard.groups.end() || !group->second->fits(vector)) return all;
  for (const auto id : group->second->nearest(vector)) {
    const Group::Item& item = group->second->items.at(id);
    all.push_back({id, item.entry.key, item.entry.question, dot(vector, item.vector), item.belief});
  }
  return all;
}

/// The oldest go first; those that are gone already only leave their place in the line.
void Neighbours::make_room(Shard& shard, std::size_t bytes) const {
  const auto full = [&] {
    return shard.size >= most_a_shard_ || (shard.size > 0 && shard.bytes + bytes > bytes_a_shard_);
  };
  while (full() && !shard.oldest.empty()) {
    const auto [context, id] = shard.oldest.front();
    shard.oldest.pop_front();
    const auto group = shard.groups.find(context);
    if (group == shard.groups.end() || group->second->items.count(id) == 0) continue;
    group->second->take_out(id);
    --shard.size;
    if (group->second->items.empty()) shard.groups.erase(group);
  }
}

void Neighbours::add(const Key& context, const Vector& vector, Entry entry) {
  Belief prior;
  {
    const std::lock_guard lock(models_mutex_);
    prior = models_[entry.model].as_prior(borrowed);
  }
  Shard& shard = shard_of(context);
  const std::lock_guard lock(shard.mutex);
  make_room(shard, Group::bytes_of(vector, entry));
  auto& group = shard.groups[context];
  if (group && !group->fits(vector)) {  // of another embedding model
    shard.size -= group->items.size();
    group.reset();
  }
  if (!group) group = std::make_unique<Group>(shard.bytes);
  const std::uint64_t id = next_++;
  group->put(id, {vector, std::move(entry), prior});
  shard.oldest.emplace_back(context, id);
  ++shard.size;
  if (shard.oldest.size() <= 2 * most_a_shard_) return;
  std::erase_if(shard.oldest, [&](const auto& place) {
    const auto found = shard.groups.find(place.first);
    return found == shard.groups.end() || found->second->items.count(place.second) == 0;
  });
}

void Neighbours::observe(const Key& context, std::uint64_t id, double similarity, bool right) {
  std::string model;
  {
    Shard& shard = shard_of(context);
    const std::lock_guard lock(shard.mutex);
    const auto group = shard.groups.find(context);
    if (group == shard.groups.end()) return;
    const auto item = group->second->items.find(id);
    if (item == group->second->items.end()) return;
    if (!right) item->second.belief = Belief();  // what holds for others does not for this one
    item->second.belief.observe(similarity, right);
    model = item->second.entry.model;
  }
  const std::lock_guard lock(models_mutex_);
  models_[model].observe(similarity, right);
}

void Neighbours::erase(const Key& context, std::uint64_t id) {
  Shard& shard = shard_of(context);
  const std::lock_guard lock(shard.mutex);
  const auto group = shard.groups.find(context);
  if (group == shard.groups.end() || group->second->items.count(id) == 0) return;
  group->second->take_out(id);
  --shard.size;
  if (group->second->items.empty()) shard.groups.erase(group);
}

std::size_t Neighbours::erase_if(const std::function<bool(const Key& answer)>& gone) {
  std::size_t count = 0;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (auto group = shard.groups.begin(); group != shard.groups.end();) {
      std::vector<std::uint64_t> ids;
      for (const auto& [id, item] : group->second->items) {
        if (gone(item.entry.key)) ids.push_back(id);
      }
      for (const auto id : ids) group->second->take_out(id);
      count += ids.size();
      shard.size -= ids.size();
      group = group->second->items.empty() ? shard.groups.erase(group) : std::next(group);
    }
  }
  return count;
}

std::size_t Neighbours::size() const {
  std::size_t sum = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.size;
  }
  return sum;
}

}  // namespace hawser::stage::cache
