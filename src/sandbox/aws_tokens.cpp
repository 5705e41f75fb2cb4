#include "sandbox/aws_tokens.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "core/time_text.h"

namespace posthorn::sandbox {
namespace {

constexpr long kShortest = 900, kLongest = 43'200, kUsual = 3600;  // seconds

std::unexpected<HttpResponse> refuse(int status, std::string_view code, std::string_view message) {
  return std::unexpected(query_error(kStsVersion, status, code, message));
}

// [\w+=,.@-]{2,64}
bool is_session_name(std::string_view name) {
  return name.size() >= 2 && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view("_+=,.@-").contains(c);
         });
}

// 0: not one
long seconds_of(const std::string& text) {
  if (text.empty()) return kUsual;
  long n = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), n);
  return end.ec == std::errc() && end.ptr == text.data() + text.size() && n >= kShortest && n <= kLongest ? n
                                                                                                          : 0;
}

std::string words(Dice& dice, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += fmt::format("{:016X}", dice.next());
  return out;
}

std::string assumed_arn(std::string_view role, std::string_view session) {
  std::string out(role);
  if (const std::size_t at = out.find(":iam:"); at != std::string::npos) out.replace(at, 5, ":sts:");
  if (const std::size_t at = out.find(":role/"); at != std::string::npos)
    out.replace(at, 6, ":assumed-role/");
  return out + "/" + std::string(session);
}

}  // namespace

void AwsTokens::clear() {
  issued_.clear();
  stats_ = {};
}

bool AwsTokens::unsigned_call(const HttpRequest& request) {
  return AwsForm(request).value("Action") == "AssumeRoleWithWebIdentity";
}

const IssuedKeys* AwsTokens::find(std::string_view access_key_id) const {
  const auto found = issued_.find(access_key_id);
  return found == issued_.end() ? nullptr : &found->second;
}

HttpResponse AwsTokens::call(const HttpRequest& request, std::string_view caller) {
  const AwsForm form(request);
  const std::string action = form.value("Action");
  Reply reply = refuse(400, "InvalidAction", "The sandbox's STS does not know the action " + action);
  if (form.value("Version") == kStsVersion && action == "AssumeRole") reply = assume_role(form);
  if (form.value("Version") == kStsVersion && action == "AssumeRoleWithWebIdentity")
    reply = assume_with_web_identity(form);
  if (form.value("Version") == kStsVersion && action == "GetCallerIdentity") reply = who(caller);
  if (!reply) ++stats_.refused;
  return reply ? query_answer(kStsVersion, action, *reply) : std::move(reply.error());
}

AwsTokens::Reply AwsTokens::assume_role(const AwsForm& form) {
  ++stats_.roles;
  if (form.has("SerialNumber") || form.has("TokenCode"))
    return refuse(403, "AccessDenied", "The sandbox's roles know no MFA");
  if (form.value("ExternalId") != config_.external_id)
    return refuse(403, "AccessDenied",
                  "User is not authorized to perform: sts:AssumeRole: the external id differs");
  return issue(form);
}

AwsTokens::Reply AwsTokens::assume_with_web_identity(const AwsForm& form) {
  ++stats_.web_identities;
  if (form.value("WebIdentityToken") != config_.web_identity_token.reveal())
    return refuse(400, "InvalidIdentityToken", "The web identity token is not one of the sandbox");
  return issue(form);
}

AwsTokens::Reply AwsTokens::issue(const AwsForm& form) {
  const std::string role = form.value("RoleArn"), session = form.value("RoleSessionName");
  if (role != config_.role_arn())
    return refuse(403, "AccessDenied",
                  "User is not authorized to perform: sts:AssumeRole on resource: " + role);
  const long seconds = seconds_of(form.value("DurationSeconds"));
  if (!is_session_name(session) || seconds == 0)
    return refuse(
        400, "ValidationError",
        "RoleSessionName has 2 to 64 of A-Z, a-z, 0-9 and _+=,.@-; DurationSeconds is 900 to 43200");
  const Duration life =
      config_.keys_live > Duration::zero() ? config_.keys_live : std::chrono::seconds(seconds);
  IssuedKeys keys{.access_key_id = "ASIA" + words(dice_, 1), .role = role, .session = session};
  keys.secret_access_key = Secret("s/" + words(dice_, 2) + "+");
  keys.session_token = Secret("FwoGZXIvYXdzE" + words(dice_, 6) + "/+==");
  keys.ends_at = clock_.wall_now() + life;
  std::string out = "<Credentials>" + xml_element("AccessKeyId", keys.access_key_id) +
                    xml_element("SecretAccessKey", keys.secret_access_key.reveal()) +
                    xml_element("SessionToken", keys.session_token.reveal()) +
                    xml_element("Expiration", iso_time(keys.ends_at)) + "</Credentials><AssumedRoleUser>" +
                    xml_element("AssumedRoleId", "AROASANDBOX:" + session) +
                    xml_element("Arn", assumed_arn(role, session)) + "</AssumedRoleUser>";
  issued_[keys.access_key_id] = keys;
  return out;
}

AwsTokens::Reply AwsTokens::who(std::string_view caller) const {
  const IssuedKeys* keys = find(caller);
  const std::string arn = keys != nullptr ? assumed_arn(keys->role, keys->session)
                                          : fmt::format("arn:aws:iam::{}:user/sandbox", config_.account);
  return xml_element("UserId", caller) + xml_element("Account", config_.account) + xml_element("Arn", arn);
}

}  // namespace posthorn::sandbox
