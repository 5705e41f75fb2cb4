// A deterministic world: one virtual time line, one seed, any number of processes, a network that fails on
// purpose. The same seed and the same program give the same trace hash; product code runs in it unchanged.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "platform/random.h"

namespace posthorn::simulated {

class Process;
class Wire;

// A seeded stream of random numbers (SplitMix64).
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::byte> out) override;
  std::uint64_t draw();

 private:
  std::uint64_t state_;
};

class World {
 public:
  explicit World(std::uint64_t seed);
  ~World();  // after all its processes
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  MonotonicTime now() const { return now_; }
  // True UTC, starting at 2026-01-01. A process may see another wall clock (Process::jump_wall_clock).
  WallTime wall_now() const;

  // A stream of its own for each name and each call, so that one component's draws do not shift another's.
  std::unique_ptr<SeededRandom> random(std::string_view component);

  // Runs until `done` is true, which is asked after every event, or `limit` of virtual time has passed, or
  // nothing is left to happen. Returns whether `done` became true. Exceptions of handlers leave this call.
  bool run_until(const std::function<bool()>& done, Duration limit);
  void run_for(Duration span);  // time advances by exactly `span`

  // Calls `action` outside of all processes: the place to crash one or to change the faults.
  void after(Duration delay, std::move_only_function<void()> action);

  // Folds into the trace hash. Every event and every delivery of bytes is folded in already.
  void note(std::string_view bytes);
  void note(std::uint64_t number) { hash_ = mix(hash_ ^ number); }
  std::uint64_t trace_hash() const { return hash_; }
  std::uint64_t handlers_run() const { return handlers_; }

  Wire& wire() { return *wire_; }  // the network's faults

  // For simulated devices: `owner` is Process::id(), or 0 for the world itself. A crash drops the owner's
  // events.
  struct EventHandle {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;  // 0: none
  };
  EventHandle schedule(MonotonicTime at, std::uint64_t owner, std::move_only_function<void()> action);
  void cancel(EventHandle handle);

 private:
  friend class Process;
  struct Slot {
    std::move_only_function<void()> action;
    std::uint64_t owner = 0;
    std::uint32_t generation = 1;
  };
  struct Due {
    MonotonicTime at;
    std::uint64_t sequence;
    std::uint32_t slot;
    std::uint32_t generation;
    bool operator>(const Due& other) const {
      return at != other.at ? at > other.at : sequence > other.sequence;
    }
  };

  static std::uint64_t mix(std::uint64_t x);
  std::uint64_t enter(Process& process);  // the new process's id
  void leave(Process& process);
  void drop_events_of(std::uint64_t owner);
  std::move_only_function<void()> release(std::uint32_t slot);
  void poll_processes();
  bool step(MonotonicTime end);

  const std::uint64_t seed_;
  MonotonicTime now_{};
  std::uint64_t hash_;
  std::uint64_t handlers_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t processes_started_ = 0;
  std::vector<Due> heap_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<Process*> processes_;  // in the order of their start
  std::map<std::string, std::uint64_t, std::less<>> streams_;
  std::unique_ptr<Wire> wire_;
};

}  // namespace posthorn::simulated
