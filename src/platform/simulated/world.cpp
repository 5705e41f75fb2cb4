#include "platform/simulated/world.h"

#include <algorithm>
#include <cstring>

#include "platform/simulated/process.h"
#include "platform/simulated/wire.h"

namespace posthorn::simulated {
namespace {

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL;
constexpr WallTime kStart = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);

}  // namespace

std::uint64_t SeededRandom::draw() {
  state_ += kGolden;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

void SeededRandom::fill(std::span<std::byte> out) {
  while (!out.empty()) {
    const std::uint64_t drawn = draw();
    const std::size_t n = std::min(out.size(), sizeof(drawn));
    std::memcpy(out.data(), &drawn, n);
    out = out.subspan(n);
  }
}

World::World(std::uint64_t seed) : seed_(seed), hash_(mix(seed)), wire_(std::make_unique<Wire>(*this)) {}

// Events hold pipes, and pipes are known to the wire: they go first.
World::~World() {
  for (std::uint32_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].action) release(i);
  }
}

std::uint64_t World::mix(std::uint64_t x) {
  x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93ULL;
  x = (x ^ (x >> 32)) * kGolden;
  return x ^ (x >> 29);
}

WallTime World::wall_now() const {
  return kStart + now_.time_since_epoch();
}

std::unique_ptr<SeededRandom> World::random(std::string_view component) {
  const std::uint64_t nth = ++streams_.try_emplace(std::string(component), 0).first->second;
  std::uint64_t seed = mix(seed_ + nth * kGolden);
  for (const char c : component) seed = mix(seed ^ static_cast<unsigned char>(c));
  return std::make_unique<SeededRandom>(seed);
}

void World::note(std::string_view bytes) {
  note(bytes.size());
  while (bytes.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    note(word);
    bytes.remove_prefix(8);
  }
  std::uint64_t rest = 0;
  for (const char c : bytes) rest = rest << 8 | static_cast<unsigned char>(c);
  note(rest);
}

World::EventHandle World::schedule(MonotonicTime at, std::uint64_t owner,
                                   std::move_only_function<void()> action) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t index = free_slots_.back();
  free_slots_.pop_back();
  Slot& slot = slots_[index];
  slot.action = std::move(action);
  slot.owner = owner;
  heap_.push_back({std::max(at, now_), ++sequence_, index, slot.generation});
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  return {index, slot.generation};
}

// Frees the slot; its place in the heap is recognised as stale by the generation.
std::move_only_function<void()> World::release(std::uint32_t slot) {
  auto action = std::move(slots_[slot].action);
  slots_[slot].action = nullptr;
  slots_[slot].owner = 0;
  ++slots_[slot].generation;
  free_slots_.push_back(slot);
  return action;
}

void World::cancel(EventHandle handle) {
  if (handle.generation == 0 || slots_[handle.slot].generation != handle.generation) return;
  release(handle.slot);
}

void World::after(Duration delay, std::move_only_function<void()> action) {
  schedule(now_ + delay, 0, std::move(action));
}

void World::drop_events_of(std::uint64_t owner) {
  // Dropping an action may destroy objects that cancel further events, so the slots are looked up anew each
  // time.
  for (std::uint32_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].owner == owner && slots_[i].action) release(i);
  }
}

std::uint64_t World::enter(Process& process) {
  processes_.push_back(&process);
  return ++processes_started_;
}

void World::leave(Process& process) {
  std::erase(processes_, &process);
}

void World::poll_processes() {
  for (bool ran = true; ran;) {
    ran = false;
    for (std::size_t i = 0; i < processes_.size(); ++i) {  // a handler may start a process
      const std::size_t n = processes_[i]->context().poll();
      handlers_ += n;
      ran = ran || n > 0;
    }
  }
}

bool World::step(MonotonicTime end) {
  while (!heap_.empty()) {
    const Due due = heap_.front();
    const bool stale = slots_[due.slot].generation != due.generation;
    if (!stale && due.at > end) return false;
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    heap_.pop_back();
    if (stale) continue;
    now_ = due.at;
    note(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
    note(due.sequence);
    release(due.slot)();
    return true;
  }
  return false;
}

bool World::run_until(const std::function<bool()>& done, Duration limit) {
  const MonotonicTime end = now_ + limit;
  for (;;) {
    poll_processes();
    if (done()) return true;
    if (!step(end)) break;
  }
  return false;
}

void World::run_for(Duration span) {
  const MonotonicTime end = now_ + span;
  do {
    poll_processes();
  } while (step(end));
  now_ = end;
}

}  // namespace posthorn::simulated
