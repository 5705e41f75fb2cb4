// SQLite's VFS interface over a simulated disk (sqlite.org/c3ref/vfs.html). One connection at a time, in
// exclusive locking mode: no locks and no shared memory are needed.
#include <cstring>
#include <new>

#include <sqlite3.h>

#include "storage/simulated_disk_state.h"

namespace posthorn::simulated {

namespace {

using StatePtr = std::shared_ptr<Disk::State>;

struct OpenFile : sqlite3_file {
  StatePtr disk;
  std::shared_ptr<DiskFile> file;
  std::string name;  // empty for temporary files
  std::uint64_t generation = 0;
  bool delete_on_close = false;
};

OpenFile& handle(sqlite3_file* file) {
  return *static_cast<OpenFile*>(file);
}

// Whether the next operation of this handle happens.
bool proceeds(OpenFile& open) {
  if (open.generation != open.disk->generation) return false;
  return open.disk->next_operation() == DiskVerdict::proceed;
}

int close_file(sqlite3_file* file) {
  OpenFile& open = handle(file);
  if (open.delete_on_close && open.generation == open.disk->generation) open.disk->entries.erase(open.name);
  open.~OpenFile();
  return SQLITE_OK;
}

int read_file(sqlite3_file* file, void* out, int count, sqlite3_int64 offset) {
  OpenFile& open = handle(file);
  if (!proceeds(open)) return SQLITE_IOERR_READ;
  const auto wanted = static_cast<std::size_t>(count);
  const std::size_t n = open.file->read(static_cast<std::uint64_t>(offset), static_cast<char*>(out), wanted);
  if (n == wanted) return SQLITE_OK;
  std::memset(static_cast<char*>(out) + n, 0, wanted - n);  // SQLite asks for zeros after a short read
  return SQLITE_IOERR_SHORT_READ;
}

int write_file(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  OpenFile& open = handle(file);
  if (!proceeds(open)) return SQLITE_IOERR_WRITE;
  Disk::State& disk = *open.disk;
  const std::uint64_t before = open.file->size();
  const std::uint64_t end = static_cast<std::uint64_t>(offset) + static_cast<std::uint64_t>(count);
  if (!disk.may_grow(before, end)) return SQLITE_FULL;
  open.file->write(static_cast<std::uint64_t>(offset), static_cast<const char*>(bytes),
                   static_cast<std::size_t>(count));
  disk.used += open.file->size() - before;
  ++disk.counters.writes;
  disk.counters.bytes += static_cast<std::uint64_t>(count);
  return SQLITE_OK;
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  OpenFile& open = handle(file);
  if (!proceeds(open)) return SQLITE_IOERR_TRUNCATE;
  const std::uint64_t before = open.file->size();
  open.file->truncate(static_cast<std::uint64_t>(size));
  open.disk->used += open.file->size() - before;  // wraps back when it shrinks
  return SQLITE_OK;
}

int sync_file(sqlite3_file* file, int) {
  OpenFile& open = handle(file);
  if (!proceeds(open)) return SQLITE_IOERR_FSYNC;
  open.file->sync();
  ++open.disk->counters.syncs;
  open.disk->sync_folder_for(open.name);
  return SQLITE_OK;
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  *size = static_cast<sqlite3_int64>(handle(file).file->size());
  return SQLITE_OK;
}

int lock_file(sqlite3_file*, int) {
  return SQLITE_OK;
}
int check_reserved(sqlite3_file*, int* locked) {
  *locked = 0;
  return SQLITE_OK;
}
int file_control(sqlite3_file*, int, void*) {
  return SQLITE_NOTFOUND;
}
int sector_size(sqlite3_file*) {
  return static_cast<int>(kSector);
}
int characteristics(sqlite3_file*) {
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}  // a sector is whole or untouched

constexpr sqlite3_io_methods kMethods = {.iVersion = 1,
                                         .xClose = close_file,
                                         .xRead = read_file,
                                         .xWrite = write_file,
                                         .xTruncate = truncate_file,
                                         .xSync = sync_file,
                                         .xFileSize = file_size,
                                         .xLock = lock_file,
                                         .xUnlock = lock_file,
                                         .xCheckReservedLock = check_reserved,
                                         .xFileControl = file_control,
                                         .xSectorSize = sector_size,
                                         .xDeviceCharacteristics = characteristics,
                                         .xShmMap = nullptr,
                                         .xShmLock = nullptr,
                                         .xShmBarrier = nullptr,
                                         .xShmUnmap = nullptr,
                                         .xFetch = nullptr,
                                         .xUnfetch = nullptr};

StatePtr& state_of(sqlite3_vfs* vfs) {
  return *static_cast<StatePtr*>(vfs->pAppData);
}

int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  const StatePtr& disk = state_of(vfs);
  file->pMethods = nullptr;
  if (disk->stopped()) return SQLITE_CANTOPEN;
  std::shared_ptr<DiskFile> content;
  if (name == nullptr) {
    content = std::make_shared<DiskFile>();
  } else {
    auto found = disk->entries.find(name);
    if (found != disk->entries.end()) content = found->second.live;
    if (!content && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
    if (!content) content = disk->entries[name].live = std::make_shared<DiskFile>();
  }
  auto* open = new (file) OpenFile;
  open->pMethods = &kMethods;
  open->disk = disk;
  open->file = std::move(content);
  open->name = name != nullptr ? name : "";
  open->generation = disk->generation;
  open->delete_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  Disk::State& disk = *state_of(vfs);
  auto found = disk.entries.find(name);
  if (found == disk.entries.end() || !found->second.live) return SQLITE_IOERR_DELETE_NOENT;
  if (disk.next_operation() != DiskVerdict::proceed) return SQLITE_IOERR_DELETE;
  disk.used -= found->second.live->size();
  found->second.live.reset();
  if (sync_folder != 0) disk.sync_folder();
  return SQLITE_OK;
}

int access_file(sqlite3_vfs* vfs, const char* name, int, int* result) {
  const auto& entries = state_of(vfs)->entries;
  auto found = entries.find(name);
  *result = found != entries.end() && found->second.live ? 1 : 0;
  return SQLITE_OK;
}

int full_path(sqlite3_vfs*, const char* name, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}

int randomness(sqlite3_vfs* vfs, int count, char* out) {
  for (int i = 0; i < count; ++i) out[i] = static_cast<char>(state_of(vfs)->random.next());
  return count;
}

int sleep_not(sqlite3_vfs*, int microseconds) {
  return microseconds;
}

int current_time(sqlite3_vfs*, double* julian_day) {
  *julian_day =
      2461365.5;  // no statement of ours asks for the time; if one did, it would be the same in every run
  return SQLITE_OK;
}

int last_error(sqlite3_vfs*, int, char*) {
  return 0;
}

}  // namespace

DiskVfs::DiskVfs(std::shared_ptr<Disk::State> state, std::string name)
    : name_(std::move(name)), vfs_(std::make_unique<sqlite3_vfs>()), state_(std::move(state)) {
  *vfs_ = sqlite3_vfs{};
  vfs_->iVersion = 1;
  vfs_->szOsFile = sizeof(OpenFile);
  vfs_->mxPathname = 255;
  vfs_->zName = name_.c_str();
  vfs_->pAppData = &state_;
  vfs_->xOpen = open_file;
  vfs_->xDelete = delete_file;
  vfs_->xAccess = access_file;
  vfs_->xFullPathname = full_path;
  vfs_->xRandomness = randomness;
  vfs_->xSleep = sleep_not;
  vfs_->xCurrentTime = current_time;
  vfs_->xGetLastError = last_error;
  sqlite3_vfs_register(vfs_.get(), 0);
}

DiskVfs::~DiskVfs() {
  sqlite3_vfs_unregister(vfs_.get());
}

}  // namespace posthorn::simulated
