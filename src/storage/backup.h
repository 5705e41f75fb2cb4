// Online backup: a consistent copy of the database and of every blob it refers to, and the check that it can
// be used.
//
// A backup is a folder: posthorn.db and posthorn.journal.db (rollback journal, no WAL), blobs/<key>,
// manifest.json (written last: a folder without it is not a backup).
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "core/result.h"
#include "platform/files.h"
#include "storage/blob_store.h"
#include "storage/database.h"

namespace posthorn {

struct BackupReport {
  int schema_version = 0;
  std::uint64_t database_bytes = 0;
  std::uint64_t blobs = 0;
  std::uint64_t blob_bytes = 0;
  std::string database_sha256;
  std::uint64_t journal_bytes = 0;  // webhook bodies as they came; 0: a backup from before schema 2
  std::string journal_sha256;
};

// Copies the database at `database_path` and its journal while they are in use, the journal last: it may hold
// more than the database has applied, never less. Each is one snapshot, read by a connection of its own that
// neither writes nor checkpoints. `target` must be a folder that does not exist yet or is empty.
Task<Result<BackupReport>> write_backup(Files& files, BlobStore& blobs, std::string database_path,
                                        std::string target);

// integrity_check, foreign keys, schema version, hash of the database and of every blob that a row refers to.
// data_loss names the first problem.
Task<Result<BackupReport>> verify_backup(Files& files, std::string target);

// Verifies a backup and copies it to a new place; refuses (conflict) if a database is there already. `adjust`
// changes the copy before it gets its name: running campaigns must be paused there, so that nothing is sent
// again before statuses of what was sent after the backup have had time to come in. Blocking calls run on the
// worker threads of `files`.
Task<Result<BackupReport>> restore_backup(Files& files, std::string backup, BlobStore& blobs,
                                          std::string database_path,
                                          std::function<Result<>(Transaction&)> adjust);

}  // namespace posthorn
