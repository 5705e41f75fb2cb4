#include "platform/real_files.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "platform/file_descriptor.h"
#include "platform/worker_pool.h"

namespace posthorn {
namespace {

constexpr std::size_t kLargestRead = std::size_t{1} << 20;

Error stopped() {
  return Error{ErrorCode::cancelled, "the files are closed: the program is ending"};
}

template <class T>
Task<Result<T>> on_worker(std::shared_ptr<WorkerPool> pool, std::move_only_function<Result<T>()> work) {
  Result<T> if_stopped = std::unexpected(stopped());
  co_return co_await offload<Result<T>>(std::move(pool), std::move(work), std::move(if_stopped));
}

class RealReader final : public FileReader {
 public:
  RealReader(std::shared_ptr<WorkerPool> pool, OpenedFile file, std::string path)
      : pool_(std::move(pool)),
        file_(std::make_shared<OpenedFile>(std::move(file))),
        path_(std::move(path)) {}

  // The worker reads into a buffer of its own: `out` may be gone when a read ends that nobody waits for any
  // more.
  Task<Result<std::size_t>> read_at(std::uint64_t offset, std::span<char> out) override {
    std::string buffer(std::min(out.size(), kLargestRead), '\0');
    auto bytes = std::make_shared<std::string>(std::move(buffer));
    std::move_only_function<Result<std::size_t>()> work = [file = file_, path = path_, offset, bytes] {
      return read_fully(file->fd.get(), path, offset, *bytes);
    };
    Result<std::size_t> got = co_await on_worker<std::size_t>(pool_, std::move(work));
    if (got) std::memcpy(out.data(), bytes->data(), *got);
    co_return got;
  }
  std::uint64_t size() const override { return file_->size; }

 private:
  std::shared_ptr<WorkerPool> pool_;
  std::shared_ptr<OpenedFile> file_;
  std::string path_;
};

class RealWriter final : public FileWriter {
 public:
  RealWriter(std::shared_ptr<WorkerPool> pool, std::unique_ptr<UnnamedFile> file)
      : pool_(std::move(pool)), path_(file->path), file_(std::move(file)) {}

  Task<Result<>> append(std::string bytes) override {
    std::move_only_function<Result<>()> work = [file = file_, bytes = std::move(bytes)] {
      return write_all(*file, bytes);
    };
    return step(std::move(work));
  }
  std::uint64_t size() const override { return size_; }
  Task<Result<>> commit() override { return commit_as(path_); }
  Task<Result<>> commit_as(std::string path) override {
    std::move_only_function<Result<>()> work = [file = file_, path = std::move(path)] {
      return give_name(*file, path);
    };
    return step(std::move(work));
  }

 private:
  // After a failure the content is not what was asked for, so every later step fails the same way.
  Task<Result<>> step(std::move_only_function<Result<>()> work) {
    if (failure_) co_return std::unexpected(*failure_);
    Result<> done = co_await on_worker<void>(pool_, std::move(work));
    if (!done) failure_ = done.error();
    size_ = file_->size;
    co_return done;
  }

  std::shared_ptr<WorkerPool> pool_;
  std::string path_;
  std::shared_ptr<UnnamedFile> file_;
  std::uint64_t size_ = 0;
  std::optional<Error> failure_;
};

}  // namespace

RealFiles::RealFiles(unsigned threads) : pool_(std::make_shared<WorkerPool>(threads)) {}
RealFiles::~RealFiles() {
  pool_->stop();
}

Task<Result<std::unique_ptr<FileReader>>> RealFiles::open(const std::string& path) {
  std::string name = path;
  std::shared_ptr<WorkerPool> pool = pool_;
  std::move_only_function<Result<OpenedFile>()> work = [name] { return open_for_reading(name); };
  PH_CO_TRY_ASSIGN(OpenedFile file, co_await on_worker<OpenedFile>(pool, std::move(work)));
  co_return std::make_unique<RealReader>(pool, std::move(file), std::move(name));
}

Task<Result<std::unique_ptr<FileWriter>>> RealFiles::create(const std::string& path) {
  std::shared_ptr<WorkerPool> pool = pool_;
  std::move_only_function<Result<std::unique_ptr<UnnamedFile>>()> work = [name = path] {
    return create_unnamed(name);
  };
  PH_CO_TRY_ASSIGN(auto file, co_await on_worker<std::unique_ptr<UnnamedFile>>(pool, std::move(work)));
  co_return std::make_unique<RealWriter>(pool, std::move(file));
}

Task<Result<>> RealFiles::remove(const std::string& path) {
  return on_worker<void>(pool_, [name = path] { return remove_file(name); });
}

Task<Result<std::uint64_t>> RealFiles::free_bytes(const std::string& path) {
  return on_worker<std::uint64_t>(pool_, [name = path] { return free_bytes_at(name); });
}

Result<> RealFiles::make_folders(const std::string& path) {
  return make_folders_at(path);
}

Task<> RealFiles::run_blocking(std::move_only_function<void()> work) {
  std::move_only_function<bool()> job = [work = std::move(work)]() mutable {
    work();
    return true;
  };
  const bool done = co_await offload<bool>(pool_, std::move(job), false);
  if (!done) throw boost::system::system_error(asio::error::operation_aborted);
}

}  // namespace posthorn
