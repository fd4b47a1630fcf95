#include "store/sqlite.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

namespace hawser::store::sqlite {
namespace {

Outcome outcome_of(int code) {
  switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
      return Outcome::done;
    case SQLITE_ROW:
      return Outcome::row;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Outcome::corrupt;
    case SQLITE_FULL:
    case SQLITE_READONLY:
    case SQLITE_IOERR:  // a quota, a limit on the size of files, a broken disk
      return Outcome::full;
    default:
      return Outcome::failed;
  }
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

Statement::Statement(sqlite3* database, std::string_view text) {
  sqlite3_stmt* made = nullptr;
  sqlite3_prepare_v3(database, text.data(), static_cast<int>(text.size()),
                     SQLITE_PREPARE_PERSISTENT, &made, nullptr);
  statement_.reset(made);
}

Statement& Statement::bind(int at, std::int64_t number) {
  sqlite3_bind_int64(statement_.get(), at, number);
  return *this;
}

Statement& Statement::bind_blob(int at, std::string_view bytes) {
  sqlite3_bind_blob64(statement_.get(), at, bytes.data(), bytes.size(), SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind_text(int at, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), at, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Outcome Statement::step() {
  return outcome_of(sqlite3_step(statement_.get()));
}

Outcome Statement::run() {
  Outcome outcome = step();
  while (outcome == Outcome::row) outcome = step();
  reset();
  return outcome;
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return {static_cast<const char*>(data), data == nullptr ? 0 : static_cast<std::size_t>(size)};
}

void Database::Close::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}

Database::Database(const std::string& path, Outcome& outcome) {
  // SQLite would make it for all to read.
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);
  sqlite3* opened = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  outcome = outcome_of(code);
  database_.reset(opened);
  if (outcome != Outcome::done) database_.reset();
}

Outcome Database::run(std::string_view text) {
  Statement statement = prepare(text);
  if (!statement) return outcome_of(sqlite3_errcode(database_.get()));
  return statement.run();
}

std::int64_t Database::number(std::string_view text, std::int64_t otherwise) {
  Statement statement = prepare(text);
  if (!statement || statement.step() != Outcome::row) return otherwise;
  return statement.number(0);
}

std::int64_t Database::changed() const {
  return sqlite3_changes64(database_.get());
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(database_.get()) == 0;
}

}  // namespace hawser::store::sqlite
