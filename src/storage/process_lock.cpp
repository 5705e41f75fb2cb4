#include "storage/process_lock.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace posthorn {

namespace {

std::string read_holder(int fd) {
  std::array<char, 32> text{};
  const ssize_t n = ::pread(fd, text.data(), text.size() - 1, 0);
  std::string pid(text.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
  while (!pid.empty() && pid.back() == '\n') pid.pop_back();
  return pid.empty() ? "unknown" : pid;
}

}  // namespace

Result<ProcessLock> ProcessLock::take(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return fail(ErrorCode::unavailable,
                fmt::format("Cannot open the lock file {}: {}. Check the data folder and its owner.", path,
                            std::strerror(errno)));
  }
  ProcessLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return fail(ErrorCode::unavailable, fmt::format("Cannot lock {}: {}", path, std::strerror(errno)));
    }
    return fail(ErrorCode::conflict,
                fmt::format("Another Posthorn process (pid {}) is using this database. Stop it first, or "
                            "use another data folder. Lock: {}",
                            read_holder(fd), path));
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  // The pid is only for the message above: the lock holds without it, also on a full disk.
  if (::ftruncate(fd, 0) == 0 && ::pwrite(fd, pid.data(), pid.size(), 0) < 0) return lock;
  return lock;
}

ProcessLock::~ProcessLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace posthorn
