#include "broadcasts/recipient_compiler.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broadcasts/phone_set.h"
#include "broadcasts/sample_data.h"
#include "platform/simulated/simulated_files.h"
#include "run_task.h"

namespace posthorn {
namespace {

using simulated::SimulatedFiles;
using testing::HasSubstr;

CompileOptions options(std::string_view mapping, std::vector<MappingSlot> slots) {
  CompileOptions out;
  out.file.default_region = parse_region("DE").value();
  out.mapping = parse_json(mapping).value().as_object();
  out.slots = std::move(slots);
  return out;
}

ByteSink into(FileWriter& file) {
  return [&file](std::string bytes) { return file.append(std::move(bytes)); };
}

struct Compiled {
  Result<CompileSummary> summary;
  std::string list, problems;
};

Compiled compile(std::string_view text, CompileOptions with, std::size_t chunk = 1000) {
  RecipientCompiler compiler(std::move(with), text.size());
  Compiled out;
  for (; !text.empty(); text.remove_prefix(std::min(chunk, text.size()))) {
    if (const auto fed = compiler.feed(text.substr(0, chunk)); !fed) {
      out.summary = std::unexpected(fed.error());
      return out;
    }
    out.list += compiler.take_list();
    out.problems += compiler.take_problems();
  }
  out.summary = compiler.finish();
  out.list += compiler.take_list();
  out.problems += compiler.take_problems();
  return out;
}

constexpr std::string_view kFile =
    "name,phone,city\n"
    "Ann,0170 1234567,Bonn\n"
    "Ben,+49 (170) 1234567,Köln\n"        // duplicate of line 2
    "Cid,n/a,Ulm\n"                       // bad
    "Dan,,Ulm\n"                          // none
    "Eve,+44 7912 345678,\n"              // no city
    "Fay,+1 415 555 2671,Oakland,more\n"  // too many cells
    "Gus,+1 415 555 2672,SF,\n"           // an empty extra cell is none
    "=Hal,+39 347 1234567,Roma\n"
    "Ian,+34 612 345 678,Madrid\n"  // opted out
    "Joy,0171 1234567,\"a very\nlong town name indeed\"\n";

CompileOptions sample_options() {
  return options(R"({"body.1": "name", "body.2": "city"})", {{"body.1", 10}, {"body.2", 15}});
}

TEST(RecipientCompiler, SortsRowsAndCountsEveryOne) {
  const std::uint64_t opted_out[] = {34612345678};
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{10'000}}) {
    CompileOptions with = sample_options();
    with.opted_out = opted_out;
    const Compiled compiled = compile(kFile, std::move(with), chunk);
    ASSERT_TRUE(compiled.summary) << compiled.summary.error().message;
    const CompileSummary& summary = *compiled.summary;
    EXPECT_EQ(summary.rows, 10U);
    EXPECT_EQ(summary.accepted, 3U);
    EXPECT_EQ(summary.duplicates(), 1U);
    EXPECT_EQ(summary.opted_out(), 1U);
    EXPECT_EQ(summary.rejected(), 5U);
    EXPECT_EQ(summary.phone_column, "phone");
    EXPECT_EQ(summary.by_region, (std::map<std::string, std::uint64_t>{{"DE", 1}, {"IT", 1}, {"US", 1}}));
    EXPECT_EQ(compiled.problems,
              "line,phone,problem,explanation\r\n"
              "3,\"'+49 (170) 1234567\",duplicate,An earlier row has the same number; only that one gets the "
              "message.\r\n"
              "4,n/a,bad_phone,This is not one phone number: it has letters or signs that do not belong. "
              "Keep the digits only.\r\n"
              "5,,no_phone,There is no phone number. Fill in the cell or remove the row.\r\n"
              "6,\"'+44 7912 345678\",missing_value,The variable “body.2” (column “city”) has no value and "
              "no fallback is set.\r\n"
              "7,\"'+1 415 555 2671\",too_many_cells,\"The row has 4 cells, the header 3. Put text with the "
              "delimiter in it into quotes.\"\r\n"
              "10,\"'+34 612 345 678\",opted_out,This person has opted out and will not get the message.\r\n"
              "11,0171 1234567,value_too_long,The variable “body.2” (column “city”) is longer than the "
              "template allows: 15 characters.\r\n");
  }
}

TEST(RecipientCompiler, RunsOverPorts) {
  SimulatedFiles files;
  files.put("upload", std::string(kFile));
  auto upload = run_task(files.open("upload")).value();
  auto list = run_task(files.create("list")).value();
  auto problems = run_task(files.create("problems")).value();
  CompileOptions with = sample_options();
  with.segment_of = [](PhoneNumber phone) { return phone.to_digits().starts_with("1") ? -480 : 60; };
  const auto summary =
      run_task(compile_recipients(files, *upload, into(*list), into(*problems), std::move(with)));
  ASSERT_TRUE(summary) << summary.error().message;
  ASSERT_TRUE(run_task(list->commit()));
  ASSERT_TRUE(run_task(problems->commit()));
  auto reader = run_task(RecipientListReader::open(run_task(files.open("list")).value()));
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_EQ((*reader)->rows(), 4);
  ASSERT_EQ((*reader)->segments().size(), 2U);
  EXPECT_EQ((*reader)->segments()[0].key, -480);
  const auto west = run_task((*reader)->read(1, 10));
  ASSERT_EQ(west->rows.size(), 1U);
  EXPECT_EQ(west->rows[0].values[0], "Gus");
  const auto east = run_task((*reader)->read(2, 10));
  ASSERT_EQ(east->rows.size(), 3U);
  EXPECT_EQ(east->rows[0].source_line, 2U);
  EXPECT_EQ(east->rows[1].values[0], "=Hal");
}

TEST(RecipientCompiler, DiskFullIsReported) {
  SimulatedFiles files;
  files.put("upload", std::string(kFile));
  files.set_capacity(kFile.size() + 10);
  auto upload = run_task(files.open("upload")).value();
  auto list = run_task(files.create("list")).value();
  auto problems = run_task(files.create("problems")).value();
  const auto summary =
      run_task(compile_recipients(files, *upload, into(*list), into(*problems), sample_options()));
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().code, ErrorCode::resource_exhausted);
}

struct Bad {
  std::string text;
  std::string_view field, message;
};
TEST(RecipientCompiler, RefusesBadFilesWhole) {
  const Bad cases[] = {
      {"", "file", "empty"},
      {"name,phone,city\n", "file", "no recipients"},
      {"name,city\nA,Bonn\n", "phone_column", "No column with phone numbers"},
      {"name,phone\nA,0170 1234567\n", "mapping.body.2", "no column “city”"},
      {std::string(1'000'000, ','), "file", "256 columns"},
      {"name,phone,city\nA,\"0170\n", "file", "opened in line 2"},
      {"PK\x03\x04zip", "file", "zip archive"},
      {"name,phone,city\nJos\xE9,0170 1234567,Bonn\n", "file", "not UTF-8"},
  };
  for (const Bad& bad : cases) {
    const Compiled compiled = compile(bad.text, sample_options());
    ASSERT_FALSE(compiled.summary) << bad.message;
    EXPECT_EQ(compiled.summary.error().field, bad.field) << compiled.summary.error().message;
    EXPECT_THAT(compiled.summary.error().message, HasSubstr(bad.message));
  }
}

// A fault far behind the head that the first look at the file covers.
TEST(RecipientCompiler, LateFaultsNameTheirLine) {
  std::string text = "name,phone,city\n";
  for (int i = 0; i < 60'000; ++i) text += "A,+49170" + std::to_string(1'000'000 + i) + ",Bonn\n";
  text += "B,+491711234567,K\xF6ln\n";
  const Compiled compiled = compile(text, sample_options(), 65'536);
  ASSERT_FALSE(compiled.summary);
  EXPECT_THAT(compiled.summary.error().message, HasSubstr("line 60002: this is not UTF-8"));
}

TEST(RecipientCompiler, StopsEarlyInAHugeLine) {
  CompileOptions with = sample_options();
  RecipientCompiler compiler(std::move(with), std::uint64_t{1} << 30);
  const std::string chunk(1024 * 1024, 'x');
  int fed = 0;
  while (fed < 1024 && compiler.feed(chunk)) ++fed;
  EXPECT_LE(fed, 1);
}

TEST(RecipientCompiler, AsksTheChannelAboutValues) {
  CompileOptions with = sample_options();
  with.check_values = [](std::span<const std::string> values) -> std::optional<std::string> {
    if (values[1] == "Bonn") return "Bonn is not allowed.";
    return std::nullopt;
  };
  const Compiled compiled = compile(kFile, std::move(with));
  ASSERT_TRUE(compiled.summary);
  EXPECT_EQ(compiled.summary->problems[static_cast<std::size_t>(RowProblem::bad_value)], 1U);
  EXPECT_THAT(compiled.problems, HasSubstr("2,0170 1234567,bad_value,Bonn is not allowed."));
  EXPECT_EQ(compiled.summary->duplicates(), 0U);  // a refused row does not shut out a later good one
}

TEST(RecipientCompiler, PreviewsRows) {
  const auto rows = preview_recipients(kFile, kFile.size(), sample_options(), {}, 2);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0].line, 2U);
  EXPECT_THAT((*rows)[0].values, testing::ElementsAre("Ann", "Bonn"));
  const std::int64_t lines[] = {6, 9, 5000};
  const auto chosen = preview_recipients(kFile, kFile.size(), sample_options(), lines, 0);
  ASSERT_TRUE(chosen);
  ASSERT_EQ(chosen->size(), 2U);
  EXPECT_THAT((*chosen)[0].problem, HasSubstr("“body.2”"));
  EXPECT_TRUE((*chosen)[0].values.empty());
  EXPECT_EQ((*chosen)[1].phone_as_given, "+39 347 1234567");
}

TEST(SampleData, HasExactlyTheRowsItPromises) {
  std::string text;
  SampleShape shape;
  ASSERT_TRUE(write_sample_recipients(shape, [&text](std::string_view bytes) -> Result<> {
    text += bytes;
    return {};
  }));
  const Compiled compiled = compile(text,
                                    options(R"({"body.1": "name", "body.2": "voucher", "body.3": "amount"})",
                                            {{"body.1"}, {"body.2"}, {"body.3"}}),
                                    65'536);
  ASSERT_TRUE(compiled.summary) << compiled.summary.error().message;
  EXPECT_EQ(compiled.summary->accepted, 50'000U);
  EXPECT_EQ(compiled.summary->duplicates(), 250U);
  EXPECT_EQ(compiled.summary->rejected(), 150U);
  EXPECT_GE(compiled.summary->by_region.size(), 8U);
}

TEST(SampleData, StopsWhenItCannotBeWritten) {
  const auto full = [](std::string_view) -> Result<> {
    return fail(ErrorCode::resource_exhausted, "disk full");
  };
  EXPECT_EQ(write_sample_recipients({}, full).error().code, ErrorCode::resource_exhausted);
}

TEST(PhoneSet, IsExact) {
  for (const std::uint64_t expected : {std::uint64_t{0}, std::uint64_t{100'000}, std::uint64_t{2'000'000}}) {
    PhoneSet set(expected);
    std::uint32_t state = 1;
    std::set<std::uint64_t> reference;
    for (int i = 0; i < 100'000; ++i) {
      state = state * 1664525 + 1013904223;
      const std::uint64_t digits = 491'700'000'000 + state % 130'000;
      ASSERT_EQ(set.insert(PhoneNumber::from_digits(digits)), reference.insert(digits).second) << digits;
    }
    EXPECT_EQ(set.size(), reference.size());
    EXPECT_TRUE(set.insert(PhoneNumber::from_digits(999'999'999'999'999)));
    EXPECT_TRUE(set.insert(PhoneNumber::from_digits(1)));
    EXPECT_FALSE(set.insert(PhoneNumber::from_digits(999'999'999'999'999)));
  }
}

TEST(PhoneSet, StaysSmall) {
  constexpr std::uint64_t kCount = 200'000;
  for (const std::uint64_t expected : {kCount, std::uint64_t{0}}) {
    PhoneSet set(expected);
    for (std::uint64_t i = 0; i < kCount; ++i) set.insert(PhoneNumber::from_digits(491'700'000'000 + i * 7));
    EXPECT_LT(set.memory(), kCount * 24) << expected;
  }
}

}  // namespace
}  // namespace posthorn
