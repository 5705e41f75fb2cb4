// Numbered schema changes, embedded in the binary. Each is applied in one transaction: a kill at any
// statement leaves the old or the new schema, never something between (invariant I23).
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "core/result.h"

struct sqlite3;

namespace posthorn {

struct Migration {
  int version = 0;        // 1, 2, 3, … without gaps
  std::string_view name;  // file name without folder
  std::string_view sql;
};

std::span<const Migration> embedded_migrations();  // posthorn.db
std::span<const Migration> journal_migrations();   // posthorn.journal.db
std::span<const Migration> search_migrations();    // posthorn.search.db

// Brings `db` up to the last of `migrations`. Errors: `conflict` when the database is newer than this program
// or an applied migration's text differs from ours; data_loss when the file is another program's database;
// otherwise what SQLite says.
Result<> migrate(sqlite3* db, std::span<const Migration> migrations);

// 0 when no migration has been applied yet.
Result<int> schema_version(sqlite3* db);

}  // namespace posthorn
