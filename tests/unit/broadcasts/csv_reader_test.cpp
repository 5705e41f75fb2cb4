#include "broadcasts/csv_reader.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broadcasts/csv_writer.h"

namespace posthorn {
namespace {

using Rows = std::vector<std::vector<std::string>>;
using testing::HasSubstr;

struct Outcome {
  Rows rows;
  std::vector<std::uint64_t> lines;
  Result<> result;
  char delimiter = 0;
};

Outcome read(std::string_view text, std::size_t chunk = ~std::size_t{0}, CsvOptions options = {}) {
  Outcome outcome;
  CsvReader reader(options, [&outcome](const CsvRow& row) {
    outcome.rows.emplace_back(row.cells.begin(), row.cells.end());
    outcome.lines.push_back(row.line);
    return true;
  });
  while (!text.empty() && outcome.result) {
    outcome.result = reader.feed(text.substr(0, chunk));
    text.remove_prefix(std::min(chunk, text.size()));
  }
  if (outcome.result) outcome.result = reader.finish();
  outcome.delimiter = reader.delimiter();
  return outcome;
}

std::string utf16(std::string_view ascii, bool big) {
  std::string out;
  for (const char c : ascii) {
    if (big) out += '\0';
    out += c;
    if (!big) out += '\0';
  }
  return out;
}

struct Good {
  std::string name, text;
  Rows rows;
  std::vector<std::uint64_t> lines;
};
class GoodFiles : public testing::TestWithParam<Good> {};

// Every file is read with every chunk size up to its length: boundaries must not matter.
TEST_P(GoodFiles, AreReadWithAnyChunks) {
  const Good& good = GetParam();
  for (std::size_t chunk = 1; chunk <= good.text.size() + 1; ++chunk) {
    const Outcome outcome = read(good.text, chunk);
    ASSERT_TRUE(outcome.result) << outcome.result.error().message << " chunk " << chunk;
    ASSERT_EQ(outcome.rows, good.rows) << "chunk " << chunk;
    ASSERT_EQ(outcome.lines, good.lines) << "chunk " << chunk;
  }
}
INSTANTIATE_TEST_SUITE_P(
    , GoodFiles,
    testing::Values(
        Good{"plain", "a,b\n1,2\n", {{"a", "b"}, {"1", "2"}}, {1, 2}},
        Good{"no_last_line_end", "a,b\n1,2", {{"a", "b"}, {"1", "2"}}, {1, 2}},
        Good{"crlf", "a,b\r\n1,2\r\n", {{"a", "b"}, {"1", "2"}}, {1, 2}},
        Good{"cr", "a,b\r1,2\r3,4", {{"a", "b"}, {"1", "2"}, {"3", "4"}}, {1, 2, 3}},
        Good{"mixed_line_ends", "a\r\nb\rc\nd\r\r\ne", {{"a"}, {"b"}, {"c"}, {"d"}, {"e"}}, {1, 2, 3, 4, 6}},
        Good{"blank_lines", "\n\na,b\n\n,\n1,2\n\n", {{"a", "b"}, {"1", "2"}}, {3, 6}},
        Good{"semicolon", "a;b,c\n1;2\n", {{"a", "b,c"}, {"1", "2"}}, {1, 2}},
        Good{"tab", "a\tb\n1,5\t2\n", {{"a", "b"}, {"1,5", "2"}}, {1, 2}},
        Good{"bar", "a|b\n1|2\n", {{"a", "b"}, {"1", "2"}}, {1, 2}},
        Good{"empty_cells", "a,b,c\n,,x\ny,,\n", {{"a", "b", "c"}, {"", "", "x"}, {"y", "", ""}}, {1, 2, 3}},
        Good{"quotes",
             "a,b\n\"x, y\",\"\"\n\"\"\"q\"\"\",\"a\"\"b\"\n",
             {{"a", "b"}, {"x, y", ""}, {"\"q\"", "a\"b"}},
             {1, 2, 3}},
        Good{"line_ends_in_quotes",
             "a,b\n\"1\n2\r\n3\r4\",x\nend,y\n",
             {{"a", "b"}, {"1\n2\r\n3\r4", "x"}, {"end", "y"}},
             {1, 2, 6}},
        Good{"quote_inside_cell", "a,b\n5\" disk,x\n", {{"a", "b"}, {"5\" disk", "x"}}, {1, 2}},
        Good{"text_behind_quote", "a,b\n\"x\"y,\"z\" \n", {{"a", "b"}, {"xy", "z "}}, {1, 2}},
        Good{"quoted_last", "a,b\n1,\"2\"", {{"a", "b"}, {"1", "2"}}, {1, 2}},
        Good{"quoted_empty_line", "a\n\"\"\nb", {{"a"}, {""}, {"b"}}, {1, 2, 3}},
        Good{"bom",
             "\xEF\xBB\xBF"
             "a,b\n1,2\n",
             {{"a", "b"}, {"1", "2"}},
             {1, 2}},
        Good{"bom_and_quote", "\xEF\xBB\xBF\"a\",b\n1,2\n", {{"a", "b"}, {"1", "2"}}, {1, 2}},
        Good{"sep_line", "sep=;\r\na;b\r\n1;2,5\r\n", {{"a", "b"}, {"1", "2,5"}}, {2, 3}},
        Good{"utf8", "näme,stadt\nJosé,東京 🎉\n", {{"näme", "stadt"}, {"José", "東京 🎉"}}, {1, 2}},
        Good{
            "utf16le_bom", "\xFF\xFE" + utf16("a;b\r\n1;\"2\"\r\n", false), {{"a", "b"}, {"1", "2"}}, {1, 2}},
        Good{"utf16be_bom", "\xFE\xFF" + utf16("a,b\n1,2\n", true), {{"a", "b"}, {"1", "2"}}, {1, 2}},
        Good{"utf16le", utf16("a,b\n1,2\n", false), {{"a", "b"}, {"1", "2"}}, {1, 2}},
        Good{"utf16be", utf16("phone,b\n1,2\n", true), {{"phone", "b"}, {"1", "2"}}, {1, 2}},
        Good{"utf16_emoji",
             std::string("\xFF\xFE"
                         "a\0\n\0\x3C\xD8\x89\xDF\n\0",
                         12),
             {{"a"}, {"\xF0\x9F\x8E\x89"}},
             {1, 2}},
        Good{"long_cells",
             "a,b\n" + std::string(70, 'x') + "," + std::string(200, 'y') + "\n",
             {{"a", "b"}, {std::string(70, 'x'), std::string(200, 'y')}},
             {1, 2}}),
    [](const auto& info) { return info.param.name; });

struct Bad {
  std::string name, text;
  std::string message;
  ErrorCode code = ErrorCode::invalid_argument;
};
class BadFiles : public testing::TestWithParam<Bad> {};
TEST_P(BadFiles, SayWhereAndWhatToDo) {
  const Bad& bad = GetParam();
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, std::size_t{4096}, ~std::size_t{0}}) {
    const Outcome outcome = read(bad.text, chunk);
    ASSERT_FALSE(outcome.result) << "chunk " << chunk;
    EXPECT_THAT(outcome.result.error().message, HasSubstr(bad.message));
    EXPECT_EQ(outcome.result.error().code, bad.code);
    EXPECT_EQ(outcome.result.error().field, "file");
  }
}
INSTANTIATE_TEST_SUITE_P(
    , BadFiles,
    testing::Values(
        Bad{"empty", "", "the file is empty"}, Bad{"only_blank_lines", "\n\r\n\n", "the file is empty"},
        Bad{"only_bom", "\xEF\xBB\xBF", "the file is empty"},
        Bad{"unclosed_quote", "a,b\n1,2\n3,\"4\n5,6\n", "inside quotes opened in line 3"},
        Bad{"nul", std::string("a,b\n1,\0002\n", 10), "line 2: there is a NUL"},
        Bad{"nul_in_quotes", std::string("a,bcdefghijk\n1,\"\n\0\"\n", 20), "line 3: there is a NUL"},
        Bad{"xlsx", "PK\x03\x04 and so on", "Excel workbook"},
        Bad{"xls", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "old Excel"}, Bad{"pdf", "%PDF-1.7\n", "PDF"},
        Bad{"gzip", "\x1F\x8B\x08", "gzip"}, Bad{"html", "<!DOCTYPE html>", "web page"},
        Bad{"latin1", "name,b\nM\xFCller,1\n", "line 2: this is not UTF-8 text (byte 0xFC)"},
        Bad{"overlong", "name,b\nM\xC0\xAFller,1\n", "line 2: this is not UTF-8"},
        Bad{"surrogate_in_utf8", "a\n\xED\xA0\x80\n", "line 2: this is not UTF-8"},
        Bad{"beyond_unicode", "a\n\xF4\x90\x80\x80\n", "line 2: this is not UTF-8"},
        Bad{"cut_utf8", "a\nM\xC3", "middle of a character"},
        Bad{"cut_utf16",
            std::string("\xFF\xFE"
                        "a\0b",
                        5),
            "middle of a character"},
        Bad{"lone_surrogate",
            std::string("\xFF\xFE"
                        "a\0\x3C\xD8"
                        "b\0",
                        8),
            "damaged UTF-16"},
        Bad{"million_columns", std::string(1'000'000, ','), "more than 256 columns", ErrorCode::too_large},
        Bad{"long_cell", "a,b\n" + std::string(70'000, 'x'), "line 2: a cell is longer",
            ErrorCode::too_large},
        Bad{"runaway_quote", "a,b\n1,\"" + std::string(70'000, 'x'), "opened in line 2 is still open",
            ErrorCode::too_large},
        Bad{"runaway_quote_over_lines",
            "a,b\n1,\"2\n" + std::string(40'000, 'x') + "\n" + std::string(40'000, 'x'), "opened in line 2",
            ErrorCode::too_large}),
    [](const auto& info) { return info.param.name; });

TEST(CsvReader, StopsEarlyInAnEndlessLine) {
  CsvReader reader({}, [](const CsvRow&) { return true; });
  const std::string megabyte(1024 * 1024, 'x');
  std::size_t taken = 0;
  while (taken < 1024 && reader.feed(megabyte)) ++taken;
  EXPECT_LE(taken, 1U);
  EXPECT_FALSE(reader.feed("more"));  // and stays refused
  EXPECT_FALSE(reader.finish());
}

TEST(CsvReader, StopsEarlyInAnEndlessRowOfSmallCells) {
  CsvOptions options;
  options.max_columns = 10'000'000;
  CsvReader reader(options, [](const CsvRow&) { return true; });
  std::string cells;
  for (int i = 0; i < 200'000; ++i) cells += "abc,";
  std::size_t taken = 0;
  while (taken < 100 && reader.feed(cells)) ++taken;
  EXPECT_LE(taken, 2U);
}

TEST(CsvReader, LimitsRows) {
  CsvOptions options;
  options.max_rows = 3;
  EXPECT_TRUE(read("h\n1\n2\n", 1, options).result);
  const Outcome outcome = read("h\n1\n2\n3\n", 1, options);
  ASSERT_FALSE(outcome.result);
  EXPECT_EQ(outcome.result.error().code, ErrorCode::too_large);
  EXPECT_THAT(outcome.result.error().message, HasSubstr("line 5: more than 3 rows"));
}

TEST(CsvReader, StopsWhenAsked) {
  int rows = 0;
  CsvReader reader({}, [&rows](const CsvRow&) { return ++rows < 2; });
  ASSERT_TRUE(reader.feed("a\nb\nc\nd\n"));
  ASSERT_TRUE(reader.finish());
  EXPECT_TRUE(reader.stopped());
  EXPECT_EQ(rows, 2);
  ASSERT_TRUE(reader.feed("e\n\""));  // ignored
  ASSERT_TRUE(reader.finish());
  EXPECT_EQ(rows, 2);
}

TEST(CsvReader, OptionsOverrideDetection) {
  CsvOptions options;
  options.delimiter = ',';
  EXPECT_EQ(read("a;b,c\n1;2,3\n4;5,6\n", 5, options).rows[0], (std::vector<std::string>{"a;b", "c"}));
  options = {};
  options.encoding = TextEncoding::windows1252;
  const Outcome outcome = read("name,preis\nM\xFCller,5 \x80\n", 3, options);
  ASSERT_TRUE(outcome.result);
  EXPECT_EQ(outcome.rows[1], (std::vector<std::string>{"Müller", "5 €"}));
}

TEST(CsvReader, FindsDelimiters) {
  EXPECT_EQ(detect_delimiter("name;amount\nA;1,5\nB;2,5\n"), ';');
  EXPECT_EQ(detect_delimiter("name,note\nA,x;y;z\nB,;;\n"), ',');
  EXPECT_EQ(detect_delimiter("\"a,b,c\"\t\"d\"\n\"1,2\"\t2\n"), '\t');
  EXPECT_EQ(detect_delimiter("phone\n491701234567\n"), ',');
  EXPECT_EQ(detect_delimiter(""), ',');
}

TEST(CsvReader, ChunkBoundariesDoNotMatterInLargeFiles) {
  std::string text = "name,phone,note\n";
  for (int i = 0; i < 20'000; ++i) {
    text += "name" + std::to_string(i) + ",+49170" + std::to_string(1'000'000 + i) +
            (i % 7 == 0 ? ",\"says \"\"hi\"\",\nand goes\"\n" : ",plain\n");
  }
  const Outcome whole = read(text);
  ASSERT_TRUE(whole.result);
  ASSERT_EQ(whole.rows.size(), 20'001U);
  EXPECT_EQ(whole.rows[1][2], "says \"hi\",\nand goes");
  for (const std::size_t chunk :
       {std::size_t{13}, std::size_t{997}, std::size_t{65'536}, std::size_t{131'071}}) {
    const Outcome outcome = read(text, chunk);
    EXPECT_EQ(outcome.rows, whole.rows) << chunk;
    EXPECT_EQ(outcome.lines, whole.lines) << chunk;
  }
}

TEST(TextEncoding, NamesAreRead) {
  EXPECT_EQ(parse_text_encoding("UTF-8"), TextEncoding::utf8);
  EXPECT_EQ(parse_text_encoding("utf_16le"), TextEncoding::utf16le);
  EXPECT_EQ(parse_text_encoding("ISO-8859-1"), TextEncoding::windows1252);
  EXPECT_EQ(parse_text_encoding("ebcdic").error().field, "encoding");
  for (const auto encoding : {TextEncoding::utf8, TextEncoding::utf16be, TextEncoding::windows1252})
    EXPECT_EQ(parse_text_encoding(to_string(encoding)), encoding);
}

TEST(CsvWriter, GuardsAgainstFormulas) {
  struct Case {
    std::string_view text, written;
  };
  const Case cases[] = {{"plain", "plain"},
                        {"", ""},
                        {"a,b", "\"a,b\""},
                        {"say \"hi\"", "\"say \"\"hi\"\"\""},
                        {"two\nlines", "\"two\nlines\""},
                        {"=1+1", "\"'=1+1\""},
                        {"+49", "\"'+49\""},
                        {"-5", "\"'-5\""},
                        {"@SUM(A1)", "\"'@SUM(A1)\""},
                        {"  =1", "\"'  =1\""},
                        {"\t=1", "\"'\t=1\""},
                        {"\rx", "\"'\rx\""},
                        {"\xC2\xA0=1", "\"'\xC2\xA0=1\""},
                        {"\xEF\xBC\x9D"
                         "1",
                         "\"'\xEF\xBC\x9D"
                         "1\""},
                        {"a=1", "a=1"},
                        {"O'Neil", "\"O'Neil\""},
                        {" x", "\" x\""}};
  for (const Case& c : cases) {
    std::string out;
    CsvWriter(out).cell(c.text).end_row();
    EXPECT_EQ(out, std::string(c.written) + "\r\n") << c.text;
    EXPECT_FALSE(looks_like_formula(std::string(c.written).substr(c.written.starts_with('"')))) << c.text;
    EXPECT_EQ(
        without_formula_guard(looks_like_formula(c.text) ? "'" + std::string(c.text) : std::string(c.text)),
        c.text);
  }
  std::string out;
  CsvWriter(out, ';')
      .cell(std::string_view("\0=x", 3))
      .cell(std::int64_t{-5})
      .cell("a;b")
      .cell("c,d")
      .end_row();
  EXPECT_EQ(out, "\"' =x\";-5;\"a;b\";c,d\r\n");
}

TEST(CsvWriter, RoundTripsThroughTheReader) {
  std::uint32_t state = 7;
  const auto random = [&state](std::uint32_t bound) {
    state = state * 1664525 + 1013904223;
    return (state >> 8) % bound;
  };
  const std::string_view pieces[] = {"a", "\"", ",",  ";", "\n", "\r", "'", "=",
                                     "+", " ",  "\t", "ü", "東", "|",  "x"};
  for (int round = 0; round < 2000; ++round) {
    Rows rows;
    std::string text;
    CsvWriter writer(text);
    for (std::uint32_t r = 1 + random(4); r > 0; --r) {
      std::vector<std::string> row{
          "first"};  // so that no row is blank and none starts with a file type's magic
      for (std::uint32_t c = 0; c < 3; ++c) {
        std::string cell;
        for (std::uint32_t n = random(6); n > 0; --n) cell += pieces[random(std::size(pieces))];
        row.push_back(cell);
      }
      for (const std::string& cell : row) writer.cell(cell);
      writer.end_row();
      rows.push_back(row);
    }
    CsvOptions options;
    options.delimiter = ',';
    Outcome outcome = read(text, 1 + random(20), options);
    ASSERT_TRUE(outcome.result) << text;
    for (auto& row : outcome.rows)
      for (auto& cell : row) cell = without_formula_guard(cell);
    ASSERT_EQ(outcome.rows, rows) << text;
  }
}

TEST(CsvWriter, PhonesCanBeImportedAgain) {
  std::string out;
  const PhoneNumber phone = PhoneNumber::from_digits(491701234567);
  CsvWriter(out).cell(phone).cell(phone.to_string()).cell(PhoneNumber{}).end_row();
  const Outcome outcome = read(out);
  ASSERT_EQ(outcome.rows.size(), 1U);
  EXPECT_EQ(parse_phone(outcome.rows[0][0], Region{}), phone);
  EXPECT_EQ(parse_phone(outcome.rows[0][1], Region{}), phone);
  EXPECT_EQ(outcome.rows[0][2], "");
}

}  // namespace
}  // namespace posthorn
