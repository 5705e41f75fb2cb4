// Text encodings of recipient files: detection, and streaming conversion to UTF-8.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace posthorn {

enum class TextEncoding { utf8, utf16le, utf16be, windows1252 };

std::string_view to_string(TextEncoding encoding);  // "utf-8", "utf-16le", "utf-16be", "windows-1252"
// Accepts these names without regard to case or dashes; also "latin1" and "iso-8859-1", which browsers and
// spreadsheets treat as Windows-1252 (WHATWG Encoding Standard).
Result<TextEncoding> parse_text_encoding(std::string_view name);

struct DetectedEncoding {
  TextEncoding encoding = TextEncoding::utf8;
  std::size_t bom_size = 0;  // bytes to skip
};
// Looks at a byte order mark, then at where zero bytes stand (UTF-16 without mark). Anything else is taken as
// UTF-8; Windows-1252 is never guessed, because a wrong guess would silently spoil names.
DetectedEncoding detect_encoding(std::string_view head);

// Names what a file is that only claims to be text: "a zip archive or an Excel workbook (.xlsx)". Empty for
// text.
std::string_view binary_format_of(std::string_view head);

// Turns chunks of any size into valid UTF-8. Characters cut by a chunk's end are carried over.
class Utf8Converter {
 public:
  explicit Utf8Converter(TextEncoding encoding) : encoding_(encoding) {}
  struct Output {
    std::string_view text;      // valid until the next call; may point into `bytes`
    bool bad = false;           // invalid input follows `text`
    std::uint8_t bad_byte = 0;  // the first byte of it
  };
  Output convert(std::string_view bytes);
  bool complete() const { return carry_.empty() && high_surrogate_ == 0; }  // nothing half read is left over

 private:
  Output convert_utf8(std::string_view bytes);
  Output convert_utf16(std::string_view bytes);
  Output convert_windows1252(std::string_view bytes);

  TextEncoding encoding_;
  std::string carry_;
  std::string out_;
  char16_t high_surrogate_ = 0;
};

std::size_t count_characters(std::string_view utf8);  // code points

}  // namespace posthorn
