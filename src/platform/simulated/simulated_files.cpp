#include "platform/simulated/simulated_files.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace posthorn::simulated {

struct SimulatedFiles::State {
  using Content = std::shared_ptr<const std::string>;
  std::map<std::string, Content> files;
  std::map<std::string, Content> removed;  // not yet durable
  std::set<std::string> folders{".", "/"};
  std::uint64_t capacity = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t used = 0;
  std::uint64_t life = 0;        // counts crashes; handles of an earlier life are dead
  std::uint64_t fail_after = 0;  // operations until the one that fails; 0: none does

  Result<> count_operation(const std::string& path) {
    if (fail_after == 0 || --fail_after > 0) return {};
    return fail(ErrorCode::data_loss, fmt::format("cannot write {}: Input/output error", path));
  }
  void release(const Content& content) { used -= content->size(); }
  void put(const std::string& path, Content content) {
    if (auto old = files.find(path); old != files.end()) release(old->second);
    files[path] = std::move(content);
  }
};

namespace {

using State = SimulatedFiles::State;

std::string normal(const std::string& path) {
  std::string text = std::filesystem::path(path).lexically_normal().string();
  if (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

std::string folder_of(const std::string& normal_path) {
  std::string folder = std::filesystem::path(normal_path).parent_path().string();
  return folder.empty() ? "." : folder;
}

std::unexpected<Error> dead() {
  return fail(ErrorCode::unavailable, "the simulated process that opened this file has ended");
}

class Reader final : public FileReader {
 public:
  Reader(std::shared_ptr<State> state, State::Content content)
      : state_(std::move(state)), life_(state_->life), content_(std::move(content)) {}
  Task<Result<std::size_t>> read_at(std::uint64_t offset, std::span<char> out) override {
    if (life_ != state_->life) co_return dead();
    if (offset >= content_->size()) co_return 0;
    const std::size_t size = std::min<std::uint64_t>(out.size(), content_->size() - offset);
    std::memcpy(out.data(), content_->data() + offset, size);
    co_return size;
  }
  std::uint64_t size() const override { return content_->size(); }

 private:
  std::shared_ptr<State> state_;
  std::uint64_t life_;
  State::Content content_;
};

class Writer final : public FileWriter {
 public:
  Writer(std::shared_ptr<State> state, std::string path)
      : state_(std::move(state)), life_(state_->life), path_(std::move(path)) {}
  ~Writer() override {
    if (life_ == state_->life) state_->used -= bytes_.size();
  }
  Task<Result<>> append(std::string bytes) override {
    PH_CO_TRY(begin_step());
    const std::uint64_t room = state_->capacity - std::min(state_->capacity, state_->used);
    const std::size_t fits = std::min<std::uint64_t>(room, bytes.size());
    bytes_.append(bytes, 0, fits);
    state_->used += fits;
    if (fits == bytes.size()) co_return Result<>();
    co_return failed(Error{
        ErrorCode::resource_exhausted,
        fmt::format("cannot write {}: No space left on device; free some space, then try again", path_)});
  }
  std::uint64_t size() const override { return bytes_.size(); }
  Task<Result<>> commit() override { return commit_as(path_); }
  Task<Result<>> commit_as(std::string path) override {
    PH_CO_TRY(begin_step());
    const std::string name = normal(path);
    if (!state_->folders.contains(folder_of(name))) {
      co_return failed(
          Error{ErrorCode::not_found, fmt::format("cannot name {}: No such file or directory", name)});
    }
    state_->put(name, std::make_shared<const std::string>(std::exchange(bytes_, {})));
    std::erase_if(state_->removed,
                  [&](const auto& entry) { return folder_of(entry.first) == folder_of(name); });
    co_return Result<>();
  }

 private:
  Result<> begin_step() {
    if (life_ != state_->life) return dead();
    if (failure_) return std::unexpected(*failure_);
    Result<> lucky = state_->count_operation(path_);
    if (!lucky) failure_ = lucky.error();
    return lucky;
  }
  std::unexpected<Error> failed(Error error) {
    failure_ = error;
    return std::unexpected(std::move(error));
  }

  std::shared_ptr<State> state_;
  std::uint64_t life_;
  std::string path_;
  std::string bytes_;
  std::optional<Error> failure_;
};

}  // namespace

SimulatedFiles::SimulatedFiles() : state_(std::make_shared<State>()) {}
SimulatedFiles::~SimulatedFiles() = default;

void SimulatedFiles::crash() {
  ++state_->life;
  for (auto& [path, content] : state_->removed) state_->files.try_emplace(path, content);
  state_->removed.clear();
  state_->used = 0;
  for (const auto& [path, content] : state_->files) state_->used += content->size();
}

void SimulatedFiles::set_capacity(std::uint64_t bytes) {
  state_->capacity = bytes;
}
std::uint64_t SimulatedFiles::used_bytes() const {
  return state_->used;
}
void SimulatedFiles::fail_operation(std::uint64_t n) {
  state_->fail_after = n;
}

const std::string* SimulatedFiles::contents(const std::string& path) const {
  auto file = state_->files.find(normal(path));
  return file == state_->files.end() ? nullptr : file->second.get();
}

void SimulatedFiles::put(const std::string& path, std::string bytes) {
  state_->used += bytes.size();
  state_->put(normal(path), std::make_shared<const std::string>(std::move(bytes)));
}

void SimulatedFiles::corrupt(const std::string& path, std::uint64_t offset) {
  State::Content& content = state_->files.at(normal(path));
  std::string changed = *content;
  changed.at(offset) = static_cast<char>(changed[offset] ^ 1);
  content = std::make_shared<const std::string>(std::move(changed));
}

Task<Result<std::unique_ptr<FileReader>>> SimulatedFiles::open(const std::string& path) {
  auto file = state_->files.find(normal(path));
  if (file == state_->files.end()) {
    co_return fail(ErrorCode::not_found, fmt::format("cannot open {}: No such file or directory", path));
  }
  co_return std::make_unique<Reader>(state_, file->second);
}

Task<Result<std::unique_ptr<FileWriter>>> SimulatedFiles::create(const std::string& path) {
  std::string name = normal(path);
  if (!state_->folders.contains(folder_of(name))) {
    co_return fail(ErrorCode::not_found, fmt::format("cannot create {}: No such file or directory", path));
  }
  co_return std::make_unique<Writer>(state_, std::move(name));
}

Task<Result<>> SimulatedFiles::remove(const std::string& path) {
  PH_CO_TRY(state_->count_operation(path));
  auto file = state_->files.find(normal(path));
  if (file == state_->files.end()) co_return Result<>();
  state_->release(file->second);
  state_->removed.insert_or_assign(file->first, file->second);
  state_->files.erase(file);
  co_return Result<>();
}

Task<Result<std::uint64_t>> SimulatedFiles::free_bytes(const std::string&) {
  co_return state_->capacity - std::min(state_->capacity, state_->used);
}

Result<> SimulatedFiles::make_folders(const std::string& path) {
  for (std::string folder = normal(path); !state_->folders.contains(folder); folder = folder_of(folder)) {
    state_->folders.insert(folder);
  }
  return {};
}

Task<> SimulatedFiles::run_blocking(std::move_only_function<void()> work) {
  work();
  co_return;
}

}  // namespace posthorn::simulated
