// What AWS services say when they refuse, in their four dialects. Pure. Source: the services' API references,
// "Common errors"; retry rules as in the AWS SDKs' reference guide, "Retry behavior".
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/time.h"
#include "platform/http.h"

namespace posthorn::aws {

struct AwsError {
  std::string code;     // "ThrottlingException"; empty: the service gave none
  std::string message;  // its words, shortened
};

// From an answer that is not 2xx: JSON body, x-amzn-errortype, or XML.
AwsError read_error(const HttpResponse& response);

enum class AwsTrouble {
  refused,      // will be refused again
  again,        // a failure of theirs, or throttling: the same call may succeed later
  clock,        // our clock is off; the answer's Date header says by how much
  credentials,  // expired or unknown: get new ones, then again
};
AwsTrouble judge(int status, const AwsError& error);

// For people: "sqs: QueueDoesNotExist: …", with the code that callers decide by.
Error to_error(std::string_view service, int status, const AwsError& error);

// Text of the first element of that name, or of its text inside `xml`; entities resolved. Empty: none.
std::string xml_text(std::string_view xml, std::string_view name);

std::optional<WallTime> parse_date_header(std::string_view text);  // "Fri, 24 May 2013 00:00:00 GMT"

}  // namespace posthorn::aws
