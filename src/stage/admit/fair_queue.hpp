#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "stage/admit/config.hpp"

namespace hawser::stage::admit {

/// Who waits for the same limit, served fairly: of the tenants in a band the one that was given
/// least for its weight goes next (virtual token counters, arXiv 2401.00588); a tenant that comes
/// back starts at the least of those who wait. High priority goes first, and every tenth turn is
/// the lowest band's. Pure.
template <class Item>
class FairQueue {
 public:
  void push(const std::string& tenant, std::uint32_t weight, Priority priority, std::uint64_t cost,
            Item item) {
    Band& band = bands_[static_cast<std::size_t>(priority)];
    Lane& lane = band.lanes[tenant];
    lane.weight = weight;
    if (lane.items.empty()) lane.served = std::max(lane.served, band.least());
    lane.items.push_back({cost, std::move(item)});
    ++band.size;
  }

  bool empty() const { return size() == 0; }
  std::size_t size() const { return bands_[0].size + bands_[1].size + bands_[2].size; }
  std::size_t waiting_of(const std::string& tenant, Priority priority) const {
    const auto& lanes = bands_[static_cast<std::size_t>(priority)].lanes;
    const auto found = lanes.find(tenant);
    return found == lanes.end() ? 0 : found->second.items.size();
  }

  /// The next one, which stays; null: nobody waits.
  Item* front() {
    Lane* lane = next_lane(next_band());
    return lane == nullptr ? nullptr : &lane->items.front().item;
  }
  /// Takes the one that front() gave, and counts it as served.
  void pop() {
    Band* band = next_band();
    Lane* lane = next_lane(band);
    lane->served += static_cast<double>(lane->items.front().cost) / lane->weight;
    band->floor = lane->served;
    lane->items.pop_front();
    --band->size;
    ++turns_;
    forget_idle(*band);
  }
  /// Takes one that gave up.
  template <class Is>
  bool remove(const std::string& tenant, Priority priority, Is is) {
    Band& band = bands_[static_cast<std::size_t>(priority)];
    const auto found = band.lanes.find(tenant);
    if (found == band.lanes.end()) return false;
    auto& items = found->second.items;
    for (auto at = items.begin(); at != items.end(); ++at) {
      if (!is(at->item)) continue;
      items.erase(at);
      --band.size;
      return true;
    }
    return false;
  }

 private:
  static constexpr std::uint64_t floor_every = 10;
  struct Entry {
    std::uint64_t cost;
    Item item;
  };
  struct Lane {
    std::uint32_t weight = 1;
    double served = 0;
    std::deque<Entry> items{};
  };
  struct Band {
    std::map<std::string, Lane> lanes{};
    std::size_t size = 0;
    double floor = 0;  // what the last one served had been given

    double least() const {
      double least = -1;
      for (const auto& [name, lane] : lanes) {
        if (!lane.items.empty() && (least < 0 || lane.served < least)) least = lane.served;
      }
      return least < 0 ? floor : least;
    }
  };

  Band* next_band() {
    Band* first = nullptr;
    Band* last = nullptr;
    for (Band& band : bands_) {
      if (band.size == 0) continue;
      if (first == nullptr) first = &band;
      last = &band;
    }
    return turns_ % floor_every == floor_every - 1 ? last : first;
  }
  static Lane* next_lane(Band* band) {
    Lane* next = nullptr;
    if (band == nullptr) return nullptr;
    for (auto& [name, lane] : band->lanes) {
      if (lane.items.empty()) continue;
      if (next == nullptr || lane.served < next->served) next = &lane;
    }
    return next;
  }
  /// Lanes that nobody waits in are only worth keeping while they are ahead of the others.
  static void forget_idle(Band& band) {
    if (band.lanes.size() < 64) return;
    const double least = band.least();
    std::erase_if(band.lanes, [least](const auto& entry) {
      return entry.second.items.empty() && entry.second.served <= least;
    });
  }

  Band bands_[3];
  std::uint64_t turns_ = 0;
};

}  // namespace hawser::stage::admit
