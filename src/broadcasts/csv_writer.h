// CSV for people's spreadsheets: RFC 4180, and no cell can be taken for a formula.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "core/phone_number.h"

namespace posthorn {

// Appends to a string that the caller drains. Line ends are CRLF.
//
// Formula injection (OWASP "CSV Injection"): a text cell whose first character after spaces is = + - @, or
// that starts with TAB, CR, LF or NUL, gets a leading apostrophe, which spreadsheets show as text and our
// importer takes off again.
class CsvWriter {
 public:
  explicit CsvWriter(std::string& out, char delimiter = ',') : out_(out), delimiter_(delimiter) {}

  CsvWriter& cell(std::string_view text);
  CsvWriter& cell(const char* text) { return cell(std::string_view(text)); }
  CsvWriter& cell(std::int64_t number);
  CsvWriter& cell(PhoneNumber phone);  // digits without "+", which parse_phone() reads back; empty for none
  CsvWriter& verbatim(
      std::string_view text);  // quoted where needed but never altered: for files of our own programs
  CsvWriter& end_row();

 private:
  void separate();
  std::string& out_;
  char delimiter_;
  bool first_ = true;
};

bool looks_like_formula(std::string_view text);
// The text without the apostrophe that cell() puts before formulas; other texts unchanged.
std::string_view without_formula_guard(std::string_view text);

}  // namespace posthorn
