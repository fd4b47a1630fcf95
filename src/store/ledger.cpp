#include "store/ledger.hpp"

#include <pthread.h>
#include <sqlite3.h>

#include <limits>
#include <stdexcept>
#include <string_view>

namespace hawser::store {
namespace {

constexpr auto retry_after = 1s;
constexpr std::size_t batch_max = 4096;

constexpr const char* schema = R"sql(
  CREATE TABLE IF NOT EXISTS attempts (
    id INTEGER PRIMARY KEY,
    time_us INTEGER NOT NULL, request_id TEXT NOT NULL, attempt INTEGER NOT NULL,
    tenant TEXT NOT NULL, team TEXT NOT NULL, key TEXT NOT NULL, user TEXT NOT NULL,
    model TEXT NOT NULL, provider TEXT NOT NULL, upstream_model TEXT NOT NULL,
    input INTEGER NOT NULL, cached INTEGER NOT NULL, cache_write INTEGER NOT NULL,
    output INTEGER NOT NULL, reasoning INTEGER NOT NULL, source TEXT NOT NULL,
    price_version TEXT NOT NULL, cost_nano_usd INTEGER NOT NULL, outcome TEXT NOT NULL,
    target TEXT NOT NULL DEFAULT '', address TEXT NOT NULL DEFAULT '',
    operation TEXT NOT NULL DEFAULT '', images INTEGER NOT NULL DEFAULT 0,
    audio_ms INTEGER NOT NULL DEFAULT 0, characters INTEGER NOT NULL DEFAULT 0,
    searches INTEGER NOT NULL DEFAULT 0, cache_write_long INTEGER NOT NULL DEFAULT 0,
    audio_input INTEGER NOT NULL DEFAULT 0, audio_output INTEGER NOT NULL DEFAULT 0,
    image_input INTEGER NOT NULL DEFAULT 0, image_output INTEGER NOT NULL DEFAULT 0,
    service_tier TEXT NOT NULL DEFAULT '');
  CREATE INDEX IF NOT EXISTS attempts_by_time ON attempts (time_us);
  CREATE TRIGGER IF NOT EXISTS attempts_stay BEFORE UPDATE ON attempts
    BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;
)sql";

constexpr const char* insertion =
    "INSERT INTO attempts (time_us, request_id, attempt, tenant, team, key, user, model, provider, "
    "upstream_model, input, cached, cache_write, output, reasoning, source, price_version, "
    "cost_nano_usd, outcome, target, address, operation, images, audio_ms, characters, searches, "
    "cache_write_long, audio_input, audio_output, image_input, image_output, service_tier) "
    "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

/// Of a file that an older version began.
struct Column {
  const char* name;
  const char* type;
};
constexpr Column later_columns[] = {{"target", "TEXT NOT NULL DEFAULT ''"},
                                    {"address", "TEXT NOT NULL DEFAULT ''"},
                                    {"operation", "TEXT NOT NULL DEFAULT ''"},
                                    {"images", "INTEGER NOT NULL DEFAULT 0"},
                                    {"audio_ms", "INTEGER NOT NULL DEFAULT 0"},
                                    {"characters", "INTEGER NOT NULL DEFAULT 0"},
                                    {"searches", "INTEGER NOT NULL DEFAULT 0"},
                                    {"cache_write_long", "INTEGER NOT NULL DEFAULT 0"},
                                    {"audio_input", "INTEGER NOT NULL DEFAULT 0"},
                                    {"audio_output", "INTEGER NOT NULL DEFAULT 0"},
                                    {"image_input", "INTEGER NOT NULL DEFAULT 0"},
                                    {"image_output", "INTEGER NOT NULL DEFAULT 0"},
                                    {"service_tier", "TEXT NOT NULL DEFAULT ''"}};

// SQLite's SUM fails where it does not fit: whole dollars and the rest are summed apart.
constexpr const char* sums =
    "SELECT tenant, team, key, user, model, target, address, SUM(cost_nano_usd / 1000000000), "
    "SUM(cost_nano_usd % 1000000000) FROM attempts "
    "WHERE time_us >= ? GROUP BY tenant, team, key, user, model, target, address";

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

/// Of amounts that are not negative.
std::int64_t saturating_sum(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? largest : sum;
}

std::string text_of(sqlite3_stmt* row, int column) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(row, column));
  return text == nullptr ? std::string() : std::string(text);
}

}  // namespace

void Ledger::Close::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}
void Ledger::Close::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

Ledger::Ledger(Options options, Trouble trouble)
    : options_(std::move(options)), trouble_(std::move(trouble)) {
  open();
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "hawser-ledger");
    run();
  });
}

