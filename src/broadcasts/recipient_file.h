// What an uploaded recipient file looks like: columns, sample rows, the column with the phone numbers.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broadcasts/csv_reader.h"
#include "core/phone_number.h"
#include "core/result.h"

namespace posthorn {

inline constexpr std::size_t kInspectBytes =
    1024 * 1024;  // the head of the file that inspect_recipient_file() wants
inline constexpr std::size_t kInspectRows = 1000;

struct RecipientFileOptions {
  CsvOptions csv;
  std::string phone_column;  // a header name, or "#3" for the third column; empty: found by name and content
  Region default_region;     // for numbers without country code
};

struct RecipientColumn {
  std::string name;         // unique: empty headers become "column 3", repeated ones get " (2)"
  double phone_share = 0;   // share of valid phone numbers among the non-empty cells looked at, 0 … 1
  double filled_share = 0;  // share of rows with a value
  bool named_like_phone = false;
};

struct FileInspection {
  std::vector<RecipientColumn> columns;
  int phone_column = -1;  // index; -1: none found, and `phone_column_problem` says why
  std::string phone_column_problem;
  std::vector<std::string> warnings;                  // for people, e.g. "2 columns are called “name”"
  std::vector<std::vector<std::string>> sample_rows;  // the first 20, cut or filled to the number of columns
  std::vector<std::uint64_t> sample_lines;            // their line numbers
  char delimiter = ',';
  TextEncoding encoding = TextEncoding::utf8;
  std::uint64_t rows_seen = 0;     // data rows looked at
  std::uint64_t row_estimate = 0;  // data rows in the whole file; exact when the head is the whole file
};

// `head`: the first bytes of the file (kInspectBytes or the whole file), `file_size`: its full size. Errors
// are those of CsvReader, and: empty file, header without rows, unknown phone column (with the nearest name).
// A phone column that was not named and cannot be found is no error here, see `phone_column`.
Result<FileInspection> inspect_recipient_file(std::string_view head, std::uint64_t file_size,
                                              const RecipientFileOptions& options);

// Header cells → unique column names.
std::vector<std::string> column_names(std::span<const std::string_view> header);
// Header name without regard to case, spaces and punctuation, or "#N". -1 if there is none.
int find_column(std::span<const std::string> names, std::string_view wanted);
// The most similar name, for "did you mean"; empty if none is close.
std::string nearest_name(std::span<const std::string> names, std::string_view wanted);

}  // namespace posthorn
