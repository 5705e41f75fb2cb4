#include "broadcasts/text_encoding.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace posthorn {
namespace {

struct EncodingName {
  std::string_view name;
  TextEncoding encoding;
};
constexpr EncodingName kNames[] = {
    {"utf8", TextEncoding::utf8},
    {"utf16le", TextEncoding::utf16le},
    {"utf16be", TextEncoding::utf16be},
    {"windows1252", TextEncoding::windows1252},
    {"cp1252", TextEncoding::windows1252},
    {"latin1", TextEncoding::windows1252},
    {"iso88591", TextEncoding::windows1252},
};

struct Magic {
  std::string_view bytes, name;
};
constexpr Magic kMagic[] = {
    {"PK\x03\x04", "an Excel workbook (.xlsx) or a zip archive"},
    {"PK\x05\x06", "an empty zip archive"},
    {"\xD0\xCF\x11\xE0", "an old Excel workbook (.xls)"},
    {"%PDF-", "a PDF document"},
    {"\x1F\x8B", "a gzip archive"},
    {"7z\xBC\xAF", "a 7-Zip archive"},
    {"Rar!", "a RAR archive"},
    {"\x89PNG", "a PNG image"},
    {"\xFF\xD8\xFF", "a JPEG image"},
    {"{\\rtf", "an RTF document"},
    {"SQLite format 3", "an SQLite database"},
    {"<!DOCTYPE", "a web page"},
    {"<!doctype", "a web page"},
    {"<html", "a web page"},
    {"<?xml", "an XML document"},
};

// Bytes 0x80 … 0x9F of Windows-1252 (WHATWG index); the rest equals Latin-1.
constexpr std::array<char16_t, 32> kWindows1252 = {
    0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021, 0x2C6,  0x2030, 0x160,
    0x2039, 0x152,  0x8D,   0x17D,  0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178};

void append_code_point(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
  } else if (c < 0x10000) {
    out += {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3F)),
            static_cast<char>(0x80 | (c & 0x3F))};
  } else {
    out += {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3F)),
            static_cast<char>(0x80 | (c >> 6 & 0x3F)), static_cast<char>(0x80 | (c & 0x3F))};
  }
}

const unsigned char* skip_ascii(const unsigned char* at, const unsigned char* end) {
  while (end - at >= 32) {
    std::uint64_t words[4];
    std::memcpy(words, at, sizeof words);
    if (((words[0] | words[1] | words[2] | words[3]) & 0x8080808080808080U) != 0) break;
    at += 32;
  }
  while (at != end && *at < 0x80) ++at;
  return at;
}

// Length of the well-formed sequence at `at` (Unicode standard, table 3-7); 0: ill-formed; -1: cut off by the
// end.
int sequence_length(const unsigned char* at, const unsigned char* end) {
  const unsigned char lead = *at;
  int length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  for (int i = 1; i < length; ++i) {
    if (at + i == end) return -1;
    if (at[i] < low || at[i] > high) return 0;
    low = 0x80;
    high = 0xBF;
  }
  return length;
}

}  // namespace

std::string_view to_string(TextEncoding encoding) {
  switch (encoding) {
    case TextEncoding::utf8:
      return "utf-8";
    case TextEncoding::utf16le:
      return "utf-16le";
    case TextEncoding::utf16be:
      return "utf-16be";
    case TextEncoding::windows1252:
      return "windows-1252";
  }
  return "";
}

Result<TextEncoding> parse_text_encoding(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c == '-' || c == '_' || c == ' ') continue;
    plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  }
  for (const EncodingName& known : kNames) {
    if (known.name == plain) return known.encoding;
  }
  return fail(ErrorCode::invalid_argument,
              "“" + std::string(name.substr(0, 40)) +
                  "” is not a known encoding; use utf-8, utf-16le, utf-16be or windows-1252",
              "encoding");
}