Ledger::~Ledger() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Ledger::open() {
  sqlite3* database = nullptr;
  const int opened =
      sqlite3_open_v2(options_.path.c_str(), &database,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  database_.reset(database);
  if (opened != SQLITE_OK) {
    throw std::runtime_error(std::string("ledger: ") + sqlite3_errstr(opened));
  }
  sqlite3_busy_timeout(database, 2000);
  execute("PRAGMA journal_mode = WAL");
  execute(options_.sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  execute(schema);
  add_missing_columns();
  insert_ = prepare(insertion);
}

void Ledger::add_missing_columns() const {
  for (const auto& [name, type] : later_columns) {
    const Statement found = prepare(
        (std::string("SELECT 1 FROM pragma_table_info('attempts') WHERE name = '") + name + "'")
            .c_str());
    if (sqlite3_step(found.get()) == SQLITE_ROW) continue;
    execute((std::string("ALTER TABLE attempts ADD COLUMN ") + name + " " + type).c_str());
  }
}

void Ledger::execute(const char* sql) const {
  if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return;
  throw std::runtime_error(std::string("ledger: ") + sqlite3_errmsg(database_.get()));
}

Ledger::Statement Ledger::prepare(const char* sql) const {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database_.get(), sql, -1, &statement, nullptr) != SQLITE_OK) {
    throw std::runtime_error(std::string("ledger: ") + sqlite3_errmsg(database_.get()));
  }
  return Statement(statement);
}

void Ledger::append(LedgerRow row) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + writing_ >= options_.waiting_max) {
      ++figures_.dropped;
      return;
    }
    std::int64_t& cost = figures_.cost[{row.model, row.provider}];
    cost = saturating_sum(cost, row.cost);
    waiting_.push_back(std::move(row));
  }
  changed_.notify_one();
}

bool Ledger::flush(milliseconds patience) {
  std::unique_lock lock(mutex_);
  return settled_.wait_for(lock, patience, [this] { return waiting_.empty() && writing_ == 0; });
}

void Ledger::insert(const LedgerRow& row) {
  sqlite3_stmt* const statement = insert_.get();
  int at = 0;
  const auto number = [&](std::int64_t value) { sqlite3_bind_int64(statement, ++at, value); };
  const auto text = [&](std::string_view value) {
    sqlite3_bind_text(statement, ++at, value.data() == nullptr ? "" : value.data(),
                      static_cast<int>(value.size()), SQLITE_STATIC);
  };
  number(row.time_us);
  text(row.request_id);
  number(row.attempt);
  for (const auto* name : {&row.tenant, &row.team, &row.key, &row.user, &row.model, &row.provider,
                           &row.upstream_model}) {
    text(*name);
  }
  for (const auto count : {row.input, row.cached, row.cache_write, row.output, row.reasoning}) {
    number(count);
  }
  text(row.source);
  text(row.price_version);
  number(row.cost);
  text(row.outcome);
  text(row.target);
  text(row.address);
  text(row.operation);
  for (const auto count :
       {row.images, row.audio_ms, row.characters, row.searches, row.cache_write_long,
        row.audio_input, row.audio_output, row.image_input, row.image_output}) {
    number(count);
  }
  text(row.service_tier);
  const int done = sqlite3_step(statement);
  sqlite3_reset(statement);
  if (done != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(database_.get()));
}

std::string Ledger::commit(const std::deque<LedgerRow>& rows) {
  try {
    execute("BEGIN IMMEDIATE");
    for (const LedgerRow& row : rows) insert(row);
    execute("COMMIT");
    return {};
  } catch (const std::exception& problem) {
    std::string what = problem.what();
    sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    return what.empty() ? "unknown" : what;
  }
}

void Ledger::run() {
  std::unique_lock lock(mutex_);
  bool troubled = false;
  for (;;) {
    changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::deque<LedgerRow> rows;
    while (!waiting_.empty() && rows.size() < batch_max) {
      rows.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    writing_ = rows.size();
    lock.unlock();
    const std::string problem = commit(rows);
    if (problem.empty() == troubled) {
      troubled = !troubled;
      trouble_(troubled ? problem : "the ledger is written again");
    }
    lock.lock();
    if (problem.empty()) {
      figures_.committed += rows.size();
    } else {
      if (ending_) return;  // it was tried; there is no later
      waiting_.insert(waiting_.begin(), std::make_move_iterator(rows.begin()),
                      std::make_move_iterator(rows.end()));
    }
    writing_ = 0;
    if (problem.empty()) {
      if (waiting_.empty()) settled_.notify_all();
    } else {
      changed_.wait_for(lock, retry_after, [this] { return ending_; });
    }
  }
}

void Ledger::sum_since(std::int64_t time_us,
                       const std::function<void(const LedgerRow& sums)>& each) {
  const std::lock_guard lock(mutex_);
  const Statement select = prepare(sums);
  sqlite3_bind_int64(select.get(), 1, time_us);
  while (sqlite3_step(select.get()) == SQLITE_ROW) {
    LedgerRow row;
    row.tenant = text_of(select.get(), 0);
    row.team = text_of(select.get(), 1);
    row.key = text_of(select.get(), 2);
    row.user = text_of(select.get(), 3);
    row.model = text_of(select.get(), 4);
    row.target = text_of(select.get(), 5);
    row.address = text_of(select.get(), 6);
    const std::int64_t dollars = sqlite3_column_int64(select.get(), 7);
    const std::int64_t rest = sqlite3_column_int64(select.get(), 8);
    std::int64_t whole = 0;
    if (__builtin_mul_overflow(dollars, std::int64_t{1'000'000'000}, &whole)) whole = largest;
    row.cost = saturating_sum(whole, rest);
    each(row);
  }
}

Ledger::Figures Ledger::figures() const {
  const std::lock_guard lock(mutex_);
  Figures figures = figures_;
  figures.waiting = waiting_.size() + writing_;
  return figures;
}

}  // namespace hawser::store
