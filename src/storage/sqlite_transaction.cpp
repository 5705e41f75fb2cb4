#include "storage/sqlite_transaction.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include "storage/sqlite_connection.h"

namespace posthorn {

namespace {

constexpr std::string_view kOpenSavepoint = "SAVEPOINT closure";
constexpr std::string_view kReleaseSavepoint = "RELEASE closure";
constexpr std::string_view kUndoSavepoint = "ROLLBACK TO closure";

class SqliteCursor final : public SqlRows::Cursor {
 public:
  SqliteCursor(StatementCache::Lease statement, SqliteFaults& faults, bool row_waiting)
      : statement_(std::move(statement)), faults_(faults), row_waiting_(row_waiting), done_(!row_waiting) {}

  Result<bool> next() override {
    if (done_) return false;
    if (row_waiting_) {
      row_waiting_ = false;
      return true;
    }
    const int rc = statement_->step();
    if (rc == SQLITE_ROW) return true;
    done_ = true;
    if (rc == SQLITE_DONE) return false;
    faults_.note(rc);
    return std::unexpected(sqlite_error(statement_->database(), rc, statement_->sql()));
  }
  bool is_null(int column) override {
    return sqlite3_column_type(statement_->handle(), column) == SQLITE_NULL;
  }
  std::int64_t integer(int column) override { return sqlite3_column_int64(statement_->handle(), column); }
  double real(int column) override { return sqlite3_column_double(statement_->handle(), column); }
  std::string_view text(int column) override {
    const void* data = sqlite3_column_blob(statement_->handle(), column);
    const int size = sqlite3_column_bytes(statement_->handle(), column);
    return data == nullptr ? std::string_view()
                           : std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(size));
  }

 private:
  StatementCache::Lease statement_;
  SqliteFaults& faults_;
  bool row_waiting_;
  bool done_;
};

}  // namespace

void SqliteFaults::note(int rc) {
  if (is_fatal(rc) && fatal == 0) fatal = rc;
  if (is_disk_full(rc) && full == 0) full = rc;
}

Error SqliteTransaction::error(int rc, std::string_view sql) {
  faults_.note(rc);
  return sqlite_error(db_, rc, sql);
}

Result<StatementCache::Lease> SqliteTransaction::prepare(std::string_view sql) {
  // SQLite gives up a whole transaction on some errors. A statement after that would commit by itself.
  if (sqlite3_get_autocommit(db_) != 0) {
    return fail(ErrorCode::cancelled, "The transaction was rolled back by an earlier error.");
  }
  auto statement = statements_.take(sql);
  if (!statement) {
    faults_.note(sqlite3_extended_errcode(db_));
    return statement;
  }
  if ((*statement)->reads_only()) return statement;
  if (mode_ == Mode::read) {
    return fail(ErrorCode::internal, fmt::format("A read may not change anything; use write(): {}", sql));
  }
  if (mode_ == Mode::write_shared && !savepoint_) {
    PH_TRY(step_simple(kOpenSavepoint));
    savepoint_ = true;
  }
  return statement;
}

Result<> SqliteTransaction::step_simple(std::string_view sql) {
  PH_TRY_ASSIGN(auto statement, statements_.take(sql));
  const int rc = statement->step();
  if (rc != SQLITE_DONE) return std::unexpected(error(rc, sql));
  return {};
}

Result<SqlRows> SqliteTransaction::query(std::string_view sql, std::span<const SqlArg> args) {
  PH_TRY_ASSIGN(auto statement, prepare(sql));
  PH_TRY(statement->bind(args, true));
  // The first step is taken here, so that a statement with RETURNING acts even if nobody reads its rows.
  const int rc = statement->step();
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) return std::unexpected(error(rc, sql));
  return SqlRows(std::make_unique<SqliteCursor>(std::move(statement), faults_, rc == SQLITE_ROW));
}

Result<std::int64_t> SqliteTransaction::execute(std::string_view sql, std::span<const SqlArg> args) {
  PH_TRY_ASSIGN(auto statement, prepare(sql));
  PH_TRY(statement->bind(args, false));
  return step_to_end(*statement);
}

Result<std::int64_t> SqliteTransaction::execute_many(
    std::string_view sql, std::size_t count,
    const std::function<std::span<const SqlArg>(std::size_t)>& bind) {
  if (count == 0) return 0;
  PH_TRY_ASSIGN(auto statement, prepare(sql));
  std::int64_t changed = 0;
  for (std::size_t i = 0; i < count; ++i) {
    PH_TRY(statement->bind(bind(i), false));
    PH_TRY_ASSIGN(const std::int64_t rows, step_to_end(*statement));
    statement->reset();
    changed += rows;
  }
  return changed;
}

Result<std::int64_t> SqliteTransaction::step_to_end(SqliteStatement& statement) {
  int rc = SQLITE_ROW;
  while (rc == SQLITE_ROW) rc = statement.step();
  if (rc != SQLITE_DONE) return std::unexpected(error(rc, statement.sql()));
  return statement.reads_only() ? 0 : sqlite3_changes64(db_);
}

Result<> SqliteTransaction::close_savepoint(bool keep) {
  if (!savepoint_) return {};
  savepoint_ = false;
  if (sqlite3_get_autocommit(db_) != 0) return {};  // gone together with the transaction
  if (!keep) {
    PH_TRY(step_simple(kUndoSavepoint));
  }
  return step_simple(kReleaseSavepoint);
}

}  // namespace posthorn
