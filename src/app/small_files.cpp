#include "app/small_files.h"

#include <array>

#include "platform/crypto.h"

namespace posthorn {
namespace {

constexpr std::size_t kMaxSmall = 64 * 1024;
constexpr std::size_t kKeyBytes = 32;

}  // namespace

Task<Result<std::string>> read_small_file(Files& files, std::string path) {
  PH_CO_TRY_ASSIGN(auto reader, co_await files.open(path));
  if (reader->size() > kMaxSmall)
    co_return fail(ErrorCode::too_large, path + " is not what it should be: it is too large");
  std::string text(reader->size(), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const std::span<char> rest(text.data() + done, text.size() - done);
    PH_CO_TRY_ASSIGN(const auto n, co_await reader->read_at(done, rest));
    if (n == 0) break;
    done += n;
  }
  text.resize(done);
  co_return text;
}

Task<Result<>> write_small_file(Files& files, std::string path, std::string text) {
  PH_CO_TRY_ASSIGN(auto writer, co_await files.create(path));
  PH_CO_TRY(co_await writer->append(std::move(text)));
  co_return co_await writer->commit();
}

Task<Result<Secret>> read_master_key(Files& files, std::string path) {
  PH_CO_TRY_ASSIGN(auto text, co_await read_small_file(files, path));
  while (text.ends_with('\n')) text.pop_back();
  auto bytes = from_hex(text);
  if (!bytes || bytes->size() != kKeyBytes)
    co_return fail(ErrorCode::data_loss, path + " is damaged; put your copy of it in its place");
  co_return Secret(*std::move(bytes));
}

Task<Result<Secret>> load_master_key(Files& files, Random& random, std::string data_folder) {
  const auto path = data_folder + "/master.key";
  auto known = co_await read_master_key(files, path);
  if (known || known.error().code != ErrorCode::not_found) co_return known;
  std::array<std::byte, kKeyBytes> fresh{};
  random.fill(fresh);
  const std::string bytes(reinterpret_cast<const char*>(fresh.data()), fresh.size());
  PH_CO_TRY(co_await write_small_file(files, path, to_hex(bytes) + "\n"));
  co_return Secret(bytes);
}

}  // namespace posthorn
