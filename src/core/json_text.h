// JSON as text for people and programs.
#pragma once
#include <string>

#include "core/json.h"

namespace posthorn {

// The shortest decimal digits that mean exactly this number: 78.8, never 7.88E1. An exponent stands only
// below 1e-7 and from 1e21 on, as in ECMAScript's Number::toString. Not a number or infinite: null, JSON has
// no word for it.
void append_json_number(std::string& out, double number);

// The tree without white space, members in their order; invalid UTF-8 becomes U+FFFD.
void append_json(std::string& out, const json::value& value);
std::string json_text(const json::value& value);
std::string json_text(const json::object& object);

}  // namespace posthorn
