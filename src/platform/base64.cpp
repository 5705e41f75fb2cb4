#include "platform/base64.h"

#include <algorithm>

#include "platform/crypto.h"

namespace posthorn {
namespace {

std::string exchanged(std::string text, char from_62, char from_63, char to_62, char to_63) {
  for (char& c : text) c = c == from_62 ? to_62 : c == from_63 ? to_63 : c;
  return text;
}

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string text = exchanged(to_base64url(bytes), '-', '_', '+', '/');
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

Result<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0 || text.find_first_of("-_") != std::string_view::npos)
    return fail(ErrorCode::invalid_argument,
                "not base64: the length must be a multiple of 4, with = at the end");
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return from_base64url(exchanged(std::string(text), '+', '/', '-', '_'));
}

}  // namespace posthorn
