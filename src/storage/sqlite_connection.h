// One SQLite connection: opened with our pragmas, errors translated, closed by its owner.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

struct sqlite3;

namespace posthorn {

struct ConnectionOptions {
  std::string vfs = {};
  bool read_only = false;       // a reader: query_only, never checkpoints, not even when closed
  bool single_process = false;  // locking_mode=EXCLUSIVE: no shared memory, for VFSs without it
  // Writers: a commit is on disk when it returns. Else losing power takes the newest commits, never the
  // order.
  bool durable = true;
  int cache_kib = 16 * 1024;
  std::int64_t max_pages = 0;
};

class SqliteConnection {
 public:
  static Result<SqliteConnection> open(const std::string& path, const ConnectionOptions& options);

  sqlite3* handle() const { return db_.get(); }
  Result<> run(const std::string& sql);  // one or more statements without results

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  explicit SqliteConnection(sqlite3* db) : db_(db) {}
  Result<> configure(const ConnectionOptions& options);
  std::unique_ptr<sqlite3, Close> db_;
};

// The error for a result code; `doing` says what was tried ("prepare: SELECT …").
Error sqlite_error(sqlite3* db, int rc, std::string_view doing);

bool is_disk_full(int rc);
// After these nothing that has happened since the last durable commit can be trusted (invariant I20).
bool is_fatal(int rc);

}  // namespace posthorn
