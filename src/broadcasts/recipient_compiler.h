// The streaming core of pre-flight: uploaded bytes → rows → phone numbers → values → recipient list and
// problems file.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broadcasts/mapping.h"
#include "broadcasts/recipient_file.h"
#include "broadcasts/recipient_list.h"
#include "core/phone_number.h"
#include "core/result.h"
#include "platform/async.h"
#include "platform/files.h"

namespace posthorn {

// Why a row did not get into the list. The names stand in the problems file and in summaries.
enum class RowProblem {
  no_phone,
  bad_phone,
  duplicate,
  opted_out,
  missing_value,
  value_too_long,
  value_not_single_line,
  bad_value,
  too_many_cells
};
inline constexpr std::size_t kRowProblems = 9;
std::string_view to_string(RowProblem problem);

struct CompileOptions {
  RecipientFileOptions file;
  json::object mapping;
  std::vector<MappingSlot> slots;  // of the template
  // Sorted digits of people who have opted out; must outlive the compilation.
  std::span<const std::uint64_t> opted_out = {};
  // Segment of a number: its UTC offset in minutes when sending by local time. Empty: one segment, 0.
  std::function<int(PhoneNumber)> segment_of = {};
  // The channel's own check of a row's values, in slot order: a sentence for people if it would refuse them
  // (bad_value). Called on the worker thread. Empty: no further check.
  std::function<std::optional<std::string>(std::span<const std::string>)> check_values = {};
};

struct CompileSummary {
  std::uint64_t rows = 0;  // data rows in the file = accepted + sum of problems
  std::uint64_t accepted = 0;
  std::array<std::uint64_t, kRowProblems> problems{};
  std::uint64_t duplicates() const { return problems[static_cast<std::size_t>(RowProblem::duplicate)]; }
  std::uint64_t opted_out() const { return problems[static_cast<std::size_t>(RowProblem::opted_out)]; }
  std::uint64_t rejected() const { return rows - accepted - duplicates() - opted_out(); }
  std::map<std::string, std::uint64_t> by_region;  // accepted, by ISO code; "" where the region is not known
  std::vector<std::string> columns;
  std::string phone_column;
  char delimiter = ',';
  TextEncoding encoding = TextEncoding::utf8;
  std::vector<ListSegment> segments;
};

// A plain synchronous machine: feed() on any thread, one at a time; then drain list and problems. Not for use
// from two threads at once.
class RecipientCompiler {
 public:
  RecipientCompiler(CompileOptions options, std::uint64_t file_size);
  ~RecipientCompiler();

  // File-level errors (see CsvReader and inspect_recipient_file) end the compilation; row-level problems are
  // counted.
  Result<> feed(std::string_view bytes);
  Result<CompileSummary> finish();

  std::string take_list();      // bytes for the list file
  std::string take_problems();  // CSV: line, phone, problem, explanation
  std::uint64_t rows() const;   // so far, for progress

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Where produced bytes go, in order: a blob or a file in the making.
using ByteSink = std::function<Task<Result<>>(std::string)>;

// Runs the compiler over ports: reads `upload` in pieces, works on worker threads (Files::run_blocking),
// appends to the two sinks. `progress` is called on the core now and then with rows and bytes so far.
Task<Result<CompileSummary>> compile_recipients(
    Files& files, FileReader& upload, ByteSink list, ByteSink problems, CompileOptions options,
    std::function<void(std::uint64_t, std::uint64_t)> progress = {});

// Row `line` (or the first rows) of an upload as resolved values, for previews: from the head of the file
// only.
struct PreviewRow {
  std::uint64_t line = 0;
  std::string phone_as_given;
  PhoneNumber phone;
  std::string problem;              // why this row would be refused; empty if accepted
  std::vector<std::string> values;  // in slot order; empty when a value is missing
};
// `lines` empty: the first `count` rows. Lines outside `head` are left out.
Result<std::vector<PreviewRow>> preview_recipients(std::string_view head, std::uint64_t file_size,
                                                   const CompileOptions& options,
                                                   std::span<const std::int64_t> lines, std::size_t count);

}  // namespace posthorn
