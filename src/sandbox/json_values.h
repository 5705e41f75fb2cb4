// Values of the control API: reading members with defaults, and writing them the way Meta does.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "core/result.h"
#include "core/time.h"

namespace posthorn::sandbox {

// nullptr when `body` is no object or has no such member.
const boost::json::value* member(const boost::json::value& body, std::string_view name);

// The fallback also for members of another type.
std::string text_of(const boost::json::value& body, std::string_view name, std::string_view fallback = {});
double number_of(const boost::json::value& body, std::string_view name, double fallback);
bool flag_of(const boost::json::value& body, std::string_view name, bool fallback);
Duration millis_of(const boost::json::value& body, std::string_view name, Duration fallback);

// Removes the member and returns it; null when it is missing.
boost::json::value take(boost::json::object& from, std::string_view name);

// Serialised with Meta's escapes (json_text.h).
std::string meta_json(const boost::json::value& value);

// "4915112345678" or "+4915112345678"; invalid_argument otherwise.
Result<std::uint64_t> phone_of(std::string_view text);

}  // namespace posthorn::sandbox
