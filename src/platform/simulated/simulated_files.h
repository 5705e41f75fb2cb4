// Files in memory, for the simulator. Every call completes inline and in order. Outlives the simulated
// process.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "platform/files.h"

namespace posthorn::simulated {

class SimulatedFiles final : public Files {
 public:
  SimulatedFiles();
  ~SimulatedFiles() override;

  // The process died: handles opened so far fail with `unavailable`, content not committed is gone, and
  // removals that no later commit in the same folder made durable are undone.
  void crash();
  // Bytes of all files together, committed or being written. Appending beyond fails with resource_exhausted,
  // after writing what still fits, as a real disk does.
  void set_capacity(std::uint64_t bytes);
  std::uint64_t used_bytes() const;
  // The n-th append, commit or remove from now on (1 is the next) fails with data_loss, as after an I/O
  // error. 0: never.
  void fail_operation(std::uint64_t n);

  // For tests: looks at the committed content, or puts it there. nullptr when there is no such file.
  const std::string* contents(const std::string& path) const;
  void put(const std::string& path, std::string bytes);
  void corrupt(const std::string& path, std::uint64_t offset);  // flips one bit

  Task<Result<std::unique_ptr<FileReader>>> open(const std::string& path) override;
  Task<Result<std::unique_ptr<FileWriter>>> create(const std::string& path) override;
  Task<Result<>> remove(const std::string& path) override;
  Task<Result<std::uint64_t>> free_bytes(const std::string& path) override;
  Result<> make_folders(const std::string& path) override;
  Task<> run_blocking(std::move_only_function<void()> work) override;

  struct State;  // shared with open handles

 private:
  std::shared_ptr<State> state_;
};

}  // namespace posthorn::simulated
