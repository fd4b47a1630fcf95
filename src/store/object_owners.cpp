#include "store/object_owners.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "store/sqlite.hpp"

namespace hawser::store {
namespace {

using sqlite::Outcome;
using namespace std::chrono_literals;

/// With the provider's length in front: no two objects look alike.
std::string key_of(const ObjectOwners::Object& object) {
  std::string key(1, static_cast<char>(object.kind));
  key.append(std::to_string(object.provider.size())).append(":").append(object.provider);
  return key.append(object.id);
}
std::uint8_t kind_of(const std::string& key) {
  return static_cast<std::uint8_t>(key.front());
}

sqlite::Database open(const std::string& path) {
  Outcome outcome = Outcome::failed;
  sqlite::Database database(path, outcome);
  const bool ready = database.ok() && outcome == Outcome::done &&
                     database.run("PRAGMA journal_mode = WAL") != Outcome::corrupt &&
                     database.run("PRAGMA synchronous = NORMAL") == Outcome::done &&
                     database.run(
                         "CREATE TABLE IF NOT EXISTS owners (number INTEGER PRIMARY KEY, "
                         "object BLOB NOT NULL UNIQUE, tenant TEXT NOT NULL)") == Outcome::done;
  if (!ready) throw std::runtime_error("objects: " + path + " cannot be opened as their file");
  return database;
}

}  // namespace

ObjectOwners::ObjectOwners(Options options, Trouble trouble)
    : options_(std::move(options)), trouble_(std::move(trouble)) {
  if (options_.path.empty()) return;
  load();
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "hawser-objects");
    run();
  });
}

ObjectOwners::~ObjectOwners() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

/// @return false: it has an owner
bool ObjectOwners::insert(std::string key, std::string_view tenant, std::vector<Row>& forgotten) {
  const std::lock_guard lock(known_);
  auto owner = tenants_.find(tenant);
  if (owner == tenants_.end()) {
    owner = tenants_.try_emplace(std::string(tenant)).first;
    owner->second.name = tenant;
  }
  Tenant& of = owner->second;
  if (!owners_.emplace(key, &of).second) return false;
  ++of.size;
  of.kinds[kind_of(key)].keys.push_back(std::move(key));
  while (owners_.size() > std::max<std::size_t>(1, options_.entries_max)) make_room(forgotten);
  return true;
}

/// Under the lock. Linear in the tenants and kinds, which are few; the newest object of a tenant
/// that has the most goes only where it has no other.
void ObjectOwners::make_room(std::vector<Row>& forgotten) {
  const auto most =
      std::max_element(tenants_.begin(), tenants_.end(),
                       [](const auto& a, const auto& b) { return a.second.size < b.second.size; });
  Tenant& tenant = most->second;
  const auto kind = std::max_element(
      tenant.kinds.begin(), tenant.kinds.end(),
      [](const auto& a, const auto& b) { return a.second.keys.size() < b.second.keys.size(); });
  auto& keys = kind->second.keys;
  owners_.erase(keys.front());
  forgotten.push_back({std::move(keys.front()), {}, true});
  keys.pop_front();
  if (keys.empty()) tenant.kinds.erase(kind);
  if (--tenant.size == 0) tenants_.erase(most);
}

void ObjectOwners::add(const Object& object, std::string_view tenant) {
  if (object.id.empty() || object.id.size() > id_max) return;
  std::string key = key_of(object);
  std::vector<Row> rows{{key, std::string(tenant), false}};
  if (!insert(std::move(key), tenant, rows)) return;
  if (thread_.joinable()) tell_file(std::move(rows));
}

void ObjectOwners::tell_file(std::vector<Row> rows) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= waiting_max) return;  // it is known until the process ends
    std::move(rows.begin(), rows.end(), std::back_inserter(waiting_));
  }
  changed_.notify_one();
}

bool ObjectOwners::owns(std::string_view tenant, const Object& object) const {
  const std::string key = key_of(object);
  const std::shared_lock lock(known_);
  const auto found = owners_.find(key);
  return found != owners_.end() && found->second->name == tenant;
}

std::size_t ObjectOwners::size() const {
  const std::shared_lock lock(known_);
  return owners_.size();
}

bool ObjectOwners::flush(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return settled_.wait_for(lock, patience, [this] { return waiting_.empty() && !writing_; });
}

void ObjectOwners::load() {
  std::vector<Row> forgotten;
  {
    auto database = open(options_.path);
    auto rows = database.prepare("SELECT object, tenant FROM owners ORDER BY number");
    while (rows.step() == Outcome::row) {
      std::string key(rows.bytes(0));
      if (!key.empty()) insert(std::move(key), rows.bytes(1), forgotten);
    }
  }
  if (!forgotten.empty()) tell_file(std::move(forgotten));  // the bound is lower than it was
}

bool ObjectOwners::commit(const std::vector<Row>& rows) {
  try {
    auto database = open(options_.path);
    if (database.run("BEGIN IMMEDIATE") != Outcome::done) return false;
    auto insertion =
        database.prepare("INSERT OR IGNORE INTO owners (object, tenant) VALUES (?, ?)");
    auto removal = database.prepare("DELETE FROM owners WHERE object = ?");
    for (const Row& row : rows) {
      auto& statement = row.forgotten ? removal : insertion;
      statement.bind_blob(1, row.key);
      if (!row.forgotten) statement.bind_text(2, row.tenant);
      if (statement.run() != Outcome::done) return false;
      statement.reset();
    }
    return database.run("COMMIT") == Outcome::done;
  } catch (const std::exception&) {
    return false;
  }
}

void ObjectOwners::run() {
  std::unique_lock lock(mutex_);
  bool troubled = false;
  for (;;) {
    changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    auto rows = std::exchange(waiting_, {});
    writing_ = true;
    lock.unlock();
    const bool written = commit(rows);
    if (written == troubled) {
      troubled = !troubled;
      trouble_(troubled ? "the owners of objects cannot be written"
                        : "the owners of objects are written again");
    }
    lock.lock();
    writing_ = false;
    if (written) {
      if (waiting_.empty()) settled_.notify_all();
      continue;
    }
    if (ending_) return;
    waiting_.insert(waiting_.begin(), std::make_move_iterator(rows.begin()),
                    std::make_move_iterator(rows.end()));
    changed_.wait_for(lock, 1s, [this] { return ending_; });
  }
}

}  // namespace hawser::store
