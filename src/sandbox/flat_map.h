// Open-addressing map from a non-zero 64-bit key, half the memory of std::unordered_map and no allocation per
// entry. It has no order: only for look-ups and for sums, never for output.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "sandbox/dice.h"

namespace posthorn::sandbox {

template <class V>
class FlatMap {
 public:
  V* find(std::uint64_t key) {
    if (slots_.empty()) return nullptr;
    Slot& slot = probe(slots_, key);
    return slot.key == key ? &slot.value : nullptr;
  }
  const V* find(std::uint64_t key) const { return const_cast<FlatMap*>(this)->find(key); }

  // The value of `key`, made from V{} if it was not there; second tells which.
  std::pair<V&, bool> insert(std::uint64_t key) {
    if ((size_ + 1) * 10 > slots_.size() * 7) rehash(slots_.empty() ? 16 : slots_.size() * 2);
    Slot& slot = probe(slots_, key);
    const bool fresh = slot.key != key;
    if (fresh) {
      slot.key = key;
      slot.value = V{};
      ++size_;
    }
    return {slot.value, fresh};
  }

  template <class Keep>
  void keep_if(Keep keep) {
    std::vector<Slot> old(16);
    old.swap(slots_);
    size_ = 0;
    for (Slot& s : old)
      if (s.key != 0 && keep(s.key, s.value)) insert(s.key).first = std::move(s.value);
  }

  template <class Visit>
  void for_each(Visit visit) const {
    for (const Slot& s : slots_)
      if (s.key != 0) visit(s.key, s.value);
  }

  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const { return slots_.capacity() * sizeof(Slot); }
  void clear() {
    slots_ = {};
    size_ = 0;
  }

 private:
  struct Slot {
    std::uint64_t key = 0;
    V value{};
  };

  static Slot& probe(std::vector<Slot>& slots, std::uint64_t key) {
    const std::size_t mask = slots.size() - 1;
    std::size_t i = mix(key) & mask;
    while (slots[i].key != 0 && slots[i].key != key) i = (i + 1) & mask;
    return slots[i];
  }

  void rehash(std::size_t capacity) {
    std::vector<Slot> fresh(capacity);
    for (Slot& s : slots_)
      if (s.key != 0) probe(fresh, s.key) = std::move(s);
    slots_.swap(fresh);
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace posthorn::sandbox
