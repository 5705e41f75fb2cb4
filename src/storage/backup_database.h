// The database part of backups: blocking work on SQLite files.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "core/result.h"
#include "storage/database.h"

namespace posthorn {

struct DatabaseCopy {
  int schema_version = 0;
  std::vector<std::string> blobs;  // keys that rows refer to, sorted
};

// Copies a consistent snapshot of the database at `source` to the new file `target`, synced and without a
// log.
Result<DatabaseCopy> copy_database(const std::string& source, const std::string& target);
// integrity_check, foreign keys and schema version of a file nobody else uses.
Result<DatabaseCopy> check_database(const std::string& path);
// copy_database() to a temporary name beside `target`, `adjust` there, then a rename: `target` exists whole
// or not at all.
Result<> install_database(const std::string& source, const std::string& target,
                          const std::function<Result<>(Transaction&)>& adjust);

}  // namespace posthorn
