// The JSON of SQS: answers, refusals, and the entries of batches.
#pragma once
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "core/time.h"
#include "platform/http.h"

namespace posthorn::sandbox::queue_json {

namespace js = boost::json;

inline constexpr double kLongestHidden = 43'200;  // seconds

Duration seconds(double n);
HttpResponse answer(js::object body, int status = 200);
HttpResponse refusal(std::string_view code, std::string_view message, int status = 400);
HttpResponse broken();
// Clients of Amazon's own compare it with what they read.
std::string md5_of(std::string_view text);
// "17-3-…": the message's place, and which reception it was.
std::uint64_t place_of(std::string_view receipt);
js::object failed(std::string_view id, std::string_view code, bool sender, std::string_view message);
std::expected<js::array, HttpResponse> entries_of(const js::value& body);

}  // namespace posthorn::sandbox::queue_json
