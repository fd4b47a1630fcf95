#include "store/disk_table.hpp"

#include <cstdio>
#include <string_view>
#include <utility>

#include "telemetry/log.hpp"

namespace hawser::store {
namespace {

constexpr std::int64_t application_id = 0x68617773;  // "haws"
constexpr std::int64_t version = 1;
constexpr std::uint64_t page_size = 4096;
constexpr std::size_t touched_max = 64;

// Exclusive: without it the index of the log is mapped memory, and a full disk a SIGBUS.
constexpr const char* exclusive = "PRAGMA locking_mode=EXCLUSIVE";
constexpr const char* settings[] = {
    "PRAGMA page_size=4096",     "PRAGMA auto_vacuum=INCREMENTAL",
    "PRAGMA journal_mode=WAL",   "PRAGMA synchronous=NORMAL",
    "PRAGMA temp_store=MEMORY",  "PRAGMA journal_size_limit=8388608",
    "PRAGMA cell_size_check=ON", "PRAGMA trusted_schema=OFF",
    "PRAGMA cache_size=-8192",
};

constexpr const char* schema[] = {
    "BEGIN IMMEDIATE",
    R"(CREATE TABLE entry(id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, tenant BLOB NOT NULL,
       model TEXT NOT NULL, stored INTEGER NOT NULL, ttl INTEGER NOT NULL, size INTEGER NOT NULL,
       read INTEGER NOT NULL, sealed BLOB NOT NULL))",
    "CREATE INDEX entry_read ON entry(read)",
    "CREATE INDEX entry_tenant ON entry(tenant)",
    "CREATE INDEX entry_end ON entry(stored + ttl)",
    "PRAGMA application_id=0x68617773",
    "PRAGMA user_version=1",
    "COMMIT",
};

std::string_view view(const DiskKey& key) {
  return {reinterpret_cast<const char*>(key.data()), key.size()};
}

std::int64_t to_number(WallTime time) {
  return time.time_since_epoch().count();
}

bool good(sqlite::Outcome outcome) {
  return outcome == sqlite::Outcome::done || outcome == sqlite::Outcome::row;
}

}  // namespace

DiskTable::DiskTable(std::string path, std::uint64_t size_max)
    : path_(std::move(path)), size_max_(size_max) {}

DiskTable::~DiskTable() {
  flush_touched();
  commit();
}

bool DiskTable::open() {
  if (database_.ok()) return true;
  const auto now = Clock::now();
  if (now < next_try_) return false;
  next_try_ = now + 1s;
  sqlite::Outcome outcome = try_open();
  if (outcome == sqlite::Outcome::corrupt) {
    set_aside();
    outcome = try_open();
  }
  if (!good(outcome)) failed(outcome, "open");
  return database_.ok();
}

sqlite::Outcome DiskTable::try_open() {
  close();
  sqlite::Outcome outcome = sqlite::Outcome::failed;
  database_ = sqlite::Database(path_, outcome);
  if (!database_.ok()) return outcome;
  bool empty = false;
  database_.run(exclusive);
  outcome = examine(empty);
  for (const char* setting : settings) {
    if (good(outcome)) outcome = database_.run(setting);
  }
  if (good(outcome) && empty) outcome = make_schema();
  if (good(outcome) && !prepare()) outcome = sqlite::Outcome::corrupt;
  if (!good(outcome)) {
    close();
    return outcome;
  }
  reads_ = database_.number("SELECT max(read) FROM entry", 0);
  entries_ = static_cast<std::uint64_t>(database_.number("SELECT count(*) FROM entry", 0));
  entries_committed_ = entries_;
  if (begin() && good(make_room(0)) && commit()) database_.run("PRAGMA incremental_vacuum");
  if (!database_.ok()) return sqlite::Outcome::corrupt;
  // Behind make_room(): a fence, should its estimate be too low.
  database_.run("PRAGMA max_page_count=" + std::to_string(size_max_ / page_size));
  measure();
  return sqlite::Outcome::done;
}

sqlite::Outcome DiskTable::examine(bool& empty) {
  sqlite::Statement tables = database_.prepare("SELECT count(*) FROM sqlite_schema");
  if (!tables) return database_.run("SELECT count(*) FROM sqlite_schema");  // says why
  const auto outcome = tables.step();
  if (outcome != sqlite::Outcome::row) return outcome;
  empty = tables.number(0) == 0;
  if (empty) return sqlite::Outcome::done;
  tables.reset();
  if (database_.number("PRAGMA application_id", 0) != application_id) {
    return sqlite::Outcome::foreign;
  }
  const bool known = database_.number("PRAGMA user_version", 0) == version;
  return known ? sqlite::Outcome::done : sqlite::Outcome::corrupt;
}

