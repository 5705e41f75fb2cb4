// Immutable files named by the SHA-256 of their bytes: uploads, compiled recipient lists, reports, backups of
// them.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "platform/crypto.h"
#include "platform/files.h"

namespace posthorn {

struct StoredBlob {
  std::string key;         // 64 lower-case hex digits
  std::uint64_t size = 0;  // bytes
};

// A blob being written. Destroyed without commit() it leaves nothing behind.
class BlobWriter {
 public:
  BlobWriter(std::unique_ptr<FileWriter> file, std::string folder);
  Task<Result<>> append(std::string bytes);  // resource_exhausted when the disk is full
  std::uint64_t size() const;
  // Ends the content and tells what commit() will make of it, for rows that have to know before the file is
  // there.
  StoredBlob seal();
  // fsync and rename: the blob is there whole under its key, or the call failed. Equal bytes give the same
  // key.
  Task<Result<StoredBlob>> commit();

 private:
  std::unique_ptr<FileWriter> file_;
  std::string folder_;
  Sha256 hash_;
  std::optional<StoredBlob> sealed_;
};

// Must outlive every call in progress. Blobs are never changed; remove() is for those no row refers to.
class BlobStore {
 public:
  BlobStore(Files& files, std::string folder);
  Result<> prepare();  // creates the folder

  Task<Result<std::unique_ptr<BlobWriter>>> create();
  Task<Result<StoredBlob>> put(std::string bytes);                      // a small blob in one call
  Task<Result<std::unique_ptr<FileReader>>> open(std::string key);      // not_found names the key
  Task<Result<std::string>> get(std::string key, std::uint64_t limit);  // too_large when over `limit` bytes
  Task<Result<>> remove(std::string key);                               // absent is fine
  Task<Result<>> verify(std::string key);  // data_loss when the bytes are not the key's
  std::string path_of(std::string_view key) const;

 private:
  Files& files_;
  std::string folder_;
  std::uint64_t next_temporary_ = 0;
};

bool is_blob_key(std::string_view text);  // 64 lower-case hex digits: nothing else may become a path

}  // namespace posthorn
