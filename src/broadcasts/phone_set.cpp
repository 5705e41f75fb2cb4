#include "broadcasts/phone_set.h"

#include <algorithm>
#include <cmath>

namespace posthorn {
namespace {

constexpr std::uint64_t kMask50 = (std::uint64_t{1} << 50) - 1;

// A permutation of the 50-bit integers: odd multiplications and xor-shifts can be undone.
std::uint64_t mix(std::uint64_t x) {
  x = x * 0x9E3779B97F4A7C15U & kMask50;
  x ^= x >> 27;
  x = x * 0xD6E8FEB86659FD93U & kMask50;
  return x ^ x >> 25;
}

}  // namespace

PhoneSet::PhoneSet(std::uint64_t expected) : shards_(std::size_t{1} << kShardBits) {
  const double mean = static_cast<double>(expected) / static_cast<double>(shards_.size() * kBuckets);
  const auto capacity = static_cast<std::uint32_t>(std::ceil(mean + 2 * std::sqrt(mean)));
  for (Shard& shard : shards_) shard.capacity = std::clamp<std::uint32_t>(capacity, 1, 60'000);
}

bool PhoneSet::insert(PhoneNumber phone) {
  const std::uint64_t mixed = mix(phone.digits() & kMask50);
  Shard& shard = shards_[mixed >> (50 - kShardBits)];
  if (shard.used.empty()) {
    shard.slots.resize(std::size_t{kBuckets} * shard.capacity);
    shard.used.resize(kBuckets);
  }
  const std::size_t bucket = mixed >> 32 & (kBuckets - 1);
  const auto low = static_cast<std::uint32_t>(mixed);
  std::uint32_t* slots = shard.slots.data() + bucket * shard.capacity;
  std::uint16_t& used = shard.used[bucket];
  if (std::find(slots, slots + used, low) != slots + used) return false;
  if (used < shard.capacity) {
    slots[used++] = low;
  } else {
    if (std::find(shard.overflow.begin(), shard.overflow.end(), mixed) != shard.overflow.end()) return false;
    shard.overflow.push_back(mixed);
    if (shard.overflow.size() > kMaxOverflow) grow(shard);
  }
  ++size_;
  return true;
}

void PhoneSet::grow(Shard& shard) {
  const std::uint32_t before = shard.capacity;
  const std::uint32_t after = before + std::max(2U, before / 4);
  std::vector<std::uint32_t> slots(std::size_t{kBuckets} * after);
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    std::copy_n(shard.slots.data() + bucket * before, shard.used[bucket], slots.data() + bucket * after);
  }
  shard.slots = std::move(slots);
  shard.capacity = after;
  std::erase_if(shard.overflow, [&shard](std::uint64_t mixed) {
    const std::size_t bucket = mixed >> 32 & (kBuckets - 1);
    std::uint16_t& used = shard.used[bucket];
    if (used == shard.capacity) return false;
    shard.slots[bucket * shard.capacity + used++] = static_cast<std::uint32_t>(mixed);
    return true;
  });
}

std::size_t PhoneSet::memory() const {
  std::size_t bytes = shards_.size() * sizeof(Shard);
  for (const Shard& shard : shards_) {
    bytes += shard.slots.capacity() * sizeof(std::uint32_t) + shard.used.capacity() * sizeof(std::uint16_t) +
             shard.overflow.capacity() * sizeof(std::uint64_t);
  }
  return bytes;
}

}  // namespace posthorn
