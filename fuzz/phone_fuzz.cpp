// Phone numbers: any text with any default region. What is accepted is a number that reads back as itself.
#include <cstdlib>
#include <string_view>

#include "core/phone_number.h"

using namespace posthorn;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  Region region;
  if (const auto parsed = parse_region(input.substr(0, 2))) region = *parsed;
  const std::string_view text = input.substr(std::min<std::size_t>(size, 2));
  const auto number = parse_phone(text, region);
  if (!number) {
    if (explain(number.error()).empty()) std::abort();
    return 0;
  }
  const std::size_t digits = number->to_digits().size();
  if (digits < 4 || digits > 15) std::abort();
  if (parse_phone(number->to_string(), region) != *number) std::abort();
  if (parse_phone(number->to_digits(), Region{}) != *number) std::abort();
  region_of(*number);
  return 0;
}
