// The compiled recipient list. Checksums would keep a fuzzer out, so they are put right here: the first two
// bytes say how many of the rest are one block, what follows is the footer. Whatever they hold, reading ends
// with rows or an error.
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "broadcasts/crc32c.h"
#include "broadcasts/recipient_list.h"

using namespace posthorn;

namespace {

class MemoryReader final : public FileReader {
 public:
  explicit MemoryReader(std::string bytes) : bytes_(std::move(bytes)) {}
  Task<Result<std::size_t>> read_at(std::uint64_t offset, std::span<char> out) override {
    if (offset >= bytes_.size()) co_return std::size_t{0};
    co_return bytes_.copy(out.data(), out.size(), static_cast<std::size_t>(offset));
  }
  std::uint64_t size() const override { return bytes_.size(); }

 private:
  std::string bytes_;
};

void append_fixed(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
}

std::string file_of(std::string_view block, std::string_view footer) {
  std::string file = "PHLIST01";
  file += block;
  append_fixed(file, crc32c(block), 4);
  file += footer;
  append_fixed(file, footer.size(), 8);
  append_fixed(file, crc32c(footer), 4);
  return file + "PHLIST!!";
}

Task<> read_all(std::string file) {
  auto opened = co_await RecipientListReader::open(std::make_unique<MemoryReader>(std::move(file)));
  if (!opened) co_return;
  std::int64_t row = 1;
  for (int batches = 0; batches < 64; ++batches) {
    const Result<RecipientBatch> batch = co_await (*opened)->read(row, 100);
    if (!batch || batch->rows.empty()) break;
    for (const ListedRecipient& recipient : batch->rows) {
      if (recipient.row_no != row++ || recipient.values.size() != (*opened)->slots().size()) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t cut =
      std::min<std::size_t>(static_cast<std::size_t>(data[0]) * 256 + data[1], input.size());
  asio::io_context context;
  asio::co_spawn(context, read_all(file_of(input.substr(0, cut), input.substr(cut))),
                 [](std::exception_ptr error) {
                   if (error) std::abort();
                 });
  context.run();
  return 0;
}
