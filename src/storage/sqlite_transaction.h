// What a closure sees of SQLite.
#pragma once
#include "storage/database.h"
#include "storage/sqlite_statements.h"

namespace posthorn {

// Codes that end more than one closure, remembered even when the closure swallows the error. Lives as long as
// the connection, because a cursor may report to it.
struct SqliteFaults {
  int fatal = 0;  // is_fatal()
  int full = 0;   // is_disk_full()
  void note(int rc);
  void clear() { *this = {}; }
};

class SqliteTransaction final : public Transaction {
 public:
  enum class Mode {
    read,          // refuses statements that change anything
    write,         // the whole transaction is this closure's
    write_shared,  // others share the transaction: the first change opens a savepoint
  };
  SqliteTransaction(sqlite3* db, StatementCache& statements, SqliteFaults& faults, Mode mode)
      : db_(db), statements_(statements), faults_(faults), mode_(mode) {}

  using Transaction::execute;
  using Transaction::query;
  Result<SqlRows> query(std::string_view sql, std::span<const SqlArg> args) override;
  Result<std::int64_t> execute(std::string_view sql, std::span<const SqlArg> args) override;
  Result<std::int64_t> execute_many(std::string_view sql, std::size_t count,
                                    const std::function<std::span<const SqlArg>(std::size_t)>& bind) override;

  // For the owner of the transaction, in Mode::write_shared: keep or undo what this closure did.
  Result<> close_savepoint(bool keep);

 private:
  Result<StatementCache::Lease> prepare(std::string_view sql);
  Result<std::int64_t> step_to_end(SqliteStatement& statement);
  Result<> step_simple(std::string_view sql);
  Error error(int rc, std::string_view sql);

  sqlite3* db_;
  StatementCache& statements_;
  SqliteFaults& faults_;
  Mode mode_;
  bool savepoint_ = false;
};

}  // namespace posthorn
