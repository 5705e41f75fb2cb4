// Recipient files: rows a second through each stage, as ratios against only finding line ends and commas
// (memchr), and the memory that pre-flight adds. Usage: csv_bench [rows] [file]; the file is made if it is
// not there.
#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>

#include <fmt/format.h>

#include "broadcasts/csv_reader.h"
#include "broadcasts/recipient_compiler.h"

using namespace posthorn;

namespace {

constexpr std::size_t kChunk = 1024 * 1024;

double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double resident_megabytes(const char* which) {  // VmRSS or VmHWM
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(which)) return std::stod(line.substr(std::strlen(which) + 1)) / 1024;
  }
  return 0;
}

void make_file(const std::string& path, std::uint64_t rows) {
  std::ofstream out(path, std::ios::binary);
  out << "name,phone,city,voucher,amount,language\n";
  for (std::uint64_t i = 0; i < rows; ++i) {
    out << fmt::format("Firstname{} Lastname,+49 {} {:07},\"Frankfurt, Main\",VOUCHER-{:06},{}.99,de\n", i,
                       151 + i / 10'000'000 % 5, (i * 7'654'321) % 10'000'000, i, i % 100);
  }
}

void each_chunk(const std::string& path, const std::function<void(std::string_view)>& take) {
  std::ifstream in(path, std::ios::binary);
  std::string buffer(kChunk, '\0');
  while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || in.gcount() > 0) {
    take(std::string_view(buffer).substr(0, static_cast<std::size_t>(in.gcount())));
  }
}

std::uint64_t count_cells(std::string_view text) {
  std::uint64_t cells = 0;
  while (!text.empty()) {
    const auto* end = static_cast<const char*>(std::memchr(text.data(), '\n', text.size()));
    std::string_view line =
        text.substr(0, end == nullptr ? text.size() : static_cast<std::size_t>(end - text.data()));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    for (const char* comma = nullptr;; ++cells) {
      comma = static_cast<const char*>(std::memchr(line.data(), ',', line.size()));
      if (comma == nullptr) break;
      line.remove_prefix(static_cast<std::size_t>(comma - line.data()) + 1);
    }
  }
  return cells;
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t rows = argc > 1 ? std::stoull(argv[1]) : 1'000'000;
  const std::string path = argc > 2 ? argv[2] : fmt::format("/tmp/posthorn_csv_bench_{}.csv", rows);
  if (!std::ifstream(path)) make_file(path, rows);
  std::uint64_t cells = 0;
  each_chunk(path, [&](std::string_view bytes) { cells += bytes.size(); });  // warms the page cache
  const double megabytes = static_cast<double>(std::exchange(cells, 0)) / 1e6;

  const double baseline =
      seconds([&] { each_chunk(path, [&](std::string_view bytes) { cells += count_cells(bytes); }); });
  const double reading = seconds([&] {
    CsvReader reader({}, [&](const CsvRow& row) {
      cells += row.cells.size();
      return true;
    });
    each_chunk(path, [&](std::string_view bytes) { reader.feed(bytes).value(); });
    reader.finish().value();
  });

  CompileOptions options;
  options.file.default_region = parse_region("DE").value();
  options.slots = {{"body.1"}, {"body.2"}, {"body.3"}};
  options.mapping =
      parse_json(R"({"body.1": "name", "body.2": "voucher", "body.3": "amount"})").value().as_object();
  const double before = resident_megabytes("VmRSS:");
  std::uint64_t list_bytes = 0;
  Result<CompileSummary> summary;
  const double compiling = seconds([&] {
    RecipientCompiler compiler(options, static_cast<std::uint64_t>(megabytes * 1e6));
    each_chunk(path, [&](std::string_view bytes) {
      compiler.feed(bytes).value();
      list_bytes += compiler.take_list().size();
      compiler.take_problems();
    });
    summary = compiler.finish();
    list_bytes += compiler.take_list().size();
  });
  const double grown = resident_megabytes("VmHWM:") - before;
  if (!summary) {
    fmt::print(stderr, "{}\n", summary.error().message);
    return 1;
  }
  fmt::print("{} rows, {:.1f} MB, {} accepted, list {:.1f} MB\n", summary->rows, megabytes, summary->accepted,
             static_cast<double>(list_bytes) / 1e6);
  const auto line = [&](std::string_view name, double s) {
    fmt::print("{:<44} {:7.3f} s  {:6.0f} MB/s  {:5.2f} × baseline\n", name, s, megabytes / s, s / baseline);
  };
  line("baseline: memchr for line ends and commas", baseline);
  line("CSV reader", reading);
  line("pre-flight: phones, mapping, duplicates, list", compiling);
  fmt::print("memory added by pre-flight: {:.1f} MB\n", grown);
  return 0;
}
