// Prepared statements, cached by text, with $1, $2, … resolved to SQLite's own parameter indexes.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/result.h"
#include "storage/database.h"

struct sqlite3;
struct sqlite3_stmt;

namespace posthorn {

class SqliteStatement {
 public:
  static Result<std::unique_ptr<SqliteStatement>> prepare(sqlite3* db, std::string_view sql, bool lasting);
  ~SqliteStatement();
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;

  // `copy`: the arguments may end before the statement is reset.
  Result<> bind(std::span<const SqlArg> args, bool copy);
  int step();  // SQLITE_ROW, SQLITE_DONE or an error
  void reset();
  bool reads_only() const { return reads_only_; }
  std::string_view sql() const { return sql_; }
  sqlite3_stmt* handle() const { return stmt_; }
  sqlite3* database() const;

 private:
  friend class StatementCache;
  SqliteStatement(sqlite3_stmt* stmt, std::string sql);
  Result<> resolve_parameters();

  sqlite3_stmt* stmt_;
  std::string sql_;
  std::vector<int> argument_of_;  // SQLite parameter i + 1 takes argument argument_of_[i]
  std::size_t arguments_ = 0;
  bool reads_only_ = false;
  bool in_use_ = false;
  bool cached_ = false;
};

class StatementCache {
 public:
  explicit StatementCache(sqlite3* db) : db_(db) {}

  // Gives a statement back to its cache, reset.
  struct Return {
    void operator()(SqliteStatement* statement) const;
  };
  using Lease = std::unique_ptr<SqliteStatement, Return>;
  // A statement nobody else is using: the cached one, or another copy while that one is in use.
  Result<Lease> take(std::string_view sql);
  std::size_t size() const { return by_text_.size(); }

 private:
  static constexpr std::size_t kMaxCached = 512;
  struct Slot {
    const char* text = nullptr;
    SqliteStatement* statement = nullptr;
  };
  Slot& slot_of(std::string_view sql);
  Result<SqliteStatement*> find_or_prepare(std::string_view sql);
  void make_room();

  sqlite3* db_;
  std::array<Slot, 256> by_address_{};  // literals have one address each: the usual case costs one comparison
  std::unordered_map<std::string_view, std::unique_ptr<SqliteStatement>> by_text_;
};

}  // namespace posthorn
