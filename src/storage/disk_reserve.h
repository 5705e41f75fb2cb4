// A file that only occupies space, so that there is some to give back when the disk is full (invariant I21).
#pragma once
#include <cstdint>
#include <string>

#include "core/result.h"

namespace posthorn {

class DiskReserve {
 public:
  // bytes 0: no reserve; hold() then always succeeds.
  DiskReserve(std::string path, std::uint64_t bytes) : path_(std::move(path)), bytes_(bytes) {}

  Result<> hold();  // takes the space if it is not held; resource_exhausted if there is too little
  // hold(), but only with as much space again left for work: otherwise what was just given back would be
  // taken back.
  Result<> retake();
  void release();  // gives it back to the file system
  bool held() const { return held_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::string path_;
  std::uint64_t bytes_;
  bool held_ = false;
};

}  // namespace posthorn
