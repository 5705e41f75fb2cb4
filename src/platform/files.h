// Port: files. Blocking calls run on their own threads on the real side; the simulated side keeps files in
// memory and can lose what was not synced.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "platform/async.h"

namespace posthorn {

class FileReader {
 public:
  virtual ~FileReader() = default;
  virtual Task<Result<std::size_t>> read_at(std::uint64_t offset, std::span<char> out) = 0;  // 0 at the end
  virtual std::uint64_t size() const = 0;
};

class FileWriter {
 public:
  virtual ~FileWriter() = default;  // a writer destroyed without commit() leaves nothing behind
  virtual Task<Result<>> append(std::string bytes) = 0;  // resource_exhausted when the disk is full
  virtual std::uint64_t size() const = 0;
  // fsync, rename to the final name, fsync of the folder: after this the file is there whole or the call
  // failed.
  virtual Task<Result<>> commit() = 0;
  // The same under another name on the same volume, for content whose name follows from its bytes. Replaces.
  virtual Task<Result<>> commit_as(std::string path) = 0;
};

class Files {
 public:
  virtual ~Files() = default;
  virtual Task<Result<std::unique_ptr<FileReader>>> open(const std::string& path) = 0;
  virtual Task<Result<std::unique_ptr<FileWriter>>> create(
      const std::string& path) = 0;  // written beside, see commit()
  virtual Task<Result<>> remove(const std::string& path) = 0;
  virtual Task<Result<std::uint64_t>> free_bytes(const std::string& path) = 0;
  virtual Result<> make_folders(const std::string& path) = 0;
  // Runs `work` on a worker thread (inline in the simulator) and resumes on the caller's executor. For
  // parsing and other CPU-heavy jobs over files that must not hold up the core.
  virtual Task<> run_blocking(std::move_only_function<void()> work) = 0;
};

}  // namespace posthorn
