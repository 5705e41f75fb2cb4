// CSV reader: any bytes, any chunk boundaries. The first bytes choose the chunk sizes; whatever they are, the
// rows must be those of one whole feed, and what the writer makes of them must read back the same.
#include <cstdlib>
#include <string>
#include <vector>

#include "broadcasts/csv_reader.h"
#include "broadcasts/csv_writer.h"

using namespace posthorn;

namespace {

struct Outcome {
  std::vector<std::vector<std::string>> rows;
  std::string error;
};

void require(bool condition) {
  if (!condition) std::abort();
}

CsvOptions limits() {
  CsvOptions options;
  options.max_field = 2048;
  options.max_columns = 32;
  options.max_rows = 5000;
  return options;
}

Outcome read(std::string_view text, CsvOptions options, std::string_view chunk_sizes) {
  Outcome outcome;
  CsvReader reader(options, [&outcome](const CsvRow& row) {
    require(row.line > 0 && row.cells.size() <= 33);  // with the writer's column
    outcome.rows.emplace_back(row.cells.begin(), row.cells.end());
    return true;
  });
  Result<> result;
  for (std::size_t i = 0; !text.empty() && result; ++i) {
    const std::size_t wanted = chunk_sizes.empty()
                                   ? text.size()
                                   : static_cast<unsigned char>(chunk_sizes[i % chunk_sizes.size()]) + 1U;
    result = reader.feed(text.substr(0, wanted));
    text.remove_prefix(std::min(wanted, text.size()));
  }
  if (result) result = reader.finish();
  if (!result) outcome.error = result.error().message;
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t plan = std::min<std::size_t>(size, 4);
  const std::string_view text = input.substr(plan);
  const Outcome whole = read(text, limits(), {});
  const Outcome pieces = read(text, limits(), input.substr(0, plan));
  require(whole.rows == pieces.rows || !whole.error.empty());
  require(whole.error.empty() == pieces.error.empty());
  if (!whole.error.empty()) return 0;

  std::string written;
  CsvWriter writer(written);
  for (const auto& row : whole.rows) {
    writer.verbatim("-");  // no row is blank, and none starts like another file type
    for (const std::string& cell : row) writer.cell(cell);
    writer.end_row();
  }
  CsvOptions options;
  options.delimiter = ',';
  options.encoding = TextEncoding::utf8;
  Outcome again = read(written, options, {});
  require(again.error.empty() && again.rows.size() == whole.rows.size());
  for (std::size_t i = 0; i < again.rows.size(); ++i) {
    require(again.rows[i].size() == whole.rows[i].size() + 1);
    for (std::size_t c = 0; c < whole.rows[i].size(); ++c) {
      require(without_formula_guard(again.rows[i][c + 1]) == whole.rows[i][c]);
    }
  }
  return 0;
}
