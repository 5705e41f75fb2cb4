#include "channels/aws/sns_message.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/json.h"
#include "core/time_text.h"
#include "platform/base64.h"

namespace posthorn::aws {
namespace {

struct TypeName {
  SnsType type;
  std::string_view name;
};
constexpr auto kTypes =
    std::to_array<TypeName>({{SnsType::notification, "Notification"},
                             {SnsType::subscription_confirmation, "SubscriptionConfirmation"},
                             {SnsType::unsubscribe_confirmation, "UnsubscribeConfirmation"}});

Result<std::string> text_in(const JsonView& body, std::string_view field) {
  const JsonView member = body[field];
  if (!member.exists())
    return fail(ErrorCode::invalid_argument, fmt::format("{} is missing", field), std::string(field));
  PH_TRY_ASSIGN(const std::string_view text, member.string());
  return std::string(text);
}

// Whatever is not free text. The signature covers lines: with a line break in one of these, the lines of
// another message could be cut into this one.
Result<std::string> line_in(const JsonView& body, std::string_view field) {
  PH_TRY_ASSIGN(std::string text, text_in(body, field));
  const bool plain = std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
  if (!text.empty() && plain) return text;
  return fail(ErrorCode::invalid_argument, fmt::format("{} must be one word", field), std::string(field));
}

Result<SnsType> type_in(const JsonView& body) {
  const std::string_view name = body["Type"].string_or("");
  const auto found = std::ranges::find(kTypes, name, &TypeName::name);
  if (found != kTypes.end()) return found->type;
  return fail(ErrorCode::invalid_argument,
              name.empty()
                  ? "Type is missing: this is no SNS message. Turn raw message delivery off for this "
                    "subscription, it leaves the signature out"
                  : "Type must be Notification, SubscriptionConfirmation or UnsubscribeConfirmation",
              "Type");
}

Result<> read_signature(const JsonView& body, SnsMessage& out) {
  PH_TRY_ASSIGN(const std::string version, text_in(body, "SignatureVersion"));
  if (version != "1" && version != "2")
    return fail(ErrorCode::invalid_argument, "SignatureVersion must be 1 or 2", "SignatureVersion");
  out.signature_version = version == "1" ? 1 : 2;
  PH_TRY_ASSIGN(const std::string signature, text_in(body, "Signature"));
  Result<std::string> bytes = from_base64(signature);
  if (!bytes) return fail(ErrorCode::invalid_argument, "Signature is not base64", "Signature");
  out.signature = *std::move(bytes);
  PH_TRY_ASSIGN(out.signing_cert_url, text_in(body, "SigningCertURL"));
  return {};
}

Result<> read_time(const JsonView& body, SnsMessage& out) {
  PH_TRY_ASSIGN(out.timestamp, line_in(body, "Timestamp"));
  const Result<WallTime> at = parse_iso_time(out.timestamp);
  if (!at) return fail(ErrorCode::invalid_argument, "Timestamp is no time", "Timestamp");
  out.sent_at = *at;
  return {};
}

bool is_name(std::string_view text, std::string_view more) {
  return !text.empty() && std::ranges::all_of(text, [more](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || more.contains(c);
  });
}

std::string_view suffix_of(const TopicArn& topic) {
  return topic.partition == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com";
}

}  // namespace

std::string_view to_string(SnsType type) {
  return std::ranges::find(kTypes, type, &TypeName::type)->name;
}

Result<std::string> topic_of(std::string_view body) {
  PH_TRY_ASSIGN(const json::value root, parse_json(body));
  if (!root.is_object()) return fail(ErrorCode::invalid_argument, "the body must be a JSON object");
  return text_in(JsonView(root), "TopicArn");
}

Result<SnsMessage> parse_sns_message(std::string_view text) {
  PH_TRY_ASSIGN(const json::value root, parse_json(text));
  if (!root.is_object()) return fail(ErrorCode::invalid_argument, "the body must be a JSON object");
  const JsonView body(root);
  SnsMessage out;
  PH_TRY_ASSIGN(out.type, type_in(body));
  PH_TRY_ASSIGN(out.message_id, line_in(body, "MessageId"));
  PH_TRY_ASSIGN(out.topic_arn, line_in(body, "TopicArn"));
  PH_TRY_ASSIGN(out.message, text_in(body, "Message"));
  PH_TRY(read_time(body, out));
  if (out.type == SnsType::notification) {
    if (body["Subject"].exists()) {
      PH_TRY_ASSIGN(out.subject, text_in(body, "Subject"));
    }
  } else {
    PH_TRY_ASSIGN(out.token, line_in(body, "Token"));
    PH_TRY_ASSIGN(out.subscribe_url, line_in(body, "SubscribeURL"));
  }
  PH_TRY(read_signature(body, out));
  return out;
}

std::string string_to_sign(const SnsMessage& m) {
  std::string out;
  const auto add = [&out](std::string_view key, std::string_view value) {
    out.append(key).append("\n").append(value).append("\n");
  };
  add("Message", m.message);
  add("MessageId", m.message_id);
  if (m.type == SnsType::notification) {
    if (m.subject) add("Subject", *m.subject);
  } else {
    add("SubscribeURL", m.subscribe_url);
  }
  add("Timestamp", m.timestamp);
  if (m.type != SnsType::notification) add("Token", m.token);
  add("TopicArn", m.topic_arn);
  add("Type", to_string(m.type));
  return out;
}

Result<TopicArn> parse_topic_arn(std::string_view arn) {
  std::array<std::string, 6> parts;
  std::string_view rest = arn;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t colon = i + 1 < parts.size() ? rest.find(':') : std::string_view::npos;
    parts[i] = rest.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
  }
  const bool good = parts[0] == "arn" && parts[1].starts_with("aws") && parts[2] == "sns" &&
                    is_name(parts[3], "-") && is_name(parts[4], "") && is_name(parts[5], "-_.");
  if (!good)
    return fail(ErrorCode::invalid_argument,
                "TopicArn must look like arn:aws:sns:eu-central-1:123456789012:name", "TopicArn");
  return TopicArn{.partition = parts[1], .region = parts[3], .account = parts[4], .name = parts[5]};
}

