// Files of the operating system. Blocking calls run on worker threads; completions are posted to the awaiting
// coroutine's executor, so no caller ever runs on a worker.
#pragma once
#include <memory>

#include "platform/files.h"

namespace posthorn {

class WorkerPool;

// New content is written to a file without a name (or, on file systems that cannot, to NAME.N.partial) and
// gets its name only by commit(). Symbolic links are not followed in the last component of a path. Folders
// are created for the owner only.
//
// Must be destroyed before the io_context that its callers run on: the destructor waits for the running calls
// and posts their completions. Calls not yet begun then end with `cancelled`. Operations cannot be cancelled
// one by one.
class RealFiles final : public Files {
 public:
  explicit RealFiles(unsigned threads = 2);
  ~RealFiles() override;
  Task<Result<std::unique_ptr<FileReader>>> open(const std::string& path) override;
  Task<Result<std::unique_ptr<FileWriter>>> create(const std::string& path) override;
  Task<Result<>> remove(const std::string& path) override;  // removing what is absent succeeds
  Task<Result<std::uint64_t>> free_bytes(const std::string& path) override;
  Result<> make_folders(const std::string& path) override;
  Task<> run_blocking(std::move_only_function<void()> work) override;

 private:
  std::shared_ptr<WorkerPool> pool_;
};

}  // namespace posthorn
