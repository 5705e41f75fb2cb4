#include "broadcasts/csv_reader.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <emmintrin.h>
#include <fmt/format.h>

namespace posthorn {
namespace {

constexpr std::size_t kHeadBytes =
    64 * 1024;  // looked at before the first row: encoding, delimiter, file type
constexpr std::size_t kMaxRowBytes = 1024 * 1024;
constexpr std::size_t kSliceBytes = 128 * 1024;  // a chunk is worked off in slices, so that limits act early

std::string_view delimiter_name(char c) {
  switch (c) {
    case ';':
      return "semicolons";
    case '\t':
      return "tabs";
    case '|':
      return "vertical bars";
    default:
      return "commas";
  }
}

// Bit i is set where byte i of 64 is a delimiter, quote, line end or NUL.
class SpecialBytes {
 public:
  void set_delimiter(char delimiter) { delimiter_ = _mm_set1_epi8(delimiter); }
  std::uint64_t mask(const char* bytes) const {
    std::uint64_t mask = 0;
    for (unsigned i = 0; i < 4; ++i) {
      const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + std::size_t{16} * i));
      __m128i hit = _mm_cmpeq_epi8(block, delimiter_);
      hit = _mm_or_si128(hit, _mm_cmpeq_epi8(block, _mm_set1_epi8('"')));
      hit = _mm_or_si128(hit, _mm_cmpeq_epi8(block, _mm_set1_epi8('\n')));
      hit = _mm_or_si128(hit, _mm_cmpeq_epi8(block, _mm_set1_epi8('\r')));
      hit = _mm_or_si128(hit, _mm_cmpeq_epi8(block, _mm_setzero_si128()));
      mask |= static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(hit))) << (16 * i);
    }
    return mask;
  }

 private:
  __m128i delimiter_ = _mm_set1_epi8(',');
};

enum class State {
  cell,         // outside quotes
  quoted,       // inside quotes
  after_quote,  // a quote inside quotes was seen: its end, or the first of a doubled one
};

// A cell as offsets from the start of its row.
struct Cell {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  bool quoted = false;
  bool irregular = false;  // doubled quotes, or text behind the closing one
};

// Takes quotes off: the outer ones go, doubled ones become one. Text behind a closing quote stays, as
// spreadsheets do it.
void unquote(std::string_view raw, std::string& out) {
  bool inside = true;
  for (std::size_t i = 1; i < raw.size(); ++i) {
    if (!inside || raw[i] != '"') {
      out += raw[i];
    } else if (i + 1 < raw.size() && raw[i + 1] == '"') {
      out += '"';
      ++i;
    } else {
      inside = false;
    }
  }
}

}  // namespace

struct CsvReader::Impl {
  Impl(CsvOptions o, RowSink s) : options(o), sink(std::move(s)) {}

  Result<> feed(std::string_view bytes);
  Result<> finish();
  Result<> decide();
  Result<> convert(std::string_view bytes);
  Result<> text(std::string_view utf8);

  // These return false when reading ends: `stopped`, or `error` is set.
  bool scan(std::string_view window);
  bool special(std::string_view window, std::uint32_t at);
  void quoted_special(char c, std::uint32_t offset);
  bool end_cell(std::uint32_t offset);
  bool end_row(const char* row, std::uint32_t length);
  bool check_open_row(std::uint32_t length);
  bool give_up(ErrorCode code, std::string what) {
    error = Error{code, fmt::format("line {}: {}", line, what), "file"};
    return false;
  }
  void start_row(std::uint32_t at) {
    row_start = at;
    cell_start = 0;
    cells.clear();
    row_line = line;
  }
  std::string_view view_of(const Cell& cell, const char* row);

  CsvOptions options;
  RowSink sink;
  SpecialBytes specials;
  char delimiter = ',';
  TextEncoding encoding = TextEncoding::utf8;
  std::optional<Utf8Converter> converter;
  std::string head;  // until the format is decided
  bool decided = false;
  bool stopped = false;
  std::optional<Error> error;

