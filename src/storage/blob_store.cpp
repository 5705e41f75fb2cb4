#include "storage/blob_store.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthorn {

namespace {

constexpr std::size_t kReadSize = 256 * 1024;

Error bad_key(std::string_view key) {
  return {ErrorCode::invalid_argument,
          fmt::format("'{}' is not a blob key: 64 lower-case hex digits are expected.", key.substr(0, 80))};
}

}  // namespace

bool is_blob_key(std::string_view text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

BlobWriter::BlobWriter(std::unique_ptr<FileWriter> file, std::string folder)
    : file_(std::move(file)), folder_(std::move(folder)) {}

Task<Result<>> BlobWriter::append(std::string bytes) {
  hash_.update(bytes);
  co_return co_await file_->append(std::move(bytes));
}

std::uint64_t BlobWriter::size() const {
  return file_->size();
}

StoredBlob BlobWriter::seal() {
  if (!sealed_) sealed_ = StoredBlob{to_hex(hash_.finish()), file_->size()};
  return *sealed_;
}

Task<Result<StoredBlob>> BlobWriter::commit() {
  StoredBlob blob = seal();
  std::string path = fmt::format("{}/{}", folder_, blob.key);
  PH_CO_TRY(co_await file_->commit_as(std::move(path)));
  co_return blob;
}

BlobStore::BlobStore(Files& files, std::string folder) : files_(files), folder_(std::move(folder)) {}

Result<> BlobStore::prepare() {
  return files_.make_folders(folder_);
}

std::string BlobStore::path_of(std::string_view key) const {
  return fmt::format("{}/{}", folder_, key);
}

Task<Result<std::unique_ptr<BlobWriter>>> BlobStore::create() {
  std::string path = fmt::format("{}/incoming-{}", folder_, ++next_temporary_);
  PH_CO_TRY_ASSIGN(auto file, co_await files_.create(path));
  co_return std::make_unique<BlobWriter>(std::move(file), folder_);
}

Task<Result<StoredBlob>> BlobStore::put(std::string bytes) {
  PH_CO_TRY_ASSIGN(auto writer, co_await create());
  PH_CO_TRY(co_await writer->append(std::move(bytes)));
  co_return co_await writer->commit();
}

Task<Result<std::unique_ptr<FileReader>>> BlobStore::open(std::string key) {
  if (!is_blob_key(key)) co_return std::unexpected(bad_key(key));
  std::string path = path_of(key);
  co_return co_await files_.open(path);
}

Task<Result<std::string>> BlobStore::get(std::string key, std::uint64_t limit) {
  PH_CO_TRY_ASSIGN(auto reader, co_await open(key));
  if (reader->size() > limit) {
    co_return fail(ErrorCode::too_large,
                   fmt::format("Blob {} has {} bytes, more than {}.", key, reader->size(), limit));
  }
  std::string bytes(reader->size(), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const std::span<char> rest(bytes.data() + done, bytes.size() - done);
    PH_CO_TRY_ASSIGN(const std::size_t n, co_await reader->read_at(done, rest));
    if (n == 0)
      co_return fail(ErrorCode::data_loss,
                     fmt::format("Blob {} ends after {} of {} bytes.", key, done, bytes.size()));
    done += n;
  }
  co_return bytes;
}

Task<Result<>> BlobStore::remove(std::string key) {
  if (!is_blob_key(key)) co_return std::unexpected(bad_key(key));
  std::string path = path_of(key);
  Result<> removed = co_await files_.remove(path);
  if (!removed && removed.error().code == ErrorCode::not_found) co_return Result<>();
  co_return removed;
}

Task<Result<>> BlobStore::verify(std::string key) {
  PH_CO_TRY_ASSIGN(auto reader, co_await open(key));
  Sha256 hash;
  std::string buffer(kReadSize, '\0');
  std::uint64_t offset = 0;
  while (true) {
    const std::span<char> out(buffer);
    PH_CO_TRY_ASSIGN(const std::size_t n, co_await reader->read_at(offset, out));
    if (n == 0) break;
    hash.update(std::string_view(buffer).substr(0, n));
    offset += n;
  }
  if (to_hex(hash.finish()) == key) co_return Result<>();
  co_return fail(
      ErrorCode::data_loss,
      fmt::format("Blob {} is damaged: its bytes have another hash. Restore it from a backup.", key));
}

}  // namespace posthorn
