#include "storage/simulated_disk.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <sqlite3.h>

#include "storage/simulated_disk_state.h"

namespace posthorn::simulated {

namespace {

void put(std::vector<char>& target, std::uint64_t offset, const char* bytes, std::size_t count) {
  if (target.size() < offset + count) target.resize(offset + count);
  std::memcpy(target.data() + offset, bytes, count);
}

}  // namespace

std::uint64_t DiskRandom::next() {
  std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

void DiskFile::write(std::uint64_t offset, const char* bytes, std::size_t count) {
  put(now_, offset, bytes, count);
  pending_.push_back({.offset = offset, .start = bytes_.size(), .count = count});
  bytes_.insert(bytes_.end(), bytes, bytes + count);
}

void DiskFile::truncate(std::uint64_t size) {
  now_.resize(size);
  pending_.push_back({.offset = size, .truncation = true});
}

void DiskFile::sync() {
  for (const Operation& op : pending_) {
    if (op.truncation) {
      durable_.resize(op.offset);
    } else {
      put(durable_, op.offset, bytes_.data() + op.start, op.count);
    }
  }
  pending_.clear();
  bytes_.clear();
}

std::size_t DiskFile::read(std::uint64_t offset, char* out, std::size_t count) const {
  if (offset >= now_.size()) return 0;
  const std::size_t n = std::min<std::size_t>(count, now_.size() - offset);
  std::memcpy(out, now_.data() + offset, n);
  return n;
}

// Each sector of an unsynced write arrives or not, independently: earlier writes may be missing where later
// ones are there.
void DiskFile::apply_torn(const Operation& op, std::uint64_t keep_of_8, DiskRandom& random,
                          std::vector<char>& target) const {
  std::size_t done = 0;
  while (done < op.count) {
    const std::uint64_t offset = op.offset + done;
    const std::size_t in_sector = std::min<std::size_t>(op.count - done, kSector - offset % kSector);
    if (random.below(8) < keep_of_8) put(target, offset, bytes_.data() + op.start + done, in_sector);
    done += in_sector;
  }
}

std::vector<char> DiskFile::after_loss(DiskRandom& random) const {
  std::vector<char> result = durable_;
  const std::uint64_t keep_of_8 = random.below(9);  // from nothing to everything, also the extremes
  for (const Operation& op : pending_) {
    if (!op.truncation) {
      apply_torn(op, keep_of_8, random, result);
    } else if (random.below(8) < keep_of_8) {
      result.resize(op.offset);
    }
  }
  return result;
}

void DiskFile::become(CrashLoss loss, DiskRandom& random) {
  if (loss == CrashLoss::all) now_ = durable_;
  if (loss == CrashLoss::random) now_ = after_loss(random);
  if (loss == CrashLoss::none) return;  // the system still holds the unsynced writes: they stay unsynced
  durable_ = now_;
  pending_.clear();
  bytes_.clear();
}

DiskFile DiskFile::image(DiskRandom& random) const {
  DiskFile copy;
  copy.now_ = after_loss(random);
  copy.durable_ = copy.now_;
  return copy;
}

DiskVerdict Disk::State::next_operation() {
  ++operations;
  if (stopped() || operations == fail_at) return DiskVerdict::fail;
  return DiskVerdict::proceed;
}

void Disk::State::sync_folder_for(const std::string& name) {
  auto found = entries.find(name);
  if (found != entries.end() && found->second.live != found->second.durable) sync_folder();
}

void Disk::State::sync_folder() {
  for (auto it = entries.begin(); it != entries.end();) {
    it->second.durable = it->second.live;
    it = it->second.live ? std::next(it) : entries.erase(it);
  }
}

void Disk::State::crash(CrashLoss loss) {
  ++generation;
  stop_at = fail_at = operations = 0;
  for (auto it = entries.begin(); it != entries.end();) {
    DiskEntry& entry = it->second;
    // A name that was made or removed but not synced is there or not.
    const bool take_durable = loss == CrashLoss::all || (loss == CrashLoss::random && random.below(2) == 0);
    if (take_durable) entry.live = entry.durable;
    if (loss != CrashLoss::none) entry.durable = entry.live;
    if (entry.live) entry.live->become(loss, random);
    it = entry.live || entry.durable ? std::next(it) : entries.erase(it);
  }
  recount();
}

void Disk::State::recount() {
  used = 0;
  for (const auto& [name, entry] : entries) used += entry.live ? entry.live->size() : 0;
}

Disk::Disk(std::uint64_t seed) : state_(std::make_shared<State>(seed)) {
  vfs_ = std::make_unique<DiskVfs>(state_,
                                   fmt::format("posthorn-disk-{}", static_cast<const void*>(state_.get())));
}

Disk::~Disk() = default;

const std::string& Disk::vfs_name() const {
  return vfs_->name();
}
void Disk::crash(CrashLoss loss) {
  state_->crash(loss);
}
void Disk::stop_at_operation(std::uint64_t n) {
  state_->stop_at = n;
  state_->operations = 0;
}
void Disk::fail_operation(std::uint64_t n) {
  state_->fail_at = n;
  state_->operations = 0;
}
bool Disk::stopped() const {
  return state_->stopped();
}
std::uint64_t Disk::operations() const {
  return state_->operations;
}
void Disk::set_capacity(std::uint64_t bytes) {
  state_->capacity = bytes;
}
std::uint64_t Disk::used_bytes() const {
  return state_->used;
}
Disk::Counters Disk::counters() const {
  return state_->counters;
}

std::unique_ptr<Disk> Disk::power_loss_image(std::uint64_t seed) const {
  auto copy = std::make_unique<Disk>(seed);
  DiskRandom& random = copy->state_->random;
  for (const auto& [name, entry] : state_->entries) {
    const auto& survivor = random.below(2) == 0 ? entry.durable : entry.live;
    if (!survivor) continue;
    auto file = std::make_shared<DiskFile>(survivor->image(random));
    copy->state_->entries[name] = {.live = file, .durable = file};
  }
  copy->state_->recount();
  return copy;
}

}  // namespace posthorn::simulated