  // The row being read. `row_start` and `scanned` count from the start of the window being scanned, all other
  // offsets from the start of the row, so that they stay right when the row moves into `kept`.
  std::string kept;  // its bytes from earlier calls
  std::uint32_t row_start = 0;
  std::uint32_t scanned = 0;
  State state = State::cell;
  std::uint32_t cell_start = 0;
  std::uint32_t quote_at = 0;     // where a quote inside quotes was seen
  std::uint32_t return_at = ~0U;  // the last carriage return inside quotes
  bool cell_quoted = false;
  bool cell_irregular = false;  // has doubled quotes or text behind the closing one
  bool after_return = false;    // a line feed at the row's first byte belongs to the line end before
  std::uint64_t line = 1;
  std::uint64_t row_line = 1;
  std::uint64_t quote_line = 1;
  std::uint64_t rows = 0;
  std::vector<Cell> cells;
  std::vector<std::string_view> views;
  std::string unquoted;
};

Result<> CsvReader::Impl::feed(std::string_view bytes) {
  if (error) return std::unexpected(*error);
  if (stopped) return {};
  if (!decided) {
    const std::size_t taken = std::min(kHeadBytes - head.size(), bytes.size());
    head.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    if (head.size() < kHeadBytes) return {};
    PH_TRY(decide());
  }
  return convert(bytes);
}

Result<> CsvReader::Impl::decide() {
  decided = true;
  if (const std::string_view format = binary_format_of(head); !format.empty()) {
    give_up(ErrorCode::invalid_argument,
            fmt::format("this is {}, not a CSV file. Open it and export the sheet as “CSV UTF-8”", format));
    return std::unexpected(*error);
  }
  const DetectedEncoding detected = detect_encoding(head);
  encoding = options.encoding.value_or(detected.encoding);
  const std::size_t bom = encoding == detected.encoding ? detected.bom_size : 0;
  converter.emplace(encoding);
  const std::string bytes = std::move(head);
  head = {};
  const std::string_view start = std::string_view(bytes).substr(bom);
  // A converter of its own, so that the rows go through the usual path afterwards.
  Utf8Converter peek(encoding);
  const std::string_view sample = peek.convert(start).text;
  delimiter = options.delimiter.value_or(detect_delimiter(sample));
  std::size_t skip = 0;
  if (sample.starts_with("sep=") && sample.size() > 5) {  // Excel's own way to name the delimiter
    if (!options.delimiter) delimiter = sample[4];
    skip = 5;
    if (sample[skip] == '\r') ++skip;
    if (skip < sample.size() && sample[skip] == '\n') ++skip;
    if (encoding == TextEncoding::utf16le || encoding == TextEncoding::utf16be) skip *= 2;
    line = row_line = 2;
  }
  specials.set_delimiter(delimiter);
  return convert(start.substr(std::min(skip, start.size())));
}

Result<> CsvReader::Impl::convert(std::string_view bytes) {
  while (!bytes.empty() && !stopped) {
    const std::string_view slice = bytes.substr(0, kSliceBytes);
    bytes.remove_prefix(slice.size());
    const Utf8Converter::Output out = converter->convert(slice);
    PH_TRY(text(out.text));
    if (!out.bad || stopped) continue;
    if (encoding == TextEncoding::utf8) {
      give_up(
          ErrorCode::invalid_argument,
          fmt::format(
              "this is not UTF-8 text (byte 0x{:02X}). Save the file as “CSV UTF-8”, or name its encoding; "
              "older Excel versions write windows-1252",
              out.bad_byte));
    } else {
      give_up(ErrorCode::invalid_argument, "damaged UTF-16 text. Export the file again as “CSV UTF-8”");
    }
    return std::unexpected(*error);
  }
  return {};
}

Result<> CsvReader::Impl::text(std::string_view utf8) {
  if (utf8.empty()) return {};
  std::string_view window = utf8;
  if (!kept.empty()) {
    kept.append(utf8);
    window = kept;
  }
  const bool going_on = scan(window);
  if (error) return std::unexpected(*error);
  if (!going_on) return {};
  const std::string_view rest = window.substr(row_start);
  if (kept.empty()) {
    kept.assign(rest);
  } else {
    kept.erase(0, row_start);
  }
  row_start = 0;
  scanned = static_cast<std::uint32_t>(kept.size());
  if (!check_open_row(scanned)) return std::unexpected(*error);
  return {};
}

