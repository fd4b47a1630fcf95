#pragma once

#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

/// SQLite by ownership: what is opened and prepared here is closed and finalized.
namespace hawser::store::sqlite {

/// What SQLite answered, as a store has to tell it apart.
enum class Outcome : std::uint8_t {
  row,
  done,
  corrupt,  // the file is no database, or a broken one
  full,     // no room, or the file may not be written
  foreign,  // not for SQLite to say: somebody else's
  failed,   // anything else
};

class Statement {
 public:
  Statement() = default;
  Statement(sqlite3* database, std::string_view text);

  /// Parameters in their order, from 1. What is bound outlives the step.
  Statement& bind(int at, std::int64_t number);
  Statement& bind_blob(int at, std::string_view bytes);
  Statement& bind_text(int at, std::string_view text);
  Outcome step();
  /// Runs to the end; rows are passed over.
  Outcome run();
  /// To be run again.
  void reset();

  // Of the row that step() gave; views hold until the next step.
  std::int64_t number(int column) const;
  std::string_view bytes(int column) const;

  explicit operator bool() const { return statement_ != nullptr; }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
 public:
  /// Nothing is open: see ok().
  Database() = default;
  /// Opens or creates a file that only its owner may read. @param outcome  done, or why not
  Database(const std::string& path, Outcome& outcome);

  bool ok() const { return database_ != nullptr; }
  /// A statement that is run once.
  Outcome run(std::string_view text);
  /// Of the first row; `otherwise` when there is none.
  std::int64_t number(std::string_view text, std::int64_t otherwise);
  Statement prepare(std::string_view text) { return {database_.get(), text}; }
  std::int64_t changed() const;
  /// Whether a transaction is open.
  bool in_transaction() const;

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace hawser::store::sqlite
