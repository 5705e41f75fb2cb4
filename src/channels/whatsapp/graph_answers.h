// Graph answers → values. Apart from the client so that they can be read and tested without a network.
#pragma once
#include <optional>
#include <string_view>

#include "channels/whatsapp/graph_client.h"

namespace posthorn::whatsapp {

PhoneNumberInfo read_phone_number(const json::object& object);
BusinessInfo read_business(const json::object& object);

// The Error that a failed Graph call becomes: kind by the error table, message with Meta's words.
Error error_of(int status, std::string_view body);

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 IMF-fixdate).
std::optional<WallTime> parse_http_date(std::string_view text);

}  // namespace posthorn::whatsapp
