#include "broadcasts/recipient_compiler.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "broadcasts/csv_writer.h"
#include "broadcasts/phone_set.h"

namespace posthorn {
namespace {

constexpr std::size_t kShownValue = 100;  // bytes of a wrong value that the problems file repeats
constexpr std::size_t kReadSize = 1024 * 1024;

constexpr std::string_view kProblemNames[kRowProblems] = {"no_phone",
                                                          "bad_phone",
                                                          "duplicate",
                                                          "opted_out",
                                                          "missing_value",
                                                          "value_too_long",
                                                          "value_not_single_line",
                                                          "bad_value",
                                                          "too_many_cells"};

RowProblem row_problem(ValueProblem problem) {
  switch (problem) {
    case ValueProblem::missing:
      return RowProblem::missing_value;
    case ValueProblem::too_long:
      return RowProblem::value_too_long;
    case ValueProblem::not_single_line:
      return RowProblem::value_not_single_line;
  }
  return RowProblem::missing_value;
}

std::string describe(const ResolveFailure& failure, const Mapping& mapping,
                     std::span<const std::string> columns) {
  std::string from;
  for (const SlotSource::Piece& piece : mapping.sources()[failure.slot].pieces) {
    if (piece.column < 0) continue;
    from += fmt::format("{}“{}”", from.empty() ? " (column " : ", ",
                        columns[static_cast<std::size_t>(piece.column)]);
  }
  if (!from.empty()) from += ")";
  const MappingSlot& slot = mapping.slots()[failure.slot];
  const std::string limit =
      failure.problem == ValueProblem::too_long ? fmt::format(": {} characters", slot.max_characters) : "";
  return fmt::format("The variable “{}”{} {}{}.", slot.name, from, explain(failure.problem), limit);
}

std::vector<ListSlot> list_slots(const Mapping& mapping) {
  std::vector<ListSlot> slots;
  for (std::size_t i = 0; i < mapping.slots().size(); ++i) {
    const SlotSource& source = mapping.sources()[i];
    slots.push_back(
        {mapping.slots()[i].name, source.constant(), source.constant() ? source.pieces[0].text : ""});
  }
  return slots;
}

// Bytes that are no UTF-8 start must not begin the rest of a cut text.
std::string_view shortened(std::string_view text) {
  if (text.size() <= kShownValue) return text;
  std::size_t end = kShownValue;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

bool blank(std::string_view cell) {
  return std::all_of(cell.begin(), cell.end(), [](char c) { return static_cast<unsigned char>(c) <= ' '; });
}

// What is known about the file before its rows are gone through.
struct Plan {
  FileInspection inspection;
  std::vector<std::string> columns;
  Mapping mapping;
  std::size_t phone_column = 0;
};

Result<Plan> make_plan(std::string_view head, std::uint64_t file_size, const CompileOptions& options) {
  Plan plan;
  PH_TRY_ASSIGN(plan.inspection, inspect_recipient_file(head, file_size, options.file));
  if (plan.inspection.phone_column < 0) {
    return fail(ErrorCode::invalid_argument, plan.inspection.phone_column_problem, "phone_column");
  }
  plan.phone_column = static_cast<std::size_t>(plan.inspection.phone_column);
  for (const RecipientColumn& column : plan.inspection.columns) plan.columns.push_back(column.name);
  PH_TRY_ASSIGN(plan.mapping, Mapping::compile(options.mapping, options.slots, plan.columns));
  return plan;
}

// The verdict on one row, apart from the other rows.
struct Verdict {
  PhoneNumber phone;
  std::optional<RowProblem> problem = std::nullopt;
  std::string explanation = {};
};

Verdict judge_row(const CsvRow& row, const Plan& plan, const CompileOptions& options,
                  std::vector<std::string>& values) {
  const std::string_view given =
      plan.phone_column < row.cells.size() ? row.cells[plan.phone_column] : std::string_view{};
  const auto extra = [&row, &plan] {
    return std::any_of(row.cells.begin() + static_cast<std::ptrdiff_t>(plan.columns.size()), row.cells.end(),
                       [](std::string_view cell) { return !blank(cell); });
  };
  if (row.cells.size() > plan.columns.size() && extra()) {
    return {{},
            RowProblem::too_many_cells,
            fmt::format("The row has {} cells, the header {}. Put text with the delimiter in it into quotes.",
                        row.cells.size(), plan.columns.size())};
  }
  const auto phone = parse_phone(given, options.file.default_region);
  if (!phone) {
    const auto problem = phone.error() == PhoneError::empty ? RowProblem::no_phone : RowProblem::bad_phone;
    return {{}, problem, std::string(explain(phone.error()))};
  }
  if (const auto resolved = plan.mapping.resolve(row.cells, values); !resolved) {
    return {*phone, row_problem(resolved.error().problem),
            describe(resolved.error(), plan.mapping, plan.columns)};
  }
  if (options.check_values) {
    if (auto refusal = options.check_values(values))
      return {*phone, RowProblem::bad_value, std::move(*refusal)};
  }
  return {*phone};
}

}  // namespace

std::string_view to_string(RowProblem problem) {
  return kProblemNames[static_cast<std::size_t>(problem)];
}

struct RecipientCompiler::Impl {
  Impl(CompileOptions o, std::uint64_t size) : options(std::move(o)), file_size(size) {}

