// Blocking calls on files as Results. Only for worker threads.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.h"

namespace posthorn {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor();
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// The Error for errno value `error`: "cannot write /data/x: No space left on device" with what to do where we
// know. ENOSPC and EDQUOT: resource_exhausted; ENOENT: not_found; EIO: data_loss; the rest: internal.
std::unexpected<Error> file_failure(std::string_view doing, const std::string& path, int error);

std::string folder_of(const std::string& path);  // "." when the path has none

// Content on its way to a name.
struct UnnamedFile {
  FileDescriptor fd;
  std::string path;       // wanted name, for messages
  std::string temporary;  // where the content can be seen meanwhile; empty when it has no name at all
  std::uint64_t size = 0;

  ~UnnamedFile();
};

Result<std::unique_ptr<UnnamedFile>> create_unnamed(const std::string& path);
Result<> write_all(UnnamedFile& file, std::string_view bytes);
Result<> give_name(UnnamedFile& file, const std::string& path);  // fsync, rename, fsync of the folder

struct OpenedFile {
  FileDescriptor fd;
  std::uint64_t size = 0;
};
Result<OpenedFile> open_for_reading(const std::string& path);  // regular files only
Result<std::size_t> read_fully(int fd, const std::string& path, std::uint64_t offset, std::span<char> out);
Result<> remove_file(const std::string& path);
Result<std::uint64_t> free_bytes_at(const std::string& path);
Result<> make_folders_at(const std::string& path);

}  // namespace posthorn
