// The bundled sample: made-up recipients as a marketer's spreadsheet would hold them, always the same bytes.
#pragma once
#include <cstdint>
#include <functional>
#include <string_view>

#include "core/result.h"

namespace posthorn {

struct SampleShape {
  std::uint64_t accepted = 50'000;  // distinct valid recipients
  std::uint64_t duplicates = 250;   // further rows that repeat one of them, spelled differently
  std::uint64_t rejected = 150;     // further rows without a usable number
  bool semicolons = false;
};

// Columns: name, phone, city, voucher, amount, language. Numbers are spelled in many ways; those without
// country code are German, so the default region must be DE. Writes pieces of about 64 KB; stops when `write`
// fails.
Result<> write_sample_recipients(const SampleShape& shape,
                                 const std::function<Result<>(std::string_view)>& write);

}  // namespace posthorn
