// A disk made of RAM for SQLite (a VFS), which can lose power, tear writes, fail any operation and fill up.
//
// It outlives the simulated process that uses it. Single-threaded. Deterministic: the same seed and calls
// give the same bytes.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace posthorn::simulated {

class DiskVfs;

// What a crash leaves of writes that were not synced.
enum class CrashLoss {
  none,    // only the process died: the operating system keeps every write
  all,     // power loss: exactly what was synced remains
  random,  // power loss: any legal subset of unsynced writes, torn at 512 bytes, in any order (invariant I22)
};

class Disk {
 public:
  explicit Disk(std::uint64_t seed);
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  const std::string& vfs_name() const;  // for sqlite3_open_v2

  // Ends the life of everything opened so far: handles that are still open fail with SQLITE_IOERR until
  // closed, and the contents become what the crash leaves.
  void crash(CrashLoss loss);

  // From the n-th operation on (1 is the next read, write, sync, truncation or deletion), every operation
  // fails as if the process had died there; crash() ends that. 0: never.
  void stop_at_operation(std::uint64_t n);
  // Only the n-th such operation fails, with an I/O error. 0: never.
  void fail_operation(std::uint64_t n);
  bool stopped() const;
  std::uint64_t operations() const;  // counted since the last call of crash(), stop_… or fail_…

  void set_capacity(
      std::uint64_t bytes);  // all files together; writes beyond fail with SQLITE_FULL. 0: unlimited
  std::uint64_t used_bytes() const;

  // An independent disk whose contents are what a power loss right now could leave; for trying many such
  // images.
  std::unique_ptr<Disk> power_loss_image(std::uint64_t seed) const;

  struct Counters {
    std::uint64_t writes = 0, syncs = 0, bytes = 0;
  };
  Counters counters() const;

  struct State;  // shared with the VFS's open files

 private:
  std::shared_ptr<State> state_;
  std::unique_ptr<DiskVfs> vfs_;
};

}  // namespace posthorn::simulated
