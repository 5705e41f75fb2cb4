#include "sandbox/aws_notification.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/json_writer.h"
#include "core/time_text.h"
#include "sandbox/json_text.h"

namespace posthorn::sandbox {
namespace {

constexpr std::size_t kOversize = 3 * 1024 * 1024;
constexpr Duration kStaleBy = std::chrono::hours(2), kEarlyBy = std::chrono::hours(1);
constexpr std::array<std::string_view, kSnsForms> kForms = {"genuine", "forged",   "foreign",   "stale",
                                                            "early",   "oversize", "elsewhere", "version_1"};
using Members = std::vector<std::pair<std::string_view, std::string>>;

// In the order in which they are signed; what is absent is left out.
std::string to_sign(const SnsText& t) {
  const bool notification = t.type == "Notification";
  Members members = {{"Message", t.message}, {"MessageId", t.id}};
  if (notification && t.subject) members.emplace_back("Subject", *t.subject);
  if (!notification) members.emplace_back("SubscribeURL", t.subscribe_url);
  members.emplace_back("Timestamp", aws_timestamp(t.at));
  if (!notification) members.emplace_back("Token", t.token);
  members.emplace_back("TopicArn", t.topic_arn);
  members.emplace_back("Type", t.type);
  std::string out;
  for (const auto& [name, value] : members) out += fmt::format("{}\n{}\n", name, value);
  return out;
}

std::string written(const SnsText& t, std::string_view signature, std::string_view certificate_url) {
  const bool notification = t.type == "Notification";
  Members members = {{"Type", t.type}, {"MessageId", t.id}};
  if (!notification) members.emplace_back("Token", t.token);
  members.emplace_back("TopicArn", t.topic_arn);
  if (notification && t.subject) members.emplace_back("Subject", *t.subject);
  members.emplace_back("Message", t.message);
  if (!notification) members.emplace_back("SubscribeURL", t.subscribe_url);
  members.emplace_back("Timestamp", aws_timestamp(t.at));
  members.emplace_back("SignatureVersion", std::to_string(t.version));
  members.emplace_back("Signature", signature);
  members.emplace_back("SigningCertURL", certificate_url);
  if (notification) members.emplace_back("UnsubscribeURL", t.unsubscribe_url);
  std::string out = "{";
  for (const auto& [name, value] : members) {
    out += out.size() == 1 ? "\n  " : ",\n  ";
    append_json_string(out, name);
    out += " : ";
    append_json_string(out, value);
  }
  return out + "\n}";
}

std::string signed_text(const SnsText& t, const AwsAuthority& authority, std::string_view base_url) {
  return written(t, base64(authority.sign(to_sign(t), t.version)),
                 std::string(base_url) + authority.certificate_path());
}

}  // namespace

std::string_view to_string(SnsForm form) {
  return kForms.at(static_cast<std::size_t>(form));
}

Result<SnsForm> parse_sns_form(std::string_view name) {
  const auto found = std::ranges::find(kForms, name);
  if (found != kForms.end()) return static_cast<SnsForm>(found - kForms.begin());
  return fail(ErrorCode::invalid_argument,
              "\"as\" must be genuine, forged, foreign, stale, early, oversize, elsewhere or version_1",
              "as");
}

std::string aws_timestamp(WallTime at) {
  std::string out = iso_time(at);
  out.pop_back();
  return fmt::format("{}.{:03}Z", out, (to_micros(at) / 1000) % 1000);
}

std::string render_sns(const SnsText& text, const AwsAuthority& authority, std::string_view base_url) {
  return signed_text(text, authority, base_url);
}

std::string render_sns(SnsText text, SnsForm form, const AwsConfig& config, const AwsAuthority& authority,
                       std::string_view base_url) {
  if (form == SnsForm::foreign) text.topic_arn = config.foreign_topic_arn();
  if (form == SnsForm::stale) text.at -= kStaleBy;
  if (form == SnsForm::early) text.at += kEarlyBy;
  if (form == SnsForm::version_1) text.version = 1;
  if (form == SnsForm::oversize) text.message.resize(std::max(text.message.size(), kOversize), ' ');
  if (form == SnsForm::elsewhere)
    return signed_text(text, authority, "https://sns.eu-central-1.amazonaws.com.example");
  if (form != SnsForm::forged) return signed_text(text, authority, base_url);
  const std::string signature = base64(authority.sign(to_sign(text), text.version));
  text.message += ' ';  // the least change that there can be
  return written(text, signature, std::string(base_url) + authority.certificate_path());
}

std::string render_eum_event(const AwsConfig& config, std::string_view waba, std::string_view number,
                             std::string_view entry, std::string_view id, WallTime at) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("context").begin_object();
  json.key("MetaWabaIds").begin_array().begin_object().member("wabaId", waba);
  json.member("arn", std::string_view(aws_waba_arn(config, waba))).end_object().end_array();
  json.key("MetaPhoneNumberIds").begin_array();
  if (!number.empty()) {
    json.begin_object().member("metaPhoneNumberId", number);
    json.member("arn", std::string_view(aws_number_arn(config, number))).end_object();
  }
  json.end_array().end_object().member("whatsAppWebhookEntry", entry);
  json.member("aws_account_id", std::string_view(config.account));
  const std::string nanos =
      fmt::format("{}.{:06}000Z", iso_time(at).substr(0, 19), to_micros(at) % 1'000'000);
  json.member("message_timestamp", std::string_view(nanos)).member("messageId", id).end_object();
  return out;
}

}  // namespace posthorn::sandbox
