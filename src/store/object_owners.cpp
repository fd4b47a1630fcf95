#include "store/object_owners.hpp"

#include <pthread.h>

#include <chrono>
#include <stdexcept>
#include <utility>

#include "store/sqlite.hpp"

namespace hawser::store {
namespace {

using sqlite::Outcome;
using namespace std::chrono_literals;

std::string key_of(std::uint8_t kind, std::string_view id) {
  std::string key(1, static_cast<char>(kind));
  return key.append(id);
}

sqlite::Database open(const std::string& path) {
  Outcome outcome = Outcome::failed;
  sqlite::Database database(path, outcome);
  const bool ready = database.ok() && outcome == Outcome::done &&
                     database.run("PRAGMA journal_mode = WAL") != Outcome::corrupt &&
                     database.run("PRAGMA synchronous = NORMAL") == Outcome::done &&
                     database.run(
                         "CREATE TABLE IF NOT EXISTS objects (number INTEGER PRIMARY KEY, "
                         "kind INTEGER NOT NULL, id TEXT NOT NULL, tenant TEXT NOT NULL, "
                         "UNIQUE (kind, id))") == Outcome::done;
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

ObjectOwners::Shard& ObjectOwners::shard_of(const std::string& key) {
  return shards_[std::hash<std::string>{}(key) % shards];
}
const ObjectOwners::Shard& ObjectOwners::shard_of(const std::string& key) const {
  return shards_[std::hash<std::string>{}(key) % shards];
}

/// @return false: it has an owner
bool ObjectOwners::insert(const std::string& key, std::string_view tenant) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  if (!shard.owners.emplace(key, tenant).second) return false;
  shard.order.push_back(key);
  while (shard.order.size() > std::max<std::size_t>(1, options_.entries_max / shards)) {
    shard.owners.erase(shard.order.front());
    shard.order.pop_front();
  }
  return true;
}

void ObjectOwners::add(std::uint8_t kind, std::string_view id, std::string_view tenant) {
  if (id.empty() || id.size() > id_max || !insert(key_of(kind, id), tenant)) return;
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= waiting_max) return;  // it is known until the process ends
    waiting_.push_back({kind, std::string(id), std::string(tenant)});
  }
  changed_.notify_one();
}

std::optional<std::string> ObjectOwners::owner_of(std::uint8_t kind, std::string_view id) const {
  const std::string key = key_of(kind, id);
  const Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.owners.find(key);
  if (found == shard.owners.end()) return std::nullopt;
  return found->second;
}

std::size_t ObjectOwners::size() const {
  std::size_t sum = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.owners.size();
  }
  return sum;
}

bool ObjectOwners::flush(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return settled_.wait_for(lock, patience, [this] { return waiting_.empty() && !writing_; });
}

void ObjectOwners::load() {
  auto database = open(options_.path);
  auto rows = database.prepare("SELECT kind, id, tenant FROM objects ORDER BY number");
  while (rows.step() == Outcome::row) {
    const auto kind = static_cast<std::uint8_t>(rows.number(0));
    insert(key_of(kind, rows.bytes(1)), rows.bytes(2));
  }
}

/// Writes rows and lets go of the oldest ones beyond the bound.
bool ObjectOwners::commit(const std::vector<Row>& rows) {
  try {
    auto database = open(options_.path);
    if (database.run("BEGIN IMMEDIATE") != Outcome::done) return false;
    auto insertion =
        database.prepare("INSERT OR IGNORE INTO objects (kind, id, tenant) VALUES (?, ?, ?)");
    for (const Row& row : rows) {
      insertion.bind(1, row.kind).bind_text(2, row.id).bind_text(3, row.tenant);
      if (insertion.run() != Outcome::done) return false;
      insertion.reset();
    }
    const auto newest = database.number("SELECT MAX(number) FROM objects", 0);
    auto trim = database.prepare("DELETE FROM objects WHERE number <= ?");
    trim.bind(1, newest - static_cast<std::int64_t>(options_.entries_max));
    return trim.run() == Outcome::done && database.run("COMMIT") == Outcome::done;
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
