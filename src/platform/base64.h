// Base64 of RFC 4648, section 4, with padding: what AWS, SMTP and webhook signatures speak. The URL-safe one
// is in crypto.h.
#pragma once
#include <string>
#include <string_view>

#include "core/result.h"

namespace posthorn {

std::string to_base64(std::string_view bytes);
Result<std::string> from_base64(std::string_view text);  // padding wanted; no line breaks

}  // namespace posthorn
