// The database part of backups: blocking work on SQLite files.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "storage/database.h"

namespace posthorn {

// The files a backup is made of. The second may be missing in backups from before schema 2.
enum class DatabaseFile { posthorn, journal };
// Where the journal of the database at `database_path` is: "posthorn.db" → "posthorn.journal.db".
std::string journal_path(std::string_view database_path);
// Of the search index, which is in no backup: it is made again. "posthorn.search.db".
std::string search_path(std::string_view database_path);

struct DatabaseCopy {
  int schema_version = 0;
  std::vector<std::string> blobs;  // keys that rows refer to, sorted
};

// Copies a consistent snapshot of the database at `source` to the new file `target`, synced and without a
// log.
Result<DatabaseCopy> copy_database(const std::string& source, const std::string& target,
                                   DatabaseFile which = DatabaseFile::posthorn);
// integrity_check, foreign keys and schema version of a file nobody else uses.
Result<DatabaseCopy> check_database(const std::string& path, DatabaseFile which = DatabaseFile::posthorn);
// Reads the database at `path` as it is, without migrating or changing it.
Result<> look_into_database(const std::string& path, const std::function<Result<>(Transaction&)>& look);
// copy_database() to a temporary name beside `target`, `adjust` there, then a rename: `target` exists whole
// or not at all.
Result<> install_database(const std::string& source, const std::string& target,
                          const std::function<Result<>(Transaction&)>& adjust,
                          DatabaseFile which = DatabaseFile::posthorn);

}  // namespace posthorn
