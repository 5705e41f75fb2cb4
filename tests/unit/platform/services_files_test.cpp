// One contract for both sides of the files port, then what only one of them can show.
#include <filesystem>
#include <thread>

#include <errno.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/file_descriptor.h"
#include "platform/real_files.h"
#include "platform/simulated/simulated_files.h"

namespace posthorn {
namespace {

using testing::HasSubstr;

template <class T>
T run(asio::io_context& context, Task<T> task) {
  std::optional<T> result;
  asio::co_spawn(context, std::move(task), [&](std::exception_ptr failure, T value) {
    if (failure) std::rethrow_exception(failure);
    result.emplace(std::move(value));
  });
  context.restart();
  context.run();
  return std::move(*result);
}

Task<Result<>> write_file(Files& files, std::string path, std::vector<std::string> pieces) {
  PH_CO_TRY_ASSIGN(auto writer, co_await files.create(path));
  for (std::string& piece : pieces) {
    PH_CO_TRY(co_await writer->append(std::move(piece)));
  }
  co_return co_await writer->commit();
}

Task<Result<std::string>> read_file(Files& files, std::string path) {
  PH_CO_TRY_ASSIGN(auto reader, co_await files.open(path));
  std::string content;
  std::array<char, 7> buffer{};
  for (;;) {
    PH_CO_TRY_ASSIGN(std::size_t got, co_await reader->read_at(content.size(), buffer));
    if (got == 0) co_return content;
    content.append(buffer.data(), got);
  }
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "posthorn-files-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::string path_;
};

class FilesContract : public testing::TestWithParam<bool> {
 protected:
  FilesContract() {
    if (GetParam())
      files_ = std::make_unique<RealFiles>();
    else
      files_ = std::make_unique<simulated::SimulatedFiles>();
    EXPECT_TRUE(files_->make_folders(folder_.path()));
  }
  std::string path(std::string_view name) const { return folder_.path() + "/" + std::string(name); }