bool CsvReader::Impl::scan(std::string_view window) {
  const auto size = static_cast<std::uint32_t>(window.size());
  std::uint32_t at = scanned;
  std::array<char, 64> tail;
  while (at < size) {
    const char* block = window.data() + at;
    if (size - at < tail.size()) {
      tail.fill(delimiter == 'x' ? 'y' : 'x');
      std::memcpy(tail.data(), block, size - at);
      block = tail.data();
    }
    for (std::uint64_t mask = specials.mask(block); mask != 0; mask &= mask - 1) {
      if (!special(window, at + static_cast<std::uint32_t>(__builtin_ctzll(mask)))) return false;
    }
    at += 64;
  }
  return true;
}

bool CsvReader::Impl::special(std::string_view window, std::uint32_t at) {
  const char c = window[at];
  const std::uint32_t offset = at - row_start;
  if (c == 0) {
    return give_up(ErrorCode::invalid_argument,
                   "there is a NUL byte, so this is no plain text. Export the file again as “CSV UTF-8”");
  }
  if (state == State::quoted) {
    quoted_special(c, offset);
    return true;
  }
  if (c == delimiter) return end_cell(offset);
  if (c == '"') {
    if (state == State::after_quote && offset == quote_at + 1) {
      state = State::quoted;
      cell_irregular = true;
    } else if (state == State::cell && offset == cell_start) {
      state = State::quoted;
      cell_quoted = true;
      quote_line = line;
    }
    return true;
  }
  // A line end.
  const bool second_half = c == '\n' && after_return && offset == 0;
  after_return = c == '\r';
  if (second_half) {
    row_start = at + 1;
    return true;
  }
  if (!end_cell(offset)) return false;
  ++line;
  const bool going_on = end_row(window.data() + row_start, offset);
  start_row(at + 1);
  return going_on;
}

void CsvReader::Impl::quoted_special(char c, std::uint32_t offset) {
  if (c == '"') {
    state = State::after_quote;
    quote_at = offset;
  } else if (c == '\r') {
    ++line;
    return_at = offset;
  } else if (c == '\n' && (return_at == ~0U || return_at + 1 != offset)) {
    ++line;
  }
}

bool CsvReader::Impl::end_cell(std::uint32_t offset) {
  if (cells.size() == options.max_columns) {
    return give_up(
        ErrorCode::too_large,
        fmt::format("more than {} columns. The file was read with {} between columns; if that is wrong, name "
                    "the delimiter, otherwise remove columns",
                    options.max_columns, delimiter_name(delimiter)));
  }
  if (offset - cell_start > options.max_field && !check_open_row(offset)) return false;
  if (cell_quoted && quote_at + 1 != offset) cell_irregular = true;
  cells.push_back({cell_start, offset, cell_quoted, cell_irregular});
  cell_start = offset + 1;
  state = State::cell;
  cell_quoted = false;
  cell_irregular = false;
  return_at = ~0U;
  return true;
}

bool CsvReader::Impl::check_open_row(std::uint32_t length) {
  if (length > cell_start && length - cell_start > options.max_field) {
    if (state == State::quoted) {
      return give_up(
          ErrorCode::too_large,
          fmt::format("the quote opened in line {} is still open after {} bytes. Close it, or double quotes "
                      "inside the text",
                      quote_line, options.max_field));
    }
    return give_up(ErrorCode::too_large,
                   fmt::format("a cell is longer than {} bytes. Is this a text file with one row a line?",
                               options.max_field));
  }
  if (length <= kMaxRowBytes) return true;
  return give_up(ErrorCode::too_large,
                 fmt::format("the row starting here is longer than {} bytes", kMaxRowBytes));
}

