// JSON in one spelling: equal values give equal bytes, whoever wrote them.
#pragma once
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "core/result.h"

namespace posthorn::channels {

inline constexpr int kMaxWebhookDepth = 32;  // inside one event

// Sorted keys, no blanks.
std::string canonical_json(const boost::json::value& value);
void append_canonical_json(std::string& out, const boost::json::value& value);
void append_json_string(std::string& out, std::string_view text);  // with quotes, escaped
// Of a text; one that is no valid JSON is returned as it is.
std::string canonical_json(std::string_view text);

// Parses one event with the depth cap: too_large when nested more deeply. Lone surrogates, which Boost.JSON
// refuses, become U+FFFD. The value lives in `storage`.
Result<boost::json::value> parse_item(std::string_view raw, boost::json::storage_ptr storage = {});

}  // namespace posthorn::channels