  TemporaryFolder folder_;
  asio::io_context context_;
  std::unique_ptr<Files> files_;
};
INSTANTIATE_TEST_SUITE_P(Sides, FilesContract, testing::Bool(),
                         [](const auto& side) { return side.param ? "Real" : "Simulated"; });

TEST_P(FilesContract, WhatIsCommittedCanBeRead) {
  ASSERT_TRUE(run(context_, write_file(*files_, path("a"), {"hello ", "", "world, in pieces"})));
  EXPECT_EQ(run(context_, read_file(*files_, path("a"))).value_or("?"), "hello world, in pieces");
}

TEST_P(FilesContract, CommitReplacesAtOnce) {
  ASSERT_TRUE(run(context_, write_file(*files_, path("a"), {"old"})));
  auto writer = run(context_, files_->create(path("a")));
  ASSERT_TRUE(writer);
  ASSERT_TRUE(run(context_, (*writer)->append("new")));
  EXPECT_EQ((*writer)->size(), 3U);
  EXPECT_EQ(run(context_, read_file(*files_, path("a"))).value_or("?"), "old");
  ASSERT_TRUE(run(context_, (*writer)->commit()));
  EXPECT_EQ(run(context_, read_file(*files_, path("a"))).value_or("?"), "new");
}

TEST_P(FilesContract, CommitAsTakesAnotherName) {
  auto writer = run(context_, files_->create(path("upload")));
  ASSERT_TRUE(run(context_, (*writer)->append("x")));
  ASSERT_TRUE(run(context_, (*writer)->commit_as(path("by-content"))));
  EXPECT_EQ(run(context_, read_file(*files_, path("by-content"))).value_or("?"), "x");
  EXPECT_EQ(run(context_, read_file(*files_, path("upload"))).error().code, ErrorCode::not_found);
}

TEST_P(FilesContract, WithoutCommitNothingIsLeft) {
  auto writer = run(context_, files_->create(path("a")));
  ASSERT_TRUE(run(context_, (*writer)->append("x")));
  writer->reset();
  EXPECT_EQ(run(context_, read_file(*files_, path("a"))).error().code, ErrorCode::not_found);
  EXPECT_EQ(folder_.entries(), 0U);
}

TEST_P(FilesContract, MissingFilesAndFoldersAreNamed) {
  auto missing = run(context_, files_->open(path("gone")));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_THAT(missing.error().message, HasSubstr("gone"));
  EXPECT_EQ(run(context_, files_->create(path("no/such/folder/x"))).error().code, ErrorCode::not_found);
  ASSERT_TRUE(files_->make_folders(path("no/such/folder")));
  EXPECT_TRUE(run(context_, write_file(*files_, path("no/such/folder/x"), {"1"})));
}

TEST_P(FilesContract, RemoveIsIdempotent) {
  ASSERT_TRUE(run(context_, write_file(*files_, path("a"), {"x"})));
  EXPECT_TRUE(run(context_, files_->remove(path("a"))));
  EXPECT_TRUE(run(context_, files_->remove(path("a"))));
  EXPECT_FALSE(run(context_, files_->open(path("a"))));
}

TEST_P(FilesContract, AnOpenReaderOutlivesRemoval) {
  ASSERT_TRUE(run(context_, write_file(*files_, path("a"), {"still here"})));
  auto reader = run(context_, files_->open(path("a")));
  ASSERT_TRUE(run(context_, files_->remove(path("a"))));
  std::string buffer(20, '\0');
  EXPECT_EQ(run(context_, (*reader)->read_at(6, buffer)).value_or(0), 4U);
  EXPECT_EQ(buffer.substr(0, 4), "here");
  EXPECT_EQ(run(context_, (*reader)->read_at(100, buffer)).value_or(9), 0U);
  EXPECT_EQ((*reader)->size(), 10U);
}

Task<bool> block(Files& files, std::move_only_function<void()> work) {
  co_await files.run_blocking(std::move(work));
  co_return true;
}

TEST_P(FilesContract, BlockingWorkReportsExceptions) {
  int calls = 0;
  EXPECT_TRUE(run(context_, block(*files_, [&] { ++calls; })));
  EXPECT_EQ(calls, 1);
  EXPECT_THROW(run(context_, block(*files_, [] { throw std::runtime_error("bug"); })), std::runtime_error);
  EXPECT_GT(run(context_, files_->free_bytes(path("x"))).value_or(0), 0U);
}

class RealFilesTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  asio::io_context context_;
};

TEST_F(RealFilesTest, WorkLeavesTheCallersThreadAndReturnsToIt) {
  RealFiles files;
  std::thread::id worker;
  EXPECT_TRUE(run(context_, block(files, [&] { worker = std::this_thread::get_id(); })));
  EXPECT_NE(worker, std::thread::id());
  EXPECT_NE(worker, std::this_thread::get_id());
}

TEST_F(RealFilesTest, AFullDiskIsResourceExhausted) {
  UnnamedFile file;
  file.path = "/data/uploads/7";
  file.fd = FileDescriptor(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(file.fd.valid());
  auto written = write_all(file, "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::resource_exhausted);
  EXPECT_THAT(written.error().message,
              HasSubstr("cannot write /data/uploads/7: No space left on device; free some space"));
  EXPECT_EQ(file_failure("make durable", "/x", EIO).error().code, ErrorCode::data_loss);
}

TEST_F(RealFilesTest, LinksPipesAndFoldersAreNotOpened) {
  RealFiles files;
  ASSERT_TRUE(run(context_, write_file(files, folder_.path() + "/real", {"x"})));
  std::filesystem::create_symlink(folder_.path() + "/real", folder_.path() + "/link");
  ASSERT_EQ(::mkfifo((folder_.path() + "/pipe").c_str(), 0600), 0);
  for (const char* name : {"/link", "/pipe", "/"}) {
    EXPECT_FALSE(run(context_, files.open(folder_.path() + name))) << name;
  }
}

TEST_F(RealFilesTest, FilesAreForTheOwnerOnly) {
  RealFiles files;
  ASSERT_TRUE(files.make_folders(folder_.path() + "/x/y"));
  ASSERT_TRUE(run(context_, write_file(files, folder_.path() + "/x/y/z", {"x"})));
  struct stat facts{};
  ASSERT_EQ(::stat((folder_.path() + "/x/y/z").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  ASSERT_EQ(::stat((folder_.path() + "/x/y").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0700U);
  EXPECT_FALSE(files.make_folders(folder_.path() + "/x/y/z/under-a-file"));
}

// The context goes away while calls are under way: their coroutines are destroyed, never resumed, and nothing
// leaks.
TEST_F(RealFilesTest, EndingInTheMiddleIsSafe) {
  for (int round = 0; round < 50; ++round) {
    asio::io_context context;
    bool resumed = false;
    {
      RealFiles files(1);
      for (int i = 0; i < 8; ++i) {
        auto path = folder_.path() + "/" + std::to_string(i);
        asio::co_spawn(context, write_file(files, path, {"some", "bytes"}),
                       [&](auto&&...) { resumed = true; });
      }
      context.poll();
      resumed = false;  // a quick disk may have ended some already
    }
    EXPECT_FALSE(resumed);
  }
}

TEST_F(RealFilesTest, CallsAfterTheEndAreCancelled) {
  auto files = std::make_unique<RealFiles>();
  auto writer = run(context_, files->create(folder_.path() + "/a"));
  files.reset();
  auto late = run(context_, (*writer)->append("x"));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::cancelled);
}

class SimulatedFilesTest : public testing::Test {
 protected:
  SimulatedFilesTest() { EXPECT_TRUE(files_.make_folders("/d")); }
  asio::io_context context_;
  simulated::SimulatedFiles files_;
};

TEST_F(SimulatedFilesTest, CapacityIsExactAndComesBack) {
  files_.set_capacity(10);
  EXPECT_EQ(run(context_, write_file(files_, "/d/big", {"12345678", "901"})).error().code,
            ErrorCode::resource_exhausted);
  EXPECT_EQ(files_.used_bytes(), 0U);
  EXPECT_EQ(files_.contents("/d/big"), nullptr);
  ASSERT_TRUE(run(context_, write_file(files_, "/d/fits", {"1234567890"})));
  EXPECT_EQ(run(context_, files_.free_bytes("/d")).value_or(1), 0U);
  ASSERT_TRUE(run(context_, files_.remove("/d/fits")));
  EXPECT_EQ(files_.used_bytes(), 0U);
}

TEST_F(SimulatedFilesTest, ACrashLosesWhatWasNotCommitted) {
  ASSERT_TRUE(run(context_, write_file(files_, "/d/kept", {"k"})));
  ASSERT_TRUE(run(context_, write_file(files_, "/d/removed", {"r"})));
  auto writer = run(context_, files_.create("/d/lost"));
  ASSERT_TRUE(run(context_, (*writer)->append("lost")));
  auto reader = run(context_, files_.open("/d/kept"));
  ASSERT_TRUE(run(context_, files_.remove("/d/removed")));
  files_.crash();
  EXPECT_EQ(run(context_, (*writer)->commit()).error().code, ErrorCode::unavailable);
  std::string buffer(1, '\0');
  EXPECT_EQ(run(context_, (*reader)->read_at(0, buffer)).error().code, ErrorCode::unavailable);
  EXPECT_NE(files_.contents("/d/kept"), nullptr);
  EXPECT_NE(files_.contents("/d/removed"), nullptr) << "nothing made the removal durable";
  EXPECT_EQ(files_.contents("/d/lost"), nullptr);
  writer->reset();
  EXPECT_EQ(files_.used_bytes(), 2U);
}

TEST_F(SimulatedFilesTest, ALaterCommitMakesARemovalDurable) {
  files_.put("/d/removed", "r");
  ASSERT_TRUE(run(context_, files_.remove("/d/removed")));
  ASSERT_TRUE(run(context_, write_file(files_, "/d/other", {"o"})));
  files_.crash();
  EXPECT_EQ(files_.contents("/d/removed"), nullptr);
}

TEST_F(SimulatedFilesTest, OperationsFailOnRequest) {
  for (std::uint64_t n = 1; n <= 3; ++n) {
    files_.fail_operation(n);
    EXPECT_EQ(run(context_, write_file(files_, "/d/x", {"a", "b"})).error().code, ErrorCode::data_loss) << n;
    EXPECT_EQ(files_.contents("/d/x"), nullptr);
    EXPECT_EQ(files_.used_bytes(), 0U);
  }
  files_.fail_operation(4);
  EXPECT_TRUE(run(context_, write_file(files_, "/d/x", {"a", "b"})));
  files_.corrupt("/d/x", 1);
  EXPECT_EQ(*files_.contents("/d/x"), "ac");
}

}  // namespace
}  // namespace posthorn