std::string_view CsvReader::Impl::view_of(const Cell& cell, const char* row) {
  const std::string_view raw(row + cell.begin, cell.end - cell.begin);
  if (!cell.quoted) return raw;
  if (!cell.irregular) return raw.substr(1, raw.size() - 2);
  const std::size_t before = unquoted.size();
  unquote(raw, unquoted);
  return std::string_view(unquoted).substr(before);
}

bool CsvReader::Impl::end_row(const char* row, std::uint32_t length) {
  if (cells.size() > length) return true;  // nothing but delimiters
  unquoted.clear();
  unquoted.reserve(length);  // so that views into it stay where they are
  views.clear();
  for (const Cell& cell : cells) views.push_back(view_of(cell, row));
  if (rows == options.max_rows) {
    return give_up(
        ErrorCode::too_large,
        fmt::format("more than {} rows. Split the file into several broadcasts", options.max_rows));
  }
  ++rows;
  stopped = !sink(CsvRow{row_line, views});
  return !stopped;
}

Result<> CsvReader::Impl::finish() {
  if (error) return std::unexpected(*error);
  if (stopped) return {};
  if (!decided) {
    PH_TRY(decide());
  }
  if (stopped) return {};
  if (!converter->complete()) {
    give_up(ErrorCode::invalid_argument,
            "the file ends in the middle of a character; it was cut off. Upload it again");
  } else if (state == State::quoted) {
    give_up(
        ErrorCode::invalid_argument,
        fmt::format(
            "the file ends inside quotes opened in line {}. Close the quote there, or double quotes inside "
            "the text",
            quote_line));
  } else if (!kept.empty() || !cells.empty()) {
    const auto length = static_cast<std::uint32_t>(kept.size());
    if (end_cell(length)) end_row(kept.data(), length);
  }
  if (!error && !stopped && rows == 0) {
    error = Error{ErrorCode::invalid_argument,
                  "the file is empty. It needs a header line and one line per recipient", "file"};
  }
  if (error) return std::unexpected(*error);
  return {};
}

CsvReader::CsvReader(CsvOptions options, RowSink sink)
    : impl_(std::make_unique<Impl>(options, std::move(sink))) {}
CsvReader::~CsvReader() = default;
CsvReader::CsvReader(CsvReader&&) noexcept = default;
Result<> CsvReader::feed(std::string_view bytes) {
  return impl_->feed(bytes);
}
Result<> CsvReader::finish() {
  return impl_->finish();
}
bool CsvReader::stopped() const {
  return impl_->stopped;
}
char CsvReader::delimiter() const {
  return impl_->delimiter;
}
TextEncoding CsvReader::encoding() const {
  return impl_->encoding;
}
std::uint64_t CsvReader::rows() const {
  return impl_->rows;
}
std::uint64_t CsvReader::line() const {
  return impl_->line;
}

char detect_delimiter(std::string_view utf8_head) {
  constexpr std::string_view kCandidates = ",;\t|";
  constexpr std::size_t kLines = 20;
  std::array<std::array<std::uint32_t, 4>, kLines> counts{};
  std::size_t lines = 0;
  bool quoted = false;
  bool line_open = false;
  for (const char c : utf8_head) {
    if (lines == kLines) break;
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n' || c == '\r') {
      lines += line_open;
      line_open = false;
      continue;
    }
    line_open = true;
    if (const std::size_t candidate = kCandidates.find(c); candidate != std::string_view::npos)
      ++counts[lines][candidate];
  }
  if (lines < kLines && line_open) ++lines;
  std::size_t best = 0;
  std::uint64_t best_score = 0;
  for (std::size_t candidate = 0; candidate < kCandidates.size(); ++candidate) {
    const std::uint32_t in_header = counts[0][candidate];
    if (in_header == 0) continue;
    std::uint64_t even = 0;
    for (std::size_t i = 0; i < lines; ++i) even += counts[i][candidate] == in_header;
    const std::uint64_t score = even * 10'000 + std::min<std::uint32_t>(in_header, 9'999);
    if (score > best_score) {
      best_score = score;
      best = candidate;
    }
  }
  return kCandidates[best];
}

}  // namespace posthorn
