// What the text of a slot's value means, by its type.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace posthorn::whatsapp {

struct CurrencyAmount {
  std::string_view code;  // three capital letters
  std::int64_t amount_1000 = 0;
};
// "EUR 12.34", "12.34 EUR", "EUR12.34"; at most three decimals, no thousands separators.
std::optional<CurrencyAmount> parse_currency(std::string_view text);

// Unix seconds, Unix milliseconds (from 10^12) or ISO 8601 with offset → Unix milliseconds.
std::optional<std::int64_t> parse_expiration(std::string_view text);

bool is_http_url(std::string_view text);  // http:// or https://, a host, no blanks or control characters, at
                                          // most 2000 bytes
bool is_media_id(std::string_view text);  // 1 to 40 digits

std::size_t count_characters(std::string_view utf8);

}  // namespace posthorn::whatsapp
