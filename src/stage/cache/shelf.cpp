#include "stage/cache/shelf.hpp"

#include "base/random_bytes.hpp"

namespace hawser::stage::cache {

Shelf::Shelf(std::size_t bytes_max, std::string secret)
    : entries_(bytes_max), secret_(secret.empty() ? random_bytes(32) : std::move(secret)) {}

void Shelf::put(const Key& key, EntryPtr entry) {
  const std::size_t size = entry->size();
  entries_.put(key, std::move(entry), size);
}

std::size_t Shelf::purge(const Purge& purge) {
  ++purges_;  // before: who puts back what he read earlier sees it afterwards
  const auto now = WallClock::now();
  return entries_.erase_if([&](const Key&, const EntryPtr& entry) {
    return (purge.tenant.empty() || purge.tenant == entry->tenant) &&
           (purge.model.empty() || purge.model == entry->model) &&
           entry->age(now) >= purge.older_than;
  });
}

bool Shelf::begin_refresh(const Key& key) {
  const std::lock_guard lock(mutex_);
  return refreshing_.insert(key).second;
}

void Shelf::end_refresh(const Key& key) {
  const std::lock_guard lock(mutex_);
  refreshing_.erase(key);
}

}  // namespace hawser::stage::cache
