// JSON strings the way Meta writes them, and lengths the way Meta counts them.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace posthorn::sandbox {

// With quotes. Non-ASCII becomes \uXXXX (surrogate pairs beyond the BMP), "/" becomes "\/": receivers must
// verify the raw bytes. Invalid UTF-8 becomes U+FFFD.
void append_meta_string(std::string& out, std::string_view text);
std::string meta_string(std::string_view text);

void append_number(std::string& out, std::uint64_t value);

// Code points; every byte that is no UTF-8 continuation counts.
std::size_t count_characters(std::string_view text);

std::string base64(std::string_view bytes);  // standard alphabet with padding

}  // namespace posthorn::sandbox
