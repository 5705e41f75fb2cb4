// A map that remembers what was used lately and forgets the rest: for caches of a bounded size.
//
// Two maps stand for an order of use: what is found or put goes into the younger; when that is full, the
// older is dropped and the younger becomes the older. So between `capacity` and twice as many entries are
// kept, at the cost of a hash table and without a list through all entries.
#pragma once
#include <cstddef>
#include <functional>
#include <unordered_map>
#include <utility>

namespace posthorn {

template <class Key, class Value, class Hash = std::hash<Key>>
class RecentMap {
 public:
  explicit RecentMap(std::size_t capacity) : capacity_(capacity) {}

  // Stays valid until the next call. nullptr: not known, or forgotten.
  Value* find(const Key& key) {
    if (const auto at = young_.find(key); at != young_.end()) return &at->second;
    auto node = old_.extract(key);
    if (node.empty()) return nullptr;
    make_room();
    return &young_.insert(std::move(node)).position->second;
  }

  Value& put(const Key& key, Value value) {
    old_.erase(key);
    if (!young_.contains(key)) make_room();
    return young_.insert_or_assign(key, std::move(value)).first->second;
  }

  void clear() {
    young_.clear();
    old_.clear();
  }

  std::size_t size() const { return young_.size() + old_.size(); }

 private:
  using Map = std::unordered_map<Key, Value, Hash>;

  void make_room() {
    if (young_.size() < capacity_) return;
    old_ = std::move(young_);
    young_.clear();
  }

  std::size_t capacity_;
  Map young_, old_;
};

}  // namespace posthorn
