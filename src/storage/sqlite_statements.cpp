#include "storage/sqlite_statements.h"

#include <charconv>
#include <cstring>

#include <fmt/format.h>
#include <sqlite3.h>

#include "storage/sqlite_connection.h"

namespace posthorn {

namespace {

constexpr std::size_t kMaxArguments = 999;

bool only_space(const char* text, const char* end) {
  for (; text < end; ++text) {
    if (std::strchr(" \t\r\n;", *text) == nullptr) return false;
  }
  return true;
}

struct Binder {
  sqlite3_stmt* stmt;
  int index;
  sqlite3_destructor_type lifetime;

  int operator()(std::monostate) const { return sqlite3_bind_null(stmt, index); }
  int operator()(std::int64_t v) const { return sqlite3_bind_int64(stmt, index, v); }
  int operator()(double v) const { return sqlite3_bind_double(stmt, index, v); }
  int operator()(std::string_view v) const {
    const char* data = v.data() != nullptr ? v.data() : "";
    return sqlite3_bind_text64(stmt, index, data, v.size(), lifetime, SQLITE_UTF8);
  }
  int operator()(Blob v) const {
    const char* data = v.bytes.data() != nullptr ? v.bytes.data() : "";
    return sqlite3_bind_blob64(stmt, index, data, v.bytes.size(), lifetime);
  }
};

}  // namespace

SqliteStatement::SqliteStatement(sqlite3_stmt* stmt, std::string sql)
    : stmt_(stmt), sql_(std::move(sql)), reads_only_(sqlite3_stmt_readonly(stmt) != 0) {}

SqliteStatement::~SqliteStatement() {
  sqlite3_finalize(stmt_);
}

sqlite3* SqliteStatement::database() const {
  return sqlite3_db_handle(stmt_);
}

Result<std::unique_ptr<SqliteStatement>> SqliteStatement::prepare(sqlite3* db, std::string_view sql,
                                                                  bool lasting) {
  sqlite3_stmt* stmt = nullptr;
  const char* tail = nullptr;
  const int rc = sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()),
                                    lasting ? SQLITE_PREPARE_PERSISTENT : 0, &stmt, &tail);
  if (rc != SQLITE_OK) return std::unexpected(sqlite_error(db, rc, fmt::format("preparing: {}", sql)));
  if (stmt == nullptr) return fail(ErrorCode::internal, "An empty SQL statement was given.");
  std::unique_ptr<SqliteStatement> statement(new SqliteStatement(stmt, std::string(sql)));
  if (!only_space(tail, sql.data() + sql.size())) {
    return fail(ErrorCode::internal,
                fmt::format("One statement at a time, but there is more after it: {}", sql));
  }
  PH_TRY(statement->resolve_parameters());
  return statement;
}

// SQLite numbers "$2 … $1" by first appearance; we mean the numbers.
Result<> SqliteStatement::resolve_parameters() {
  const int count = sqlite3_bind_parameter_count(stmt_);
  for (int i = 1; i <= count; ++i) {
    const char* name = sqlite3_bind_parameter_name(stmt_, i);
    std::size_t number = 0;
    if (name != nullptr && name[0] == '$') std::from_chars(name + 1, name + std::strlen(name), number);
    if (number < 1 || number > kMaxArguments) {
      return fail(ErrorCode::internal, fmt::format("SQL parameters are written $1, $2, …: {}", sql_));
    }
    argument_of_.push_back(static_cast<int>(number - 1));
    arguments_ = std::max(arguments_, number);
  }
  return {};
}

Result<> SqliteStatement::bind(std::span<const SqlArg> args, bool copy) {
  if (args.size() != arguments_) {
    return fail(ErrorCode::internal,
                fmt::format("{} SQL arguments given, {} expected: {}", args.size(), arguments_, sql_));
  }
  const sqlite3_destructor_type lifetime = copy ? SQLITE_TRANSIENT : SQLITE_STATIC;
  for (std::size_t i = 0; i < argument_of_.size(); ++i) {
    const SqlArg& arg = args[static_cast<std::size_t>(argument_of_[i])];
    const int rc = std::visit(Binder{stmt_, static_cast<int>(i) + 1, lifetime}, arg.value());
    if (rc != SQLITE_OK)
      return std::unexpected(sqlite_error(database(), rc, fmt::format("binding: {}", sql_)));
  }
  return {};
}

int SqliteStatement::step() {
  return sqlite3_step(stmt_);
}
void SqliteStatement::reset() {
  sqlite3_reset(stmt_);
}

void StatementCache::Return::operator()(SqliteStatement* statement) const {
  if (!statement->cached_) {
    delete statement;
    return;
  }
  statement->reset();
  statement->in_use_ = false;
}

StatementCache::Slot& StatementCache::slot_of(std::string_view sql) {
  const auto address = reinterpret_cast<std::uintptr_t>(sql.data());
  return by_address_[(address ^ (address >> 9) ^ sql.size()) % by_address_.size()];
}

Result<StatementCache::Lease> StatementCache::take(std::string_view sql) {
  Slot& slot = slot_of(sql);
  SqliteStatement* statement = slot.statement;
  // The text is compared too: a buffer may have been reused for another statement.
  if (slot.text != sql.data() || statement == nullptr || statement->sql_ != sql) {
    PH_TRY_ASSIGN(statement, find_or_prepare(sql));
    slot = {sql.data(), statement};
  }
  if (statement->in_use_) {
    PH_TRY_ASSIGN(auto another, SqliteStatement::prepare(db_, sql, false));
    return Lease(another.release());
  }
  statement->in_use_ = true;
  return Lease(statement);
}

Result<SqliteStatement*> StatementCache::find_or_prepare(std::string_view sql) {
  if (auto found = by_text_.find(sql); found != by_text_.end()) return found->second.get();
  if (by_text_.size() >= kMaxCached) make_room();
  PH_TRY_ASSIGN(auto statement, SqliteStatement::prepare(db_, sql, true));
  statement->cached_ = true;
  SqliteStatement* result = statement.get();
  by_text_.emplace(result->sql(), std::move(statement));
  return result;
}

void StatementCache::make_room() {
  by_address_.fill({});
  std::erase_if(by_text_, [](const auto& entry) { return !entry.second->in_use_; });
}

}  // namespace posthorn
