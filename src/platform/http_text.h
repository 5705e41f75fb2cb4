// Pieces of HTTP text that client and server share.
#pragma once
#include <string>
#include <string_view>

namespace posthorn {

std::string_view reason_phrase(int status);

// "Name: value\r\n"; control characters in the value become blanks, so that no value can start a line of its
// own. A name that is no token is left out.
void append_field(std::string& out, std::string_view name, std::string_view value);

// Fields that client and server set themselves, from what they are going to send.
bool framing_field(std::string_view name);

}  // namespace posthorn
