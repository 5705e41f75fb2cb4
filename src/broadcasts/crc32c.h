// CRC-32C (Castagnoli; RFC 3720 appendix B.4): checksums of the recipient list.
#pragma once
#include <cstdint>
#include <string_view>

namespace posthorn {

std::uint32_t crc32c(std::string_view bytes);

}  // namespace posthorn
