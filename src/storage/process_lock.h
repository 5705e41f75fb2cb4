// Only one process may use a database: an exclusive file lock that the system releases when the process ends.
#pragma once
#include <string>

#include "core/result.h"

namespace posthorn {

class ProcessLock {
 public:
  // Takes the lock or fails with `conflict`, naming the process that holds it.
  static Result<ProcessLock> take(const std::string& path);
  ProcessLock(ProcessLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  ProcessLock& operator=(ProcessLock&&) = delete;
  ~ProcessLock();

 private:
  explicit ProcessLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace posthorn
