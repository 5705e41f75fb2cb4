// A set of phone numbers for finding duplicates among millions of rows: exact, some 6 to 9 bytes a number.
#pragma once
#include <cstdint>
#include <vector>

#include "core/phone_number.h"

namespace posthorn {

// E.164 numbers have at most 15 digits, so they fit in 50 bits. A reversible mix spreads them; its upper 18
// bits choose a bucket, and only the lower 32 bits are stored there.
class PhoneSet {
 public:
  explicit PhoneSet(std::uint64_t expected);
  bool insert(PhoneNumber phone);  // false if it was there already
  std::uint64_t size() const { return size_; }
  std::size_t memory() const;  // bytes held

 private:
  struct Shard {
    std::uint32_t capacity = 0;           // slots of each bucket
    std::vector<std::uint32_t> slots;     // kBuckets × capacity
    std::vector<std::uint16_t> used;      // of each bucket
    std::vector<std::uint64_t> overflow;  // mixed numbers whose bucket was full
  };
  static constexpr unsigned kShardBits = 8;
  static constexpr unsigned kBucketBits = 10;
  static constexpr std::uint32_t kBuckets = 1U << kBucketBits;
  static constexpr std::size_t kMaxOverflow = 64;
  void grow(Shard& shard);

  std::vector<Shard> shards_;
  std::uint64_t size_ = 0;
};

}  // namespace posthorn
