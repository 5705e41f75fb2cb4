#include "storage/backup.h"

#include <fmt/format.h>

#include "core/json.h"
#include "core/json_writer.h"
#include "platform/crypto.h"
#include "storage/backup_database.h"

namespace posthorn {

namespace {

constexpr std::size_t kChunk = 1 << 20;
constexpr std::uint64_t kMaxManifest = 1 << 16;

std::string database_of(const std::string& folder) {
  return folder + "/posthorn.db";
}
std::string journal_of(const std::string& folder) {
  return journal_path(database_of(folder));
}
std::string manifest_of(const std::string& folder) {
  return folder + "/manifest.json";
}

struct FileDigest {
  std::string sha256;
  std::uint64_t bytes = 0;
};

// Reads a file to its end; with a writer, copies it.
Task<Result<FileDigest>> digest(FileReader& reader, FileWriter* copy) {
  Sha256 hash;
  std::string buffer(kChunk, '\0');
  FileDigest result;
  while (true) {
    const std::span<char> out(buffer);
    PH_CO_TRY_ASSIGN(const std::size_t n, co_await reader.read_at(result.bytes, out));
    if (n == 0) break;
    std::string chunk = buffer.substr(0, n);
    hash.update(chunk);
    result.bytes += n;
    if (copy != nullptr) {
      PH_CO_TRY(co_await copy->append(std::move(chunk)));
    }
  }
  result.sha256 = to_hex(hash.finish());
  co_return result;
}

Task<Result<FileDigest>> digest_of(Files& files, std::string path) {
  PH_CO_TRY_ASSIGN(auto reader, co_await files.open(path));
  co_return co_await digest(*reader, nullptr);
}

// Copies one blob and checks on the way that its bytes are the ones its key names.
Task<Result<std::uint64_t>> copy_blob(BlobStore& from, BlobStore& to, std::string key) {
  PH_CO_TRY_ASSIGN(auto reader, co_await from.open(key));
  PH_CO_TRY_ASSIGN(auto writer, co_await to.create());
  std::string buffer(kChunk, '\0');
  std::uint64_t offset = 0;
  while (true) {
    const std::span<char> out(buffer);
    PH_CO_TRY_ASSIGN(const std::size_t n, co_await reader->read_at(offset, out));
    if (n == 0) break;
    offset += n;
    std::string chunk = buffer.substr(0, n);
    PH_CO_TRY(co_await writer->append(std::move(chunk)));
  }
  PH_CO_TRY_ASSIGN(const StoredBlob stored, co_await writer->commit());
  if (stored.key == key) co_return stored.size;
  PH_CO_TRY(co_await to.remove(stored.key));
  co_return fail(ErrorCode::data_loss, fmt::format("Blob {} is damaged: its bytes have another hash.", key));
}

Task<Result<>> copy_blobs(BlobStore& from, BlobStore& to, std::vector<std::string> keys,
                          BackupReport& report) {
  for (const std::string& key : keys) {
    PH_CO_TRY_ASSIGN(const std::uint64_t size, co_await copy_blob(from, to, key));
    ++report.blobs;
    report.blob_bytes += size;
  }
  co_return Result<>();
}

std::string manifest_text(const BackupReport& r) {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.member("format", 1).member("schema_version", r.schema_version);
  json.member("database_bytes", static_cast<std::int64_t>(r.database_bytes))
      .member("database_sha256", r.database_sha256)
      .member("journal_bytes", static_cast<std::int64_t>(r.journal_bytes))
      .member("journal_sha256", r.journal_sha256);
  json.member("blobs", static_cast<std::int64_t>(r.blobs))
      .member("blob_bytes", static_cast<std::int64_t>(r.blob_bytes));
  json.end_object();
  return text + "\n";
}

Task<Result<>> write_manifest(Files& files, std::string folder, BackupReport report) {
  std::string path = manifest_of(folder);
  std::string text = manifest_text(report);
  PH_CO_TRY_ASSIGN(auto writer, co_await files.create(path));
  PH_CO_TRY(co_await writer->append(std::move(text)));
  co_return co_await writer->commit();
}

Task<Result<BackupReport>> read_manifest(Files& files, std::string folder) {
  std::string path = manifest_of(folder);
  auto opened = co_await files.open(path);
  if (!opened) {
    co_return fail(ErrorCode::not_found,
                   fmt::format("{} is not a complete backup: manifest.json is missing.", folder));
  }
  std::string text(std::min((*opened)->size(), kMaxManifest), '\0');
  const std::span<char> out(text);
  PH_CO_TRY_ASSIGN(const std::size_t n, co_await (*opened)->read_at(0, out));
  PH_CO_TRY_ASSIGN(const json::value tree, parse_json(std::string_view(text).substr(0, n)));
  const JsonView view(tree);
  BackupReport report;
  PH_CO_TRY_ASSIGN(const std::int64_t format, view["format"].integer());
  if (format != 1)
    co_return fail(ErrorCode::conflict,
                   fmt::format("The backup has format {}; this program reads 1.", format));
  PH_CO_TRY_ASSIGN(const std::string_view hash, view["database_sha256"].string());
  report.database_sha256 = hash;
  report.journal_sha256 = view["journal_sha256"].string_or("");
  report.schema_version = static_cast<int>(view["schema_version"].integer_or(0));
  co_return report;
}

// On a worker thread: the result of `work`.
template <class T>
Task<Result<T>> blocking(Files& files, std::function<Result<T>()> work) {
  auto result = std::make_shared<Result<T>>(fail(ErrorCode::cancelled, "The program is ending."));
  std::move_only_function<void()> job = [result, work = std::move(work)] { *result = work(); };
  co_await files.run_blocking(std::move(job));
  co_return std::move(*result);
}

Task<Result<>> verify_blobs(BlobStore& blobs, std::vector<std::string> keys, BackupReport& report) {
  for (const std::string& key : keys) {
    PH_CO_TRY(co_await blobs.verify(key));
    PH_CO_TRY_ASSIGN(auto reader, co_await blobs.open(key));
    ++report.blobs;
    report.blob_bytes += reader->size();
  }
  co_return Result<>();
}

// The bytes of one file are those the manifest promised, and the database in them is sound.
Task<Result<FileDigest>> verify_file(Files& files, std::string path, std::string promised) {
  PH_CO_TRY_ASSIGN(FileDigest found, co_await digest_of(files, path));
  if (found.sha256 != promised)
    co_return fail(ErrorCode::data_loss,
                   fmt::format("{} is not the file that was backed up: its hash differs.", path));
  co_return found;
}

Task<Result<>> verify_journal(Files& files, std::string target, const BackupReport& promised,
                              BackupReport& report) {
  if (promised.journal_sha256.empty()) co_return Result<>();
  std::string path = journal_of(target);
  PH_CO_TRY_ASSIGN(const FileDigest found, co_await verify_file(files, path, promised.journal_sha256));
  std::function<Result<DatabaseCopy>()> check = [path] {
    return check_database(path, DatabaseFile::journal);
  };
  PH_CO_TRY(co_await blocking(files, std::move(check)));
  report.journal_bytes = found.bytes;
  report.journal_sha256 = found.sha256;
  co_return Result<>();
}

Task<Result<BackupReport>> verify_with_blobs(Files& files, std::string target,
                                             std::vector<std::string>& keys) {
  PH_CO_TRY_ASSIGN(BackupReport promised, co_await read_manifest(files, target));
  std::string path = database_of(target);
  PH_CO_TRY_ASSIGN(const FileDigest found, co_await verify_file(files, path, promised.database_sha256));
  std::function<Result<DatabaseCopy>()> check = [path] { return check_database(path); };
  PH_CO_TRY_ASSIGN(DatabaseCopy copy, co_await blocking(files, std::move(check)));
  BackupReport report{
      .schema_version = copy.schema_version, .database_bytes = found.bytes, .database_sha256 = found.sha256};
  PH_CO_TRY(co_await verify_journal(files, target, promised, report));
  BlobStore blobs(files, target + "/blobs");
  PH_CO_TRY(co_await verify_blobs(blobs, copy.blobs, report));
  keys = std::move(copy.blobs);
  co_return report;
}

}  // namespace

Task<Result<BackupReport>> write_backup(Files& files, BlobStore& blobs, std::string database_path,
                                        std::string target) {
  BlobStore copies(files, target + "/blobs");
  PH_CO_TRY(copies.prepare());
  std::string path = database_of(target);
  std::function<Result<DatabaseCopy>()> work = [database_path, path] {
    return copy_database(database_path, path);
  };
  PH_CO_TRY_ASSIGN(DatabaseCopy copy, co_await blocking(files, std::move(work)));
  PH_CO_TRY_ASSIGN(const FileDigest written, co_await digest_of(files, path));
  BackupReport report{.schema_version = copy.schema_version,
                      .database_bytes = written.bytes,
                      .database_sha256 = written.sha256};
  std::string journal = journal_of(target);
  std::function<Result<DatabaseCopy>()> copy_journal = [source = journal_path(database_path), journal] {
    return copy_database(source, journal, DatabaseFile::journal);
  };
  PH_CO_TRY(co_await blocking(files, std::move(copy_journal)));
  PH_CO_TRY_ASSIGN(const FileDigest journal_written, co_await digest_of(files, journal));
  report.journal_bytes = journal_written.bytes;
  report.journal_sha256 = journal_written.sha256;
  PH_CO_TRY(co_await copy_blobs(blobs, copies, std::move(copy.blobs), report));
  PH_CO_TRY(co_await write_manifest(files, target, report));
  co_return report;
}

Task<Result<BackupReport>> verify_backup(Files& files, std::string target) {
  std::vector<std::string> keys;
  co_return co_await verify_with_blobs(files, target, keys);
}

Task<Result<BackupReport>> restore_backup(Files& files, std::string backup, BlobStore& blobs,
                                          std::string database_path,
                                          std::function<Result<>(Transaction&)> adjust) {
  std::vector<std::string> keys;
  PH_CO_TRY_ASSIGN(BackupReport report, co_await verify_with_blobs(files, backup, keys));
  PH_CO_TRY(blobs.prepare());
  BlobStore from(files, backup + "/blobs");
  BackupReport copied;
  PH_CO_TRY(co_await copy_blobs(from, blobs, std::move(keys), copied));
  std::string source = database_of(backup);
  // The journal first: a database without its journal would look whole.
  std::string journal = report.journal_sha256.empty() ? std::string() : journal_of(backup);
  std::function<Result<int>()> work = [source, journal, database_path,
                                       adjust = std::move(adjust)]() -> Result<int> {
    if (!journal.empty()) {
      PH_TRY(install_database(journal, journal_path(database_path), {}, DatabaseFile::journal));
    }
    PH_TRY(install_database(source, database_path, adjust));
    return 0;
  };
  PH_CO_TRY(co_await blocking(files, std::move(work)));
  co_return report;
}

}  // namespace posthorn
