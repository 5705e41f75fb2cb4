#include "broadcasts/csv_writer.h"

#include <charconv>

namespace posthorn {
namespace {

constexpr std::string_view kFormulaStarts = "=+-@";
constexpr std::string_view kControlStarts("\t\r\n\0", 4);

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0;;) {
    const std::size_t quote = text.find('"', at);
    out.append(text.substr(at, quote - at));
    if (quote == std::string_view::npos) break;
    out += "\"\"";
    at = quote + 1;
  }
  out += '"';
}

}  // namespace

bool looks_like_formula(std::string_view text) {
  if (text.empty()) return false;
  if (kControlStarts.find(text[0]) != std::string_view::npos) return true;
  // Spreadsheets trim what stands before; so do we: all control characters, spaces, no-break spaces and
  // marks.
  while (!text.empty()) {
    if (static_cast<unsigned char>(text[0]) <= ' ') {
      text.remove_prefix(1);
    } else if (text.starts_with("\xC2\xA0")) {
      text.remove_prefix(2);
    } else if (text.starts_with("\xEF\xBB\xBF") || text.starts_with("\xE3\x80\x80")) {
      text.remove_prefix(3);
    } else {
      break;
    }
  }
  // Full-width = + - @ count too: some spreadsheets normalise them.
  for (const std::string_view wide : {"\xEF\xBC\x9D", "\xEF\xBC\x8B", "\xEF\xBC\x8D", "\xEF\xBC\xA0"}) {
    if (text.starts_with(wide)) return true;
  }
  return !text.empty() && kFormulaStarts.find(text[0]) != std::string_view::npos;
}

// Apostrophes before a formula count as well, so that taking one off always gives back the text that was
// written.
static bool needs_guard(std::string_view text) {
  while (text.starts_with('\'')) text.remove_prefix(1);
  return looks_like_formula(text);
}

std::string_view without_formula_guard(std::string_view text) {
  return text.starts_with('\'') && needs_guard(text) ? text.substr(1) : text;
}

void CsvWriter::separate() {
  if (!first_) out_ += delimiter_;
  first_ = false;
}

CsvWriter& CsvWriter::cell(std::string_view text) {
  if (!needs_guard(text)) return verbatim(text);
  separate();
  std::string guarded;
  guarded.reserve(text.size() + 1);
  guarded += '\'';
  // Readers of CSV, ours among them, refuse NUL.
  for (const char c : text) guarded += c == 0 ? ' ' : c;
  append_quoted(out_, guarded);
  return *this;
}

CsvWriter& CsvWriter::verbatim(std::string_view text) {
  separate();
  const char needs[] = {delimiter_, '"', '\n', '\r', '\'', '\0'};
  if (text.find_first_of(std::string_view(needs, 5)) == std::string_view::npos &&
      (text.empty() || (text.front() != ' ' && text.back() != ' '))) {
    out_.append(text);
  } else {
    append_quoted(out_, text);
  }
  return *this;
}

CsvWriter& CsvWriter::cell(std::int64_t number) {
  separate();
  char digits[24];
  out_.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
  return *this;
}

CsvWriter& CsvWriter::cell(PhoneNumber phone) {
  separate();
  if (!phone) return *this;
  char digits[24];
  out_.append(digits, std::to_chars(digits, digits + sizeof digits, phone.digits()).ptr);
  return *this;
}

CsvWriter& CsvWriter::end_row() {
  out_ += "\r\n";
  first_ = true;
  return *this;
}

}  // namespace posthorn
