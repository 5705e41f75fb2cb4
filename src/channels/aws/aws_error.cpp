#include "channels/aws/aws_error.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/json.h"
#include "core/time_text.h"

namespace posthorn::aws {
namespace {

constexpr std::size_t kMaxWords = 400;

struct Judgement {
  std::string_view code;
  AwsTrouble trouble;
};
constexpr auto kJudgements = std::to_array<Judgement>({
    {"RequestTimeout", AwsTrouble::again},
    {"RequestTimeoutException", AwsTrouble::again},
    {"PriorRequestNotComplete", AwsTrouble::again},
    {"Throttling", AwsTrouble::again},
    {"ThrottlingException", AwsTrouble::again},
    {"ThrottledException", AwsTrouble::again},
    {"ThrottledRequestException", AwsTrouble::again},
    {"RequestThrottled", AwsTrouble::again},
    {"RequestThrottledException", AwsTrouble::again},
    {"TooManyRequestsException", AwsTrouble::again},
    {"RequestLimitExceeded", AwsTrouble::again},
    {"BandwidthLimitExceeded", AwsTrouble::again},
    {"LimitExceededException", AwsTrouble::again},
    {"SlowDown", AwsTrouble::again},
    {"OverLimit", AwsTrouble::again},
    {"RequestTimeTooSkewed", AwsTrouble::clock},
    {"RequestExpired", AwsTrouble::clock},
    {"ExpiredToken", AwsTrouble::credentials},
    {"ExpiredTokenException", AwsTrouble::credentials},
    {"TokenRefreshRequired", AwsTrouble::credentials},
    {"InvalidClientTokenId", AwsTrouble::credentials},
    {"UnrecognizedClientException", AwsTrouble::credentials},
    {"InvalidAccessKeyId", AwsTrouble::credentials},
    {"InvalidToken", AwsTrouble::credentials},
});

// "com.amazonaws.sqs#QueueDoesNotExist", "ValidationException:http://…" → the name alone.
std::string_view bare_code(std::string_view code) {
  code = code.substr(code.rfind('#') == std::string_view::npos ? 0 : code.rfind('#') + 1);
  return code.substr(0, code.find(':'));
}

AwsError read_json(const json::value& body) {
  const JsonView view(body);
  AwsError out;
  std::string_view code = view["__type"].string_or("");
  if (code.empty()) code = view["code"].string_or("");
  out.code = bare_code(code);
  out.message = view["message"].string_or(view["Message"].string_or(""));
  return out;
}

std::string unescaped(std::string_view text) {
  struct Entity {
    std::string_view name;
    char character;
  };
  constexpr auto kEntities = std::to_array<Entity>(
      {{"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}});
  std::string out;
  while (!text.empty()) {
    const auto found =
        std::ranges::find_if(kEntities, [text](const Entity& e) { return text.starts_with(e.name); });
    out += found != kEntities.end() ? found->character : text.front();
    text.remove_prefix(found != kEntities.end() ? found->name.size() : 1);
  }
  return out;
}

ErrorCode code_of(int status, const AwsError& error) {
  if (judge(status, error) == AwsTrouble::credentials || status == 401) return ErrorCode::unauthenticated;
  if (judge(status, error) == AwsTrouble::again)
    return status >= 500 ? ErrorCode::unavailable : ErrorCode::resource_exhausted;
  const bool missing = error.code.contains("NotFound") || error.code.contains("DoesNotExist") ||
                       error.code.contains("NonExistent") || error.code.starts_with("NoSuch");
  if (missing || status == 404) return ErrorCode::not_found;
  if (status == 403 || error.code.starts_with("AccessDenied") || error.code.starts_with("AuthorizationError"))
    return ErrorCode::permission_denied;
  return status >= 500 ? ErrorCode::unavailable : ErrorCode::invalid_argument;
}

}  // namespace

std::string xml_text(std::string_view xml, std::string_view name) {
  const std::string open = fmt::format("<{}>", name), close = fmt::format("</{}>", name);
  const std::size_t begin = xml.find(open);
  if (begin == std::string_view::npos) return {};
  const std::size_t end = xml.find(close, begin + open.size());
  if (end == std::string_view::npos) return {};
  return unescaped(xml.substr(begin + open.size(), end - begin - open.size()));
}

AwsError read_error(const HttpResponse& response) {
  AwsError out;
  if (response.body.find_first_not_of(" \r\n\t") != std::string::npos && response.body.contains('<')) {
    out = {.code = xml_text(response.body, "Code"), .message = xml_text(response.body, "Message")};
  }
  if (const Result<json::value> body = parse_json(response.body); body && body->is_object())
    out = read_json(*body);
  if (const std::string_view type = response.headers.get("x-amzn-errortype"); !type.empty())
    out.code = bare_code(type);
  if (out.message.size() > kMaxWords) out.message.resize(kMaxWords);
  return out;
}

AwsTrouble judge(int status, const AwsError& error) {
  const auto found = std::ranges::find(kJudgements, error.code, &Judgement::code);
  if (found != kJudgements.end()) return found->trouble;
  const bool about_time =
      error.message.contains("Signature expired") || error.message.contains("not yet current");
  if (about_time) return AwsTrouble::clock;
  const bool theirs = status == 500 || status == 502 || status == 503 || status == 504 || status == 429;
  return theirs ? AwsTrouble::again : AwsTrouble::refused;
}

Error to_error(std::string_view service, int status, const AwsError& error) {
  const std::string what = error.code.empty() ? fmt::format("status {}", status) : error.code;
  return Error{code_of(status, error),
               fmt::format("{}: {}{}{}", service, what, error.message.empty() ? "" : ": ", error.message)};
}

std::optional<WallTime> parse_date_header(std::string_view text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != 29 || !text.ends_with(" GMT")) return std::nullopt;
  const std::size_t month = kMonths.find(text.substr(8, 3));
  if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;
  const Result<WallTime> time = parse_iso_time(fmt::format(
      "{}-{:02}-{}T{}Z", text.substr(12, 4), month / 3 + 1, text.substr(5, 2), text.substr(17, 8)));
  return time ? std::optional(*time) : std::nullopt;
}

}  // namespace posthorn::aws
