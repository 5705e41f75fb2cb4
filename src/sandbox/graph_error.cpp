#include "sandbox/graph_error.h"

#include <algorithm>
#include <array>

#include "sandbox/json_text.h"

namespace posthorn::sandbox {
namespace {

// Meta's Cloud API error reference, ordered by code.
constexpr auto kErrors = std::to_array<ErrorInfo>({
    {0, 401, false, "AuthException", "We were unable to authenticate the app user."},
    {1, 400, false, "An unknown error occurred", "Invalid request or possible server error."},
    {2, 503, false, "Service temporarily unavailable",
     "Temporary due to downtime or due to being overloaded."},
    {3, 500, false, "Application does not have the capability to make this API call.",
     "Capability or permissions issue."},
    {4, 400, false, "Application request limit reached", "The app has reached its API call rate limit."},
    {10, 403, false, "Application does not have permission for this action",
     "Permission is either not granted or has been removed."},
    {17, 429, false, "User request limit reached", "The user has reached the call rate limit."},
    {33, 400, false, "Parameter value is not valid", "The business phone number has been deleted."},
    {100, 400, false, "Invalid parameter",
     "The request included one or more unsupported or misspelled parameters."},
    {104, 401, false, "An access token is required to request this resource.",
     "The request carries no access token."},
    {190, 401, false, "Error validating access token", "The access token has expired or is invalid."},
    {200, 403, false, "Permissions error", "The token lacks a permission for this call."},
    {368, 403, false, "Temporarily blocked for policies violations",
     "The account has been restricted or disabled for violating a platform policy."},
    {613, 429, false, "Calls to this api have exceeded the rate limit.", "A custom rate limit was reached."},
    {803, 404, false, "Some of the aliases you requested do not exist", "The object does not exist."},
    {1026, 400, true, "Receiver incapable", "The recipient's client cannot receive this message."},
    {80007, 429, false, "There have been too many calls to this WhatsApp Business account.",
     "The WhatsApp Business Account has reached its rate limit."},
    {130429, 429, false, "Rate limit hit",
     "Message failed to send because there were too many messages sent from this phone number in a short "
     "period of time."},
    {130472, 400, true, "User's number is part of an experiment",
     "Failed to send message because this user's phone number is part of an experiment"},
    {130497, 403, false, "Business account is restricted from messaging users in this country.",
     "The account may not message users in this country."},
    {131000, 500, false, "Something went wrong", "Message failed to send due to an unknown error."},
    {131005, 403, false, "Access denied", "Permission is either not granted or has been removed."},
    {131008, 400, false, "Required parameter is missing", "The request is missing a required parameter."},
    {131009, 400, false, "Parameter value is not valid", "One or more parameter values are invalid."},
    {131016, 500, false, "Service unavailable", "A service is temporarily unavailable."},
    {131021, 400, false, "Recipient cannot be sender", "Sender and recipient phone number is the same."},
    {131026, 400, true, "Message undeliverable", "Message Undeliverable."},
    {131030, 400, false, "Recipient phone number not in allowed list",
     "Add the recipient to the allowed list of the test number."},
    {131031, 403, false, "Business account has been locked",
     "The account is restricted or disabled for violating a policy."},
    {131037, 400, false,
     "The WhatsApp provided number needs display name approval before messages can be sent.",
     "The display name is not approved."},
    {131042, 400, true, "Business eligibility payment issue",
     "Message failed to send because there were one or more errors related to your payment method."},
    {131045, 500, false, "Incorrect certificate",
     "Message failed to send due to a phone number registration error."},
    {131047, 400, false, "Re-engagement message",
     "Message failed to send because more than 24 hours have passed since the customer last replied to this "
     "number."},
    {131048, 400, false, "Spam rate limit hit",
     "Message failed to send because there are restrictions on how many messages can be sent from this phone "
     "number."},
    {131049, 400, true, "This message was not delivered to maintain healthy ecosystem engagement.",
     "In order to maintain a healthy ecosystem engagement, the message failed to be delivered."},
    {131050, 400, true, "User has stopped receipt of marketing messages from your business",
     "The user has stopped marketing messages of this business."},
    {131051, 400, false, "Message type unknown", "Message type is not currently supported."},
    {131052, 400, true, "Media download error", "Unable to download the media sent by the user."},
    {131053, 400, true, "Media upload error", "Unable to upload the media used in the message."},
    {131055, 400, false, "Method not allowed", "Only marketing templates can be sent with this endpoint."},
    {131056, 400, false, "(Business Account, Consumer Account) pair rate limit hit",
     "Message failed to send because there were too many messages sent from this phone number to the same "
     "phone number in a short period of time."},
    {131057, 500, false, "Account in maintenance mode", "Business account is in maintenance mode."},
    {131059, 400, false, "Invalid cursor", "The paging cursor is not valid any more."},
    {131062, 400, false, "Business-scoped User ID recipients are not supported for this message.",
     "Use the phone number of the recipient."},
    {131063, 400, false, "Marketing messages are disabled on Cloud API for this account.",
     "Use the marketing messages endpoint."},
    {131064, 400, false, "Messaging limit reached because of template misclassification",
     "The category of the template was wrong."},
    {132000, 400, false, "Number of parameters does not match the expected number of params",
     "The number of variable values does not match the number of variables of the template."},
    {132001, 404, false, "Template name does not exist in the translation",
     "The template does not exist in the given language or has not been approved."},
    {132005, 400, false, "Translated text too long",
     "The text of the message is too long with its variables filled in."},
    {132007, 400, false, "Template format character policy violated",
     "The content of the template violates a WhatsApp policy."},
    {132008, 400, false, "Template parameter value mismatch",
     "A variable value does not have the expected form."},
    {132012, 400, false, "Parameter format does not match format in the created template",
     "Variable parameter values are formatted incorrectly."},
    {132015, 400, false, "Template is paused",
     "Template is paused due to low quality so it cannot be sent in a template message."},
    {132016, 400, false, "Template is disabled",
     "Template has been paused too many times due to low quality and is now permanently disabled."},
    {132018, 400, false, "There was an issue with the parameters in your template.",
     "A template parameter contains text that is not allowed."},
    {132068, 400, false, "Flow is blocked", "The flow is in blocked state."},
    {132069, 400, false, "Flow is throttled",
     "The flow is throttled and 10 messages using it were already sent in the last hour."},
    {133000, 500, false, "Incomplete deregistration", "A previous deregistration attempt failed."},
    {133004, 503, false, "Server temporarily unavailable", "The server is temporarily unavailable."},
    {133006, 400, false, "Phone number re-verification needed",
     "The phone number needs to be verified before registering."},
    {133010, 400, false, "Phone number not registered",
     "The phone number is not registered on the WhatsApp Business Platform."},
    {133016, 400, false, "Account register rate limit",
     "Too many registration attempts for this phone number."},
    {134100, 400, false, "Only marketing messages are supported",
     "The template is not of the marketing category."},
    {134101, 400, false, "Template is still syncing",
     "The template is being prepared; try again in ten minutes."},
    {134102, 500, false, "Template unavailable for use",
     "The template cannot be used with marketing messages."},
    {135000, 400, false, "Generic user error",
     "Message failed to send because of an unknown error with the request parameters."},
    {137000, 400, true, "Identity key mismatch", "The identity of the user has changed."},
    {2494100, 400, false, "Phone number in maintenance mode", "The phone number is being moved."},
});
static_assert(std::ranges::is_sorted(kErrors, {}, &ErrorInfo::code));

constexpr ErrorInfo kUnlisted{-1, 400, false, "Unknown error code",
                              "The sandbox was told to answer with this code."};

void append_trace(std::string& out, std::uint64_t trace) {
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  out += 'A';
  for (int i = 0; i < 10; ++i, trace >>= 6) out += kAlphabet[trace & 63];
}

}  // namespace

const ErrorInfo& error_info(int code) {
  const auto* it = std::ranges::lower_bound(kErrors, code, {}, &ErrorInfo::code);
  return it != kErrors.end() && it->code == code ? *it : kUnlisted;
}

bool known_error(int code) {
  return error_info(code).code == code;
}

std::string error_body(const GraphFailure& failure, std::uint64_t trace) {
  const ErrorInfo& info = error_info(failure.code);
  const std::string code = std::to_string(failure.code);
  std::string out;
  out.reserve(512);
  out += R"({"error":{"message":)";
  append_meta_string(out, "(#" + code + ") " + std::string(info.title));
  out += R"(,"type":"OAuthException","code":)" + code;
  out += R"(,"error_data":{"messaging_product":"whatsapp","details":)";
  append_meta_string(out, failure.details.empty() ? info.details : std::string_view(failure.details));
  out += '}';
  if (failure.subcode != 0) out += R"(,"error_subcode":)" + std::to_string(failure.subcode);
  if (failure.code == 2 || failure.code == 131016 || failure.code == 133004) out += R"(,"is_transient":true)";
  out += R"(,"fbtrace_id":")";
  append_trace(out, trace);
  out += R"("}})";
  return out;
}

HttpResponse error_response(const GraphFailure& failure, std::uint64_t trace) {
  HttpResponse response;
  response.status = error_info(failure.code).http;
  response.headers.set("Content-Type", "application/json; charset=UTF-8");
  if (failure.code == 190)
    response.headers.set("WWW-Authenticate",
                         "OAuth \"Facebook Platform\" \"invalid_token\" \"Error validating access token\"");
  response.body = error_body(failure, trace);
  return response;
}

void append_webhook_error(std::string& out, int code) {
  const ErrorInfo& info = error_info(code);
  out += R"({"code":)" + std::to_string(code) + R"(,"title":)";
  append_meta_string(out, info.title);
  out += R"(,"message":)";
  append_meta_string(out, info.title);
  out += R"(,"error_data":{"details":)";
  append_meta_string(out, info.details);
  out +=
      R"(},"href":"https:\/\/developers.facebook.com\/docs\/whatsapp\/cloud-api\/support\/error-codes\/"})";
}

}  // namespace posthorn::sandbox
