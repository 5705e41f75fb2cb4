#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "channels/aws/aws_error.h"
#include "channels/aws/credentials.h"
#include "core/json.h"
#include "core/time_text.h"

namespace posthorn::aws {
namespace {

Result<AwsCredentials> complete(AwsCredentials keys, std::string_view where) {
  if (!keys.access_key_id.empty() && !keys.secret_access_key.empty()) return keys;
  return fail(ErrorCode::unauthenticated, fmt::format("{} does not have both parts of an access key", where));
}

// Services give an end; a malformed one must not make keys look eternal.
Result<> read_end(std::string_view text, AwsCredentials& out) {
  if (text.empty()) return {};
  const Result<WallTime> end = parse_iso_time(text);
  if (!end) return fail(ErrorCode::unauthenticated, "the end of the credentials is no time", "Expiration");
  out.expires_at = *end;
  return {};
}

}  // namespace

Result<AwsCredentials> read_sts_answer(std::string_view xml) {
  AwsCredentials out;
  out.access_key_id = xml_text(xml, "AccessKeyId");
  out.secret_access_key = Secret(xml_text(xml, "SecretAccessKey"));
  out.session_token = Secret(xml_text(xml, "SessionToken"));
  PH_TRY(read_end(xml_text(xml, "Expiration"), out));
  return complete(std::move(out), "the answer of STS");
}

Result<AwsCredentials> read_credential_json(std::string_view text) {
  PH_TRY_ASSIGN(const json::value root, parse_json(text));
  const JsonView view(root);
  const std::string_view code = view["Code"].string_or("Success");
  if (code != "Success")
    return fail(ErrorCode::unauthenticated, fmt::format("{}: {}", code, view["Message"].string_or("")));
  AwsCredentials out;
  out.access_key_id = view["AccessKeyId"].string_or("");
  out.secret_access_key = Secret(std::string(view["SecretAccessKey"].string_or("")));
  out.session_token = Secret(std::string(view["Token"].string_or("")));
  PH_TRY(read_end(view["Expiration"].string_or(""), out));
  return complete(std::move(out), "the answer");
}

Result<> check_container_uri(std::string_view uri) {
  constexpr auto kHosts = std::to_array<std::string_view>(
      {"169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost", "::1"});
  PH_TRY_ASSIGN(const ParsedUrl url, parse_url(uri));
  const std::string_view host = url.endpoint.host;
  const bool here = host.starts_with("127.") && std::ranges::count(host, '.') == 3 &&
                    host.find_first_not_of("0123456789.") == std::string_view::npos;
  if (url.endpoint.tls || here || std::ranges::find(kHosts, host) != kHosts.end()) return {};
  return fail(ErrorCode::permission_denied,
              "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, this machine or the agent of ECS or EKS");
}

}  // namespace posthorn::aws
