#include "api/uploads.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "api/multipart.h"
#include "messaging/audit.h"

namespace posthorn {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::size_t kChunkBytes = 512 * 1024;  // one trip to the file threads each

UploadInfo read_row(SqlRows& rows) {
  UploadInfo info;
  info.id = UploadId{rows.integer(0)};
  info.file_name = std::string(rows.text(1));
  info.blob = std::string(rows.text(2));
  info.size = rows.integer(3);
  info.created_by = std::string(rows.text(4));
  info.created_at = wall_from_micros(rows.integer(5));
  return info;
}

Result<std::vector<UploadInfo>> read_rows(SqlRows rows) {
  std::vector<UploadInfo> out;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return out;
    out.push_back(read_row(rows));
  }
}

}  // namespace

std::string safe_file_name(std::string_view name) {
  name.remove_prefix(std::min(name.find_last_of("/\\") + 1, name.size()));
  std::string out;
  for (char c : name)
    if (static_cast<unsigned char>(c) >= ' ' && c != 0x7f) out += c;
  if (out.size() > 200) {
    std::size_t end = 200;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0) == 0x80)
      --end;  // not inside a UTF-8 character
    out.resize(end);
  }
  return out.empty() ? "recipients.csv" : out;
}

Task<Result<UploadInfo>> Uploads::receive(HttpExchange& exchange, std::string name, std::string actor) {
  const auto& headers = exchange.request().headers;
  if (headers.has("Content-Encoding"))
    co_return fail(ErrorCode::invalid_argument, "compressed uploads are not accepted; send the file as it is",
                   "Content-Encoding");
  const auto boundary = multipart_boundary(headers.get("Content-Type"));
  if (!boundary && headers.get("Content-Type").starts_with("multipart/"))
    co_return fail(ErrorCode::invalid_argument,
                   "multipart uploads must be multipart/form-data with a boundary", "Content-Type");
  PH_CO_TRY_ASSIGN(auto writer, co_await blobs_.create());
  Result<std::string> given_name;
  if (boundary) {
    given_name = co_await copy_multipart(exchange, *writer, *boundary);
  } else {
    given_name = co_await copy_raw(exchange, *writer);
  }
  if (!given_name) co_return std::unexpected(given_name.error());
  co_return co_await finish(*writer, safe_file_name(name.empty() ? *given_name : name), std::move(actor));
}

Task<Result<UploadInfo>> Uploads::store(std::string bytes, std::string name, std::string actor) {
  PH_CO_TRY_ASSIGN(auto writer, co_await blobs_.create());
  PH_CO_TRY(co_await append(*writer, bytes, true));
  co_return co_await finish(*writer, safe_file_name(name), std::move(actor));
}

Task<Result<std::string>> Uploads::copy_raw(HttpExchange& exchange, BlobWriter& writer) {
  std::string chunk;
  std::array<char, kReadBytes> buffer;
  while (true) {
    PH_CO_TRY_ASSIGN(const auto n, co_await exchange.read_body_some(buffer));
    if (n == 0) break;
    chunk.append(buffer.data(), n);
    PH_CO_TRY(co_await append(writer, chunk, false));
  }
  PH_CO_TRY(co_await append(writer, chunk, true));
  co_return std::string();
}

Task<Result<std::string>> Uploads::copy_multipart(HttpExchange& exchange, BlobWriter& writer,
                                                  std::string boundary) {
  MultipartFile form(std::move(boundary));
  std::string chunk;
  std::array<char, kReadBytes> buffer;
  while (true) {
    PH_CO_TRY_ASSIGN(const auto n, co_await exchange.read_body_some(buffer));
    if (n == 0) break;
    PH_CO_TRY(form.feed(std::string_view(buffer.data(), n), chunk));
    PH_CO_TRY(co_await append(writer, chunk, false));
  }
  PH_CO_TRY(form.finish());
  PH_CO_TRY(co_await append(writer, chunk, true));
  co_return form.file_name();
}

// Writes `chunk` when it is large enough, or in any case with `all`; leaves it empty then.
Task<Result<>> Uploads::append(BlobWriter& writer, std::string& chunk, bool all) {
  if (writer.size() + chunk.size() > limits_.max_bytes)
    co_return fail(ErrorCode::too_large,
                   fmt::format("the file is larger than {} MiB; split it", limits_.max_bytes >> 20));
  if (chunk.empty() || (!all && chunk.size() < kChunkBytes)) co_return Result<>();
  co_return co_await writer.append(std::exchange(chunk, {}));
}

Task<Result<UploadInfo>> Uploads::finish(BlobWriter& writer, std::string name, std::string actor) {
  if (writer.size() == 0)
    co_return fail(ErrorCode::invalid_argument, "the file is empty: it needs a header row and recipients",
                   "file");
  PH_CO_TRY_ASSIGN(const auto blob, co_await writer.commit());
  UploadInfo info;
  info.file_name = std::move(name);
  info.blob = blob.key;
  info.size = static_cast<std::int64_t>(blob.size);
  info.created_by = std::move(actor);
  info.created_at = clock_.wall_now();
  auto insert = [info](Transaction& tx) -> Result<std::int64_t> {
    PH_TRY_ASSIGN(auto rows, tx.query("INSERT INTO uploads (file_name, blob, size, created_by, created_at) "
                                      "VALUES ($1, $2, $3, $4, $5) RETURNING id",
                                      {info.file_name, info.blob, info.size, info.created_by,
                                       to_micros(info.created_at)}));
    PH_TRY(rows.next());
    const auto id = rows.integer(0);
    PH_TRY(audit::record(tx, info.created_at, info.created_by, "upload_file", fmt::format("uploads:{}", id),
                         info.file_name));
    return id;
  };
  PH_CO_TRY_ASSIGN(info.id.value, co_await database_.write(std::move(insert)));
  co_return info;
}

Task<Result<UploadInfo>> Uploads::get_upload(UploadId id) {
  auto read = [id](Transaction& tx) -> Result<std::vector<UploadInfo>> {
    PH_TRY_ASSIGN(
        auto rows,
        tx.query("SELECT id, file_name, blob, size, created_by, created_at FROM uploads WHERE id = $1",
                 {id.value}));
    return read_rows(std::move(rows));
  };
  PH_CO_TRY_ASSIGN(auto found, co_await database_.read(std::move(read)));
  if (found.empty())
    co_return fail(ErrorCode::not_found, fmt::format("there is no upload {}", id.value), "id");
  co_return std::move(found.front());
}

Task<Result<std::vector<UploadInfo>>> Uploads::list_uploads(std::int64_t before_id, int limit) {
  auto read = [before_id, limit](Transaction& tx) -> Result<std::vector<UploadInfo>> {
    PH_TRY_ASSIGN(auto rows, tx.query("SELECT id, file_name, blob, size, created_by, created_at FROM uploads "
                                      "WHERE $1 = 0 OR id < $1 ORDER BY id DESC LIMIT $2",
                                      {before_id, limit}));
    return read_rows(std::move(rows));
  };
  co_return co_await database_.read(std::move(read));
}

}  // namespace posthorn