  Result<> begin();
  bool row(const CsvRow& row);
  void reject(const CsvRow& row, RowProblem problem, std::string_view explanation);
  void count_region(PhoneNumber phone);

  CompileOptions options;
  std::uint64_t file_size;
  std::string head;  // until the plan is made
  std::optional<Plan> plan;
  std::optional<CsvReader> reader;
  std::optional<PhoneSet> seen;
  std::optional<RecipientListWriter> list;
  std::string problems;
  std::vector<std::string> values;
  CompileSummary summary;
  std::array<std::uint64_t, 26 * 26 + 1> by_region{};  // by letters; the last one: not known
  bool header_seen = false;
};

// Makes the plan from the head, then sends the head through the rows as well.
Result<> RecipientCompiler::Impl::begin() {
  PH_TRY_ASSIGN(plan, make_plan(head, file_size, options));
  seen.emplace(plan->inspection.row_estimate);
  list.emplace(list_slots(plan->mapping));
  CsvWriter(problems).cell("line").cell("phone").cell("problem").cell("explanation").end_row();
  CsvOptions csv = options.file.csv;
  csv.delimiter = plan->inspection.delimiter;
  csv.encoding = plan->inspection.encoding;
  reader.emplace(csv, [this](const CsvRow& r) { return row(r); });
  const std::string bytes = std::move(head);
  head = {};
  return reader->feed(bytes);
}

bool RecipientCompiler::Impl::row(const CsvRow& row) {
  if (!header_seen) {
    header_seen = true;
    return true;
  }
  ++summary.rows;
  const Verdict verdict = judge_row(row, *plan, options, values);
  if (verdict.problem) {
    reject(row, *verdict.problem, verdict.explanation);
  } else if (!options.opted_out.empty() &&
             std::binary_search(options.opted_out.begin(), options.opted_out.end(), verdict.phone.digits())) {
    reject(row, RowProblem::opted_out, "This person has opted out and will not get the message.");
  } else if (!seen->insert(verdict.phone)) {
    reject(row, RowProblem::duplicate, "An earlier row has the same number; only that one gets the message.");
  } else {
    list->add(options.segment_of ? options.segment_of(verdict.phone) : 0, verdict.phone, row.line, values);
    count_region(verdict.phone);
    ++summary.accepted;
  }
  return true;
}

void RecipientCompiler::Impl::reject(const CsvRow& row, RowProblem problem, std::string_view explanation) {
  ++summary.problems[static_cast<std::size_t>(problem)];
  const std::string_view given =
      plan->phone_column < row.cells.size() ? row.cells[plan->phone_column] : std::string_view{};
  CsvWriter(problems)
      .cell(static_cast<std::int64_t>(row.line))
      .cell(shortened(given))
      .cell(to_string(problem))
      .cell(explanation)
      .end_row();
}

void RecipientCompiler::Impl::count_region(PhoneNumber phone) {
  const Region region = region_of(phone);
  const std::size_t index = region.empty() ? by_region.size() - 1
                                           : static_cast<std::size_t>(region.code[0] - 'A') * 26 +
                                                 static_cast<std::size_t>(region.code[1] - 'A');
  ++by_region[index];
}

RecipientCompiler::RecipientCompiler(CompileOptions options, std::uint64_t file_size)
    : impl_(std::make_unique<Impl>(std::move(options), file_size)) {}
RecipientCompiler::~RecipientCompiler() = default;

Result<> RecipientCompiler::feed(std::string_view bytes) {
  Impl& self = *impl_;
  if (!self.plan) {
    const std::size_t taken = std::min(bytes.size(), kInspectBytes - self.head.size());
    self.head.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    if (self.head.size() < kInspectBytes) return {};
    PH_TRY(self.begin());
  }
  return self.reader->feed(bytes);
}

Result<CompileSummary> RecipientCompiler::finish() {
  Impl& self = *impl_;
  if (!self.plan) {
    self.file_size = self.head.size();
    PH_TRY(self.begin());
  }
  PH_TRY(self.reader->finish());
  self.list->finish();
  CompileSummary& summary = self.summary;
  for (std::size_t i = 0; i < self.by_region.size(); ++i) {
    if (self.by_region[i] == 0) continue;
    const bool known = i + 1 < self.by_region.size();
    const char code[2] = {static_cast<char>('A' + i / 26), static_cast<char>('A' + i % 26)};
    summary.by_region[known ? std::string(code, 2) : std::string()] = self.by_region[i];
  }
  summary.columns = self.plan->columns;
  summary.phone_column = self.plan->columns[self.plan->phone_column];
  summary.delimiter = self.plan->inspection.delimiter;
  summary.encoding = self.plan->inspection.encoding;
  summary.segments = self.list->segments();
  return summary;
}

std::string RecipientCompiler::take_list() {
  return impl_->list ? impl_->list->take() : std::string();
}
std::string RecipientCompiler::take_problems() {
  std::string bytes;
  bytes.swap(impl_->problems);
  return bytes;
}
std::uint64_t RecipientCompiler::rows() const {
  return impl_->summary.rows;
}

Task<Result<CompileSummary>> compile_recipients(Files& files, FileReader& upload, ByteSink list,
                                                ByteSink problems, CompileOptions options,
                                                std::function<void(std::uint64_t, std::uint64_t)> progress) {
  // What the worker thread touches lives in shared state: the coroutine may be destroyed while the worker
  // still works.
  struct Work {
    Work(CompileOptions o, std::uint64_t size) : compiler(std::move(o), size) {}
    RecipientCompiler compiler;
    std::string buffer;
    std::size_t filled = 0;
    Result<CompileSummary> outcome;
    Result<> fed;
  };
  auto work = std::make_shared<Work>(std::move(options), upload.size());
  work->buffer.resize(kReadSize);
  std::uint64_t offset = 0;
  bool more = true;
  while (more) {
    const Result<std::size_t> got = co_await upload.read_at(offset, std::span<char>(work->buffer));
    if (!got) co_return std::unexpected(got.error());
    more = *got > 0;
    work->filled = *got;
    offset += *got;
    std::move_only_function<void()> step = [work] {
      if (work->filled > 0) {
        work->fed = work->compiler.feed(std::string_view(work->buffer).substr(0, work->filled));
      } else {
        work->outcome = work->compiler.finish();
      }
    };
    co_await files.run_blocking(std::move(step));
    if (!work->fed) co_return std::unexpected(work->fed.error());
    if (!more && !work->outcome) co_return std::unexpected(work->outcome.error());
    std::string list_bytes = work->compiler.take_list();
    std::string problem_bytes = work->compiler.take_problems();
    if (!list_bytes.empty()) {
      PH_CO_TRY(co_await list(std::move(list_bytes)));
    }
    if (!problem_bytes.empty()) {
      PH_CO_TRY(co_await problems(std::move(problem_bytes)));
    }
    if (progress) progress(work->compiler.rows(), offset);
  }
  co_return std::move(work->outcome);
}

Result<std::vector<PreviewRow>> preview_recipients(std::string_view head, std::uint64_t file_size,
                                                   const CompileOptions& options,
                                                   std::span<const std::int64_t> lines, std::size_t count) {
  PH_TRY_ASSIGN(const Plan plan, make_plan(head, file_size, options));
  std::vector<PreviewRow> rows;
  std::vector<std::string> values;
  bool header_seen = false;
  const auto wanted = [lines](std::uint64_t line) {
    return lines.empty() ||
           std::find(lines.begin(), lines.end(), static_cast<std::int64_t>(line)) != lines.end();
  };
  CsvOptions csv = options.file.csv;
  csv.delimiter = plan.inspection.delimiter;
  csv.encoding = plan.inspection.encoding;
  CsvReader reader(csv, [&](const CsvRow& row) {
    if (!std::exchange(header_seen, true) || !wanted(row.line)) return true;
    const Verdict verdict = judge_row(row, plan, options, values);
    PreviewRow preview;
    preview.line = row.line;
    if (plan.phone_column < row.cells.size()) preview.phone_as_given = row.cells[plan.phone_column];
    preview.phone = verdict.phone;
    preview.problem = verdict.explanation;
    if (!verdict.problem) preview.values = values;
    rows.push_back(std::move(preview));
    return rows.size() < (lines.empty() ? count : lines.size());
  });
  PH_TRY(reader.feed(head));
  if (head.size() >= file_size) {
    PH_TRY(reader.finish());
  }
  return rows;
}

}  // namespace posthorn
