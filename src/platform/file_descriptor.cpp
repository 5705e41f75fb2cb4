#include "platform/file_descriptor.h"

#include <system_error>

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace posthorn {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kFolderMode = 0700;
constexpr int kMostTemporaryNames = 10'000;

// Calls `attempt(name)` with NAME.0.partial, NAME.1.partial … until it does not fail with EEXIST.
template <class Attempt>
Result<std::string> first_free_name(const std::string& path, std::string_view doing, Attempt attempt) {
  for (int n = 0; n < kMostTemporaryNames; ++n) {
    std::string name = fmt::format("{}.{}.partial", path, n);
    if (attempt(name)) return name;
    if (errno != EEXIST) return file_failure(doing, path, errno);
  }
  return file_failure(doing, path, EEXIST);
}

Result<> sync_folder(const std::string& folder) {
  const FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return file_failure("make durable the folder", folder, errno);
  return {};
}

// Rename replaces what has the name already; a link cannot, hence the name in between.
Result<> link_temporary(UnnamedFile& file, const std::string& path) {
  const std::string source = fmt::format("/proc/self/fd/{}", file.fd.get());
  PH_TRY_ASSIGN(file.temporary, first_free_name(path, "name", [&](const std::string& name) {
                  return ::linkat(AT_FDCWD, source.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
                }));
  return {};
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

std::unexpected<Error> file_failure(std::string_view doing, const std::string& path, int error) {
  std::string message = fmt::format("cannot {} {}: {}", doing, path, std::generic_category().message(error));
  switch (error) {
    case ENOSPC:
    case EFBIG:  // the limit on file sizes (ulimit -f) is a full disk to us
    case EDQUOT:
      return fail(ErrorCode::resource_exhausted, message + "; free some space, then try again");
    case ENOENT:
      return fail(ErrorCode::not_found, message);
    case EIO:
      return fail(ErrorCode::data_loss, message + "; the disk may be failing, look at the system's log");
    case EACCES:
    case EPERM:
      return fail(ErrorCode::internal, message + "; give the user that runs Posthorn access to it");
    case EMFILE:
    case ENFILE:
      return fail(ErrorCode::resource_exhausted, message + "; raise the limit of open files (ulimit -n)");
    default:
      return fail(ErrorCode::internal, std::move(message));
  }
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

UnnamedFile::~UnnamedFile() {
  if (!temporary.empty()) ::unlink(temporary.c_str());
}

Result<std::unique_ptr<UnnamedFile>> create_unnamed(const std::string& path) {
  auto file = std::make_unique<UnnamedFile>();
  file->path = path;
  file->fd = FileDescriptor(::open(folder_of(path).c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, kFileMode));
  if (file->fd.valid()) return file;
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) return file_failure("create", path, errno);
  PH_TRY_ASSIGN(file->temporary, first_free_name(path, "create", [&](const std::string& name) {
                  file->fd = FileDescriptor(
                      ::open(name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, kFileMode));
                  return file->fd.valid();
                }));
  return file;
}

Result<> write_all(UnnamedFile& file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.fd.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return file_failure("write", file.path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
    file.size += static_cast<std::uint64_t>(written);
  }
  return {};
}

Result<> give_name(UnnamedFile& file, const std::string& path) {
  // A failed fsync may have dropped the pages and a second one would then succeed: it is never tried again.
  if (::fsync(file.fd.get()) != 0) return file_failure("make durable", path, errno);
  if (file.temporary.empty()) {
    PH_TRY(link_temporary(file, path));
  }
  if (::rename(file.temporary.c_str(), path.c_str()) != 0) return file_failure("name", path, errno);
  file.temporary.clear();
  return sync_folder(folder_of(path));
}

Result<OpenedFile> open_for_reading(const std::string& path) {
  // Non-blocking, so that a named pipe in the wrong place cannot hold the thread up.
  OpenedFile file{FileDescriptor(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK))};
  struct stat facts{};
  if (!file.fd.valid() || ::fstat(file.fd.get(), &facts) != 0) return file_failure("open", path, errno);
  if (!S_ISREG(facts.st_mode)) {
    return fail(ErrorCode::invalid_argument, fmt::format("cannot open {}: it is not a regular file", path));
  }
  file.size = static_cast<std::uint64_t>(facts.st_size);
  return file;
}

Result<std::size_t> read_fully(int fd, const std::string& path, std::uint64_t offset, std::span<char> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_failure("read", path, errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<> remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return file_failure("remove", path, errno);
  return {};
}

Result<std::uint64_t> free_bytes_at(const std::string& path) {
  struct statvfs facts{};
  if (::statvfs(path.c_str(), &facts) != 0 && ::statvfs(folder_of(path).c_str(), &facts) != 0) {
    return file_failure("ask for the free space at", path, errno);
  }
  return static_cast<std::uint64_t>(facts.f_bavail) * facts.f_frsize;
}

Result<> make_folders_at(const std::string& path) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string folder = path.substr(0, slash);
    struct stat facts{};
    if (::mkdir(folder.c_str(), kFolderMode) != 0 && errno != EEXIST)
      return file_failure("create the folder", folder, errno);
    if (::stat(folder.c_str(), &facts) != 0) return file_failure("look at", folder, errno);
    if (!S_ISDIR(facts.st_mode)) return file_failure("create the folder", folder, ENOTDIR);
    if (slash == std::string::npos) return {};
  }
}

}  // namespace posthorn