sqlite::Outcome DiskTable::make_schema() {
  for (const char* statement : schema) {
    if (const auto made = database_.run(statement); !good(made)) return made;
  }
  return sqlite::Outcome::done;
}

bool DiskTable::prepare() {
  Statements all;
  all.get =
      database_.prepare("SELECT id, tenant, model, stored, ttl, sealed FROM entry WHERE key = ?1");
  all.put = database_.prepare(
      "INSERT INTO entry(key, tenant, model, stored, ttl, size, read, sealed) "
      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  all.erase = database_.prepare("DELETE FROM entry WHERE key = ?1");
  all.touch = database_.prepare("UPDATE entry SET read = ?1 WHERE id = ?2");
  all.evict = database_.prepare(
      "DELETE FROM entry WHERE id = (SELECT id FROM entry ORDER BY read LIMIT 1)");
  all.purge = database_.prepare(
      "DELETE FROM entry WHERE id IN (SELECT id FROM entry WHERE (?1 = x'' OR tenant = ?1) AND "
      "(?2 = '' OR model = ?2) AND stored <= ?3 LIMIT 256)");
  all.sweep = database_.prepare(
      "DELETE FROM entry WHERE id IN (SELECT id FROM entry WHERE stored + ttl < ?1 LIMIT 256)");
  all.pages = database_.prepare("PRAGMA page_count");
  all.free = database_.prepare("PRAGMA freelist_count");
  const bool whole = all.get && all.put && all.erase && all.touch && all.evict && all.purge &&
                     all.sweep && all.pages && all.free;
  if (whole) statements_.emplace(std::move(all));
  return whole;
}

DiskTable::Outcome DiskTable::get(const DiskKey& key, DiskRow& row) {
  if (!open()) return Outcome::unavailable;
  auto& get = statements_->get;
  const auto outcome = get.bind_blob(1, view(key)).step();
  if (outcome == sqlite::Outcome::row) {
    const std::int64_t id = get.number(0);
    row.key = key;
    row.tenant = get.bytes(1);
    row.model = get.bytes(2);
    row.stored = WallTime(milliseconds(get.number(3)));
    row.ttl = milliseconds(get.number(4));
    row.sealed = get.bytes(5);
    get.reset();
    touched_.push_back(id);
    if (touched_.size() >= touched_max) {
      flush_touched();
      if (uncommitted_ == 0) commit();
    }
    return Outcome::done;
  }
  get.reset();
  return good(outcome) ? Outcome::nothing : failed(outcome, "get");
}

DiskTable::Outcome DiskTable::put(const DiskRow& row) {
  if (!open()) return Outcome::unavailable;
  const std::uint64_t size = row.sealed.size() + row.model.size();
  if (size > size_max_ / 10) return Outcome::too_large;
  flush_touched();
  if (!open() || !begin()) return Outcome::unavailable;
  if (erase(row.key) == Outcome::unavailable) return Outcome::unavailable;
  auto outcome = make_room(size);
  if (good(outcome)) {
    outcome = statements_->put.bind_blob(1, view(row.key))
                  .bind_blob(2, row.tenant)
                  .bind_text(3, row.model)
                  .bind(4, to_number(row.stored))
                  .bind(5, row.ttl.count())
                  .bind(6, static_cast<std::int64_t>(row.sealed.size()))
                  .bind(7, ++reads_)
                  .bind_blob(8, row.sealed)
                  .run();
  }
  if (!good(outcome)) return failed(outcome, "put");
  ++entries_;
  ++uncommitted_;
  return Outcome::done;
}

DiskTable::Outcome DiskTable::erase(const DiskKey& key) {
  if (!open()) return Outcome::unavailable;
  const auto outcome = statements_->erase.bind_blob(1, view(key)).run();
  if (!good(outcome)) return failed(outcome, "erase");
  if (database_.changed() == 0) return Outcome::nothing;
  --entries_;
  return Outcome::done;
}

bool DiskTable::begin() {
  if (database_.in_transaction()) return true;
  const auto outcome = database_.run("BEGIN IMMEDIATE");
  if (!good(outcome)) failed(outcome, "begin");
  return good(outcome);
}

bool DiskTable::commit() {
  if (!database_.ok() || !database_.in_transaction()) return true;
  const auto outcome = database_.run("COMMIT");
  if (!good(outcome)) {
    failed(outcome, "commit");
    return false;
  }
  uncommitted_ = 0;
  entries_committed_ = entries_;
  measure();
  return true;
}

std::optional<std::size_t> DiskTable::purge(std::string_view tenant, std::string_view model,
                                            WallTime stored_before) {
  commit();
  if (!open()) return std::nullopt;
  database_.run("PRAGMA secure_delete=ON");
  std::size_t purged = 0;
  auto outcome = sqlite::Outcome::done;
  for (std::int64_t some = 1; some > 0 && good(outcome);) {
    // In parts, so that the log stays short.
    outcome = statements_->purge.bind_blob(1, tenant.empty() ? "" : tenant)
                  .bind_text(2, model.empty() ? "" : model)
                  .bind(3, to_number(stored_before))
                  .run();
    some = good(outcome) ? database_.changed() : 0;
    purged += static_cast<std::size_t>(some);
    entries_ = entries_committed_ -= static_cast<std::uint64_t>(some);
  }
  if (good(outcome)) outcome = database_.run("PRAGMA wal_checkpoint(TRUNCATE)");
  if (!good(outcome)) {
    failed(outcome, "purge");
    return std::nullopt;
  }
  database_.run("PRAGMA secure_delete=FAST");
  database_.run("PRAGMA incremental_vacuum");
  measure();
  return purged;
}

void DiskTable::sweep(WallTime now) {
  if (!open() || !begin()) return;
  const auto outcome = statements_->sweep.bind(1, to_number(now)).run();
  if (good(outcome)) {
    entries_ -= static_cast<std::uint64_t>(database_.changed());
  } else {
    failed(outcome, "sweep");
  }
}

sqlite::Outcome DiskTable::make_room(std::uint64_t size) {
  const auto number = [](sqlite::Statement& statement) -> std::uint64_t {
    const bool row = statement.step() == sqlite::Outcome::row;
    const std::int64_t found = row ? statement.number(0) : 0;
    statement.reset();
    return static_cast<std::uint64_t>(found);
  };
  // Its place in the indices, the rest of its last page, and pages about pages.
  const std::uint64_t needed = size == 0 ? 0 : size + size / 64 + 8 * page_size;
  for (;;) {
    bytes_ = (number(statements_->pages) - number(statements_->free)) * page_size;
    if (bytes_ + needed <= size_max_) return sqlite::Outcome::done;
    const auto outcome = statements_->evict.run();
    if (!good(outcome)) return outcome;
    if (database_.changed() == 0) return sqlite::Outcome::done;
    --entries_;
  }
}

/// Which ones were read is written with others, for it is not worth a write of its own.
void DiskTable::flush_touched() {
  if (touched_.empty() || !database_.ok() || !begin()) return;
  std::vector<std::int64_t> touched;
  touched.swap(touched_);
  for (const std::int64_t id : touched) {
    const auto outcome = statements_->touch.bind(1, ++reads_).bind(2, id).run();
    if (good(outcome)) continue;
    failed(outcome, "touch");
    return;
  }
}

void DiskTable::measure() {
  bytes_ = static_cast<std::uint64_t>(database_.number("PRAGMA page_count", 0) -
                                      database_.number("PRAGMA freelist_count", 0)) *
           page_size;
}

DiskTable::Outcome DiskTable::failed(sqlite::Outcome outcome, const char* doing) {
  if (outcome == sqlite::Outcome::corrupt) {
    set_aside();
    next_try_ = {};
    return Outcome::unavailable;
  }
  if (database_.ok()) {
    if (database_.in_transaction()) database_.run("ROLLBACK");
    entries_ = entries_committed_;
    lost_ += std::exchange(uncommitted_, 0);
    measure();
  }
  if (const auto now = Clock::now(); now >= next_log_) {
    next_log_ = now + 1min;
    const char* why = outcome == sqlite::Outcome::full      ? "full"
                      : outcome == sqlite::Outcome::foreign ? "a database of something else"
                                                            : "failed";
    log::error("the cache's disk does not serve",
               {{"doing", log::safe(doing)}, {"why", log::safe(why)}});
  }
  return Outcome::unavailable;
}

void DiskTable::close() {
  statements_.reset();
  touched_.clear();
  database_ = sqlite::Database();
  lost_ += std::exchange(uncommitted_, 0);
  bytes_ = entries_ = entries_committed_ = 0;
}

/// One broken file is kept, for who wants to know what befell it.
void DiskTable::set_aside() {
  close();
  std::rename(path_.c_str(), (path_ + ".corrupt").c_str());
  for (const char* beside : {"-wal", "-shm", "-journal"}) std::remove((path_ + beside).c_str());
  log::warn("the cache's file was broken: it is set aside and begun anew", {});
}

}  // namespace hawser::store
