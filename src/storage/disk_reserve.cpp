#include "storage/disk_reserve.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace posthorn {

Result<> DiskReserve::hold() {
  if (bytes_ == 0 || held_) {
    held_ = true;
    return {};
  }
  const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return fail(ErrorCode::unavailable,
                fmt::format("The reserve file {} cannot be made: {}", path_, std::strerror(errno)));
  }
  const int rc = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes_));
  if (rc != 0 && ::ftruncate(fd, 0) != 0)
    ::unlink(path_.c_str());  // a part of it would be worse than nothing
  ::close(fd);
  if (rc != 0) {
    return fail(
        rc == ENOSPC ? ErrorCode::resource_exhausted : ErrorCode::unavailable,
        fmt::format("No space for the reserve of {} MB at {}: {}", bytes_ >> 20, path_, std::strerror(rc)));
  }
  held_ = true;
  return {};
}

Result<> DiskReserve::retake() {
  if (bytes_ == 0 || held_) return hold();
  const std::string folder = path_.substr(0, path_.find_last_of('/') + 1);
  struct statvfs info{};
  const bool known = ::statvfs(folder.empty() ? "." : folder.c_str(), &info) == 0;
  if (known && info.f_bavail * info.f_frsize < 2 * bytes_) {
    return fail(ErrorCode::resource_exhausted,
                fmt::format("Less than {} MB are free at {}.", (2 * bytes_) >> 20, path_));
  }
  return hold();
}

void DiskReserve::release() {
  held_ = false;
  if (bytes_ != 0) ::unlink(path_.c_str());
}

}  // namespace posthorn
