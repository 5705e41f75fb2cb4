#include "storage/backup_database.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include "storage/migrations.h"
#include "storage/sqlite_connection.h"
#include "storage/sqlite_transaction.h"

namespace posthorn {

namespace {

// Every column that holds a blob key. A new one belongs here, or its blobs are not backed up. Attachments
// that wait may name a file that is not there yet; they are fetched again after a restore.
constexpr std::string_view kReferencedBlobs =
    "SELECT blob FROM uploads WHERE blob <> '' UNION SELECT list_blob FROM campaigns WHERE list_blob <> '' "
    "UNION SELECT problems_blob FROM campaigns WHERE problems_blob <> '' "
    "UNION SELECT blob FROM attachments WHERE blob <> '' AND state = 1 "
    "UNION SELECT profile_picture FROM people WHERE profile_picture <> '' ORDER BY 1";

std::span<const Migration> migrations_of(DatabaseFile which) {
  return which == DatabaseFile::journal ? journal_migrations() : embedded_migrations();
}

// A transaction of its own on `connection` for one function.
Result<> with_transaction(SqliteConnection& connection, SqliteTransaction::Mode mode,
                          const std::function<Result<>(Transaction&)>& f) {
  StatementCache statements(connection.handle());
  SqliteFaults faults;
  PH_TRY(connection.run("BEGIN"));
  SqliteTransaction tx(connection.handle(), statements, faults, mode);
  PH_TRY(f(tx));
  return connection.run("COMMIT");
}

Result<> expect_no_complaint(Transaction& tx, std::string_view pragma, std::string_view when_fine) {
  PH_TRY_ASSIGN(auto rows, tx.query(pragma));
  PH_TRY_ASSIGN(const bool any, rows.next());
  if (!any || rows.text(0) == when_fine) return {};
  return fail(ErrorCode::data_loss,
              fmt::format("The database of the backup is damaged ({}): {}", pragma, rows.text(0)));
}

Result<std::vector<std::string>> referenced_blobs(Transaction& tx, DatabaseFile which) {
  if (which == DatabaseFile::journal) return std::vector<std::string>();
  PH_TRY_ASSIGN(auto rows, tx.query(kReferencedBlobs));
  std::vector<std::string> keys;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return keys;
    keys.emplace_back(rows.text(0));
  }
}

Result<> copy_pages(sqlite3* from, sqlite3* to) {
  sqlite3_backup* backup = sqlite3_backup_init(to, "main", from, "main");
  if (backup == nullptr) return std::unexpected(sqlite_error(to, sqlite3_errcode(to), "beginning the copy"));
  const int rc =
      sqlite3_backup_step(backup, -1);  // all pages of one snapshot: in WAL mode the writer goes on meanwhile
  sqlite3_backup_finish(backup);
  if (rc == SQLITE_DONE) return {};
  return std::unexpected(sqlite_error(to, rc, "copying the database"));
}

Result<SqliteConnection> open_plain(const std::string& path) {
  PH_TRY_ASSIGN(auto connection, SqliteConnection::open(path, {.single_process = true}));
  PH_TRY(connection.run("PRAGMA journal_mode=DELETE"));
  return connection;
}

Result<> sync_folder_of(const std::string& path) {
  const std::string folder = path.substr(0, path.find_last_of('/') + 1);
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (synced) return {};
  return fail(ErrorCode::unavailable,
              fmt::format("The folder {} cannot be synced: {}", folder, std::strerror(errno)));
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

std::string sibling(std::string_view database_path, std::string_view suffix) {
  const std::string_view stem =
      database_path.ends_with(".db") ? database_path.substr(0, database_path.size() - 3) : database_path;
  return std::string(stem).append(suffix);
}

}  // namespace

std::string journal_path(std::string_view database_path) {
  return sibling(database_path, ".journal.db");
}

std::string search_path(std::string_view database_path) {
  return sibling(database_path, ".search.db");
}

Result<DatabaseCopy> copy_database(const std::string& source, const std::string& target, DatabaseFile which) {
  if (!exists(source)) return fail(ErrorCode::not_found, fmt::format("There is no database at {}.", source));
  if (exists(target))
    return fail(ErrorCode::conflict, fmt::format("{} exists already. Choose another place.", target));
  {
    PH_TRY_ASSIGN(auto from, SqliteConnection::open(source, {.read_only = true}));
    PH_TRY_ASSIGN(auto to, open_plain(target));
    PH_TRY(copy_pages(from.handle(), to.handle()));
  }
  PH_TRY_ASSIGN(auto copy, open_plain(target));  // the copied header says WAL; this takes it back
  DatabaseCopy result;
  PH_TRY_ASSIGN(result.schema_version, schema_version(copy.handle()));
  PH_TRY(with_transaction(copy, SqliteTransaction::Mode::read, [&result, which](Transaction& tx) -> Result<> {
    PH_TRY_ASSIGN(result.blobs, referenced_blobs(tx, which));
    return {};
  }));
  return result;
}

Result<DatabaseCopy> check_database(const std::string& path, DatabaseFile which) {
  if (!exists(path)) return fail(ErrorCode::not_found, fmt::format("There is no database at {}.", path));
  PH_TRY_ASSIGN(auto connection, SqliteConnection::open(path, {.read_only = true}));
  DatabaseCopy result;
  PH_TRY_ASSIGN(result.schema_version, schema_version(connection.handle()));
  const int known = static_cast<int>(migrations_of(which).size());
  if (result.schema_version < 1 || result.schema_version > known) {
    return fail(ErrorCode::conflict,
                fmt::format("The backup has schema version {}, this program knows 1 to {}. Use the Posthorn "
                            "version it was made with, or a newer one.",
                            result.schema_version, known));
  }
  PH_TRY(with_transaction(connection, SqliteTransaction::Mode::read,
                          [&result, which](Transaction& tx) -> Result<> {
                            PH_TRY(expect_no_complaint(tx, "PRAGMA integrity_check(1)", "ok"));
                            PH_TRY(expect_no_complaint(tx, "PRAGMA foreign_key_check", ""));
                            PH_TRY_ASSIGN(result.blobs, referenced_blobs(tx, which));
                            return {};
                          }));
  return result;
}

Result<> look_into_database(const std::string& path, const std::function<Result<>(Transaction&)>& look) {
  if (!exists(path)) return fail(ErrorCode::not_found, fmt::format("There is no database at {}.", path));
  PH_TRY_ASSIGN(auto connection, SqliteConnection::open(path, {.read_only = true}));
  return with_transaction(connection, SqliteTransaction::Mode::read, look);
}

Result<> install_database(const std::string& source, const std::string& target,
                          const std::function<Result<>(Transaction&)>& adjust, DatabaseFile which) {
  if (exists(target)) {
    return fail(ErrorCode::conflict,
                fmt::format("There is a database at {} already. Restore into an empty data folder.", target));
  }
  const std::string temporary = target + ".restoring";
  std::remove(temporary.c_str());  // of an attempt that was cut off
  PH_TRY(copy_database(source, temporary, which));
  {
    PH_TRY_ASSIGN(auto copy, open_plain(temporary));
    PH_TRY(migrate(copy.handle(), migrations_of(which)));
    if (adjust) {
      PH_TRY(with_transaction(copy, SqliteTransaction::Mode::write, adjust));
    }
  }
  if (std::rename(temporary.c_str(), target.c_str()) != 0) {
    return fail(ErrorCode::unavailable,
                fmt::format("{} cannot be renamed to {}: {}", temporary, target, std::strerror(errno)));
  }
  return sync_folder_of(target);
}

}  // namespace posthorn
