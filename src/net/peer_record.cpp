#include "net/peer_record.hpp"

#include <map>
#include <mutex>

namespace hawser::net {
namespace {

struct Book {
  std::mutex mutex{};
  std::map<std::string, std::weak_ptr<PeerRecord>> records{};
};
Book& book() {
  static Book all;
  return all;
}

}  // namespace

std::shared_ptr<PeerRecord> PeerRecord::of(const std::string& name) {
  const std::lock_guard lock(book().mutex);
  std::erase_if(book().records, [](const auto& entry) { return entry.second.expired(); });
  auto& kept = book().records[name];
  if (auto record = kept.lock()) return record;
  auto record = std::make_shared<PeerRecord>();
  record->name = name;
  kept = record;
  return record;
}

std::vector<std::shared_ptr<PeerRecord>> PeerRecord::all() {
  const std::lock_guard lock(book().mutex);
  std::vector<std::shared_ptr<PeerRecord>> out;
  for (const auto& [name, kept] : book().records) {
    if (auto record = kept.lock()) out.push_back(std::move(record));
  }
  return out;
}

}  // namespace hawser::net
