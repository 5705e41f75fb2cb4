// The contents of a simulated disk: what is on it now, and what would survive a power loss. Shared by Disk
// and its VFS.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "storage/simulated_disk.h"

struct sqlite3_vfs;

namespace posthorn::simulated {

inline constexpr std::uint64_t kSector = 512;  // the unit in which a write may be torn

// splitmix64: one short, seeded stream is all a disk needs.
class DiskRandom {
 public:
  explicit DiskRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }

 private:
  std::uint64_t state_;
};

// One file: the bytes a reader sees, the bytes that are safe, and the unsynced operations between the two.
class DiskFile {
 public:
  void write(std::uint64_t offset, const char* bytes, std::size_t count);
  void truncate(std::uint64_t size);
  void sync();
  std::size_t read(std::uint64_t offset, char* out, std::size_t count) const;
  std::uint64_t size() const { return now_.size(); }

  void become(CrashLoss loss, DiskRandom& random);
  DiskFile image(DiskRandom& random) const;  // what a power loss could leave

 private:
  struct Operation {
    std::uint64_t offset = 0;  // of a write; the new size for a truncation
    std::size_t start = 0;     // in bytes_
    std::size_t count = 0;
    bool truncation = false;
  };
  std::vector<char> after_loss(DiskRandom& random) const;
  void apply_torn(const Operation& op, std::uint64_t keep_of_8, DiskRandom& random,
                  std::vector<char>& target) const;

  std::vector<char> now_;
  std::vector<char> durable_;
  std::vector<Operation> pending_;
  std::vector<char> bytes_;  // of the pending writes
};

// A name in the folder: the file it leads to now, and after a power loss.
struct DiskEntry {
  std::shared_ptr<DiskFile> live;
  std::shared_ptr<DiskFile> durable;
};

enum class DiskVerdict { proceed, fail, full };

struct Disk::State {
  explicit State(std::uint64_t seed) : random(seed) {}

  std::map<std::string, DiskEntry> entries;
  DiskRandom random;
  std::uint64_t generation = 0;  // handles of an earlier one are dead
  std::uint64_t operations = 0;
  std::uint64_t stop_at = 0;
  std::uint64_t fail_at = 0;
  std::uint64_t capacity = 0;
  std::uint64_t used = 0;
  Counters counters;

  bool stopped() const { return stop_at != 0 && operations >= stop_at; }
  DiskVerdict next_operation();
  // Before a file grows from `from` to `to` bytes.
  bool may_grow(std::uint64_t from, std::uint64_t to) const {
    return capacity == 0 || to <= from || used + (to - from) <= capacity;
  }
  // SQLite syncs the folder together with the first sync of a journal or log it has made. That makes every
  // name in it safe, removals too.
  void sync_folder_for(const std::string& name);
  void sync_folder();
  void crash(CrashLoss loss);
  void recount();
};

// Registers a VFS over `state` with SQLite under `name`, until it is destroyed.
class DiskVfs {
 public:
  DiskVfs(std::shared_ptr<Disk::State> state, std::string name);
  ~DiskVfs();
  DiskVfs(const DiskVfs&) = delete;
  DiskVfs& operator=(const DiskVfs&) = delete;
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::unique_ptr<sqlite3_vfs> vfs_;
  std::shared_ptr<Disk::State> state_;
};

}  // namespace posthorn::simulated
