// Streaming CSV reader (RFC 4180 and what spreadsheets really write). Push-based: bytes in with any chunk
// boundaries, rows out as views. Memory is bounded by the limits whatever the file holds.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broadcasts/text_encoding.h"
#include "core/result.h"

namespace posthorn {

struct CsvOptions {
  std::optional<char> delimiter;         // , ; tab or |; detected when empty
  std::optional<TextEncoding> encoding;  // detected when empty
  std::size_t max_field = 64 * 1024;     // bytes of UTF-8
  std::size_t max_columns = 256;
  std::uint64_t max_rows = 10'000'000;  // with the header row
};

struct CsvRow {
  std::uint64_t line = 0;                   // where the row starts, from 1
  std::span<const std::string_view> cells;  // valid UTF-8, unquoted; valid during the call only
};

// Every error is invalid_argument or too_large, names the line and says what to do. After an error or a stop
// the reader takes no more bytes.
class CsvReader {
 public:
  // Called for every row that is not blank. Returning false stops reading without an error.
  using RowSink = std::move_only_function<bool(const CsvRow&)>;

  CsvReader(CsvOptions options, RowSink sink);
  ~CsvReader();
  CsvReader(CsvReader&&) noexcept;

  Result<> feed(std::string_view bytes);
  Result<> finish();  // the last row needs no line end

  bool stopped() const;
  char delimiter() const;  // known once rows flow
  TextEncoding encoding() const;
  std::uint64_t rows() const;  // delivered so far
  std::uint64_t line() const;  // being read, from 1

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The delimiter that cuts the first lines most evenly; a comma when nothing speaks for another one.
char detect_delimiter(std::string_view utf8_head);

}  // namespace posthorn