DetectedEncoding detect_encoding(std::string_view head) {
  if (head.starts_with("\xEF\xBB\xBF")) return {TextEncoding::utf8, 3};
  if (head.starts_with("\xFF\xFE")) return {TextEncoding::utf16le, 2};
  if (head.starts_with("\xFE\xFF")) return {TextEncoding::utf16be, 2};
  // Western text in UTF-16 has a zero in nearly every other byte; text in any script has them at commas and
  // line ends.
  std::size_t even = 0;
  std::size_t odd = 0;
  const std::size_t looked_at = std::min<std::size_t>(head.size(), 4096) & ~std::size_t{1};
  for (std::size_t i = 0; i < looked_at; ++i) {
    if (head[i] == 0) ++(i % 2 == 0 ? even : odd);
  }
  const std::size_t enough = std::max<std::size_t>(2, looked_at / 20);
  if (odd >= enough && even * 8 <= odd) return {TextEncoding::utf16le, 0};
  if (even >= enough && odd * 8 <= even) return {TextEncoding::utf16be, 0};
  return {};
}

std::string_view binary_format_of(std::string_view head) {
  for (const Magic& magic : kMagic) {
    if (head.starts_with(magic.bytes)) return magic.name;
  }
  return {};
}

Utf8Converter::Output Utf8Converter::convert(std::string_view bytes) {
  switch (encoding_) {
    case TextEncoding::utf8:
      return convert_utf8(bytes);
    case TextEncoding::windows1252:
      return convert_windows1252(bytes);
    case TextEncoding::utf16le:
    case TextEncoding::utf16be:
      return convert_utf16(bytes);
  }
  return {};
}

Utf8Converter::Output Utf8Converter::convert_utf8(std::string_view bytes) {
  std::string_view text = bytes;
  if (!carry_.empty()) {
    out_.assign(carry_).append(bytes);
    carry_.clear();
    text = out_;
  }
  const auto* begin = reinterpret_cast<const unsigned char*>(text.data());
  const auto* end = begin + text.size();
  const auto* at = begin;
  while ((at = skip_ascii(at, end)) != end) {
    const int length = sequence_length(at, end);
    const std::string_view good = text.substr(0, static_cast<std::size_t>(at - begin));
    if (length == 0) return {good, true, *at};
    if (length < 0) {
      carry_.assign(text.substr(good.size()));
      return {good};
    }
    at += length;
  }
  return {text};
}

Utf8Converter::Output Utf8Converter::convert_utf16(std::string_view bytes) {
  out_.clear();
  const bool big = encoding_ == TextEncoding::utf16be;
  std::size_t at = 0;
  const auto unit_of = [big](char first, char second) {
    const auto a = static_cast<unsigned char>(first);
    const auto b = static_cast<unsigned char>(second);
    return static_cast<char16_t>(big ? a << 8 | b : b << 8 | a);
  };
  while (at < bytes.size()) {
    char16_t unit = 0;
    if (!carry_.empty()) {
      unit = unit_of(carry_[0], bytes[at++]);
      carry_.clear();
    } else if (at + 1 < bytes.size()) {
      unit = unit_of(bytes[at], bytes[at + 1]);
      at += 2;
    } else {
      carry_.assign(1, bytes[at++]);
      break;
    }
    const bool low = unit >= 0xDC00 && unit <= 0xDFFF;
    if (low != (high_surrogate_ != 0)) return {out_, true, static_cast<std::uint8_t>(unit >> 8)};
    if (low) {
      append_code_point(out_, 0x10000 + ((high_surrogate_ - 0xD800U) << 10) + (unit - 0xDC00U));
      high_surrogate_ = 0;
    } else if (unit >= 0xD800 && unit <= 0xDBFF) {
      high_surrogate_ = unit;
    } else {
      append_code_point(out_, unit);
    }
  }
  return {out_};
}

Utf8Converter::Output Utf8Converter::convert_windows1252(std::string_view bytes) {
  out_.clear();
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    append_code_point(out_, byte >= 0x80 && byte < 0xA0 ? kWindows1252[byte - 0x80U] : byte);
  }
  return {out_};
}

std::size_t count_characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(
      utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace posthorn