Result<> check_certificate_url(std::string_view url, const TopicArn& topic, std::string_view own_server) {
  const auto refuse = [](std::string_view what) {
    return fail(ErrorCode::permission_denied, fmt::format("SigningCertURL {}", what), "SigningCertURL");
  };
  const std::string amazon = fmt::format("https://sns.{}.{}", topic.region, suffix_of(topic));
  const std::string_view server = !own_server.empty() && url.starts_with(fmt::format("{}/", own_server))
                                      ? own_server
                                      : std::string_view(amazon);
  if (!url.starts_with(fmt::format("{}/", server)))
    return refuse(fmt::format("must begin with {}/, the topic's own Region", amazon));
  const std::string_view path = url.substr(server.size() + 1);
  const bool plain = path.size() <= 512 && is_name(path, "-_./") && !path.contains("..");
  if (!plain || !path.ends_with(".pem")) return refuse("must end in a plain path to a .pem file");
  return {};
}

std::vector<std::string> certificate_names(const TopicArn& topic) {
  const std::string_view suffix = suffix_of(topic);
  std::vector<std::string> names{"sns.amazonaws.com", fmt::format("sns.{}.{}", topic.region, suffix),
                                 fmt::format("sns-signing.{}.{}", topic.region, suffix),
                                 fmt::format("sns-{}.{}", topic.region, suffix)};
  if (topic.partition == "aws-us-gov") names.emplace_back("sns-us-gov-west-1.amazonaws.com");  // both Regions
  return names;
}

}  // namespace posthorn::aws
