#include "platform/config_keys.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <arpa/inet.h>

#include "platform/mailer.h"

namespace posthorn {
namespace {

bool is_address(std::string_view text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  const std::string name(text);
  return ::inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

bool is_address_or_range(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return is_address(text);
  const std::string_view bits = text.substr(slash + 1);
  unsigned length = 0;
  auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), length);
  const unsigned longest = text.contains(':') ? 128 : 32;
  return is_address(text.substr(0, slash)) && error == std::errc() && end == bits.data() + bits.size() &&
         length <= longest;
}

bool is_url(std::string_view text) {
  const std::size_t scheme = text.starts_with("https://") ? 8 : text.starts_with("http://") ? 7 : 0;
  return scheme > 0 && text.size() > scheme && text[scheme] != '/' &&
         text.find_first_of(" \t\r\n?#@\"") == std::string_view::npos;
}

bool is_url_or_empty(std::string_view text) {
  return text.empty() || is_url(text);
}

bool is_level(std::string_view text) {
  return text == "debug" || text == "info" || text == "warning" || text == "error";
}

bool is_format(std::string_view text) {
  return text == "auto" || text == "json" || text == "text";
}

bool is_graph_version(std::string_view text) {
  const std::size_t dot = text.find('.');
  auto digits = [](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
  };
  return text.starts_with('v') && dot != std::string_view::npos && digits(text.substr(1, dot - 1)) &&
         digits(text.substr(dot + 1));
}

bool is_mail_security(std::string_view text) {
  return text == "starttls" || text == "tls" || text == "none";
}

bool is_mail_address_or_empty(std::string_view text) {
  return text.empty() || is_mail_address(text);
}

bool is_region_or_empty(std::string_view text) {
  return text.empty() ||
         (text.size() == 2 && std::ranges::all_of(text, [](char c) { return c >= 'A' && c <= 'Z'; }));
}

bool is_filled(std::string_view text) {
  return text.find_first_not_of(" \t") != std::string_view::npos;
}

bool is_aws_region_or_empty(std::string_view text) {
  return std::ranges::all_of(
             text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }) &&
         !text.starts_with('-') && !text.ends_with('-');
}

bool is_topic_arn(std::string_view text) {
  return text.starts_with("arn:aws") && text.find(":sns:") != std::string_view::npos &&
         std::ranges::count(text, ':') == 5 && !text.ends_with(':') && !text.ends_with(".fifo");
}

bool is_signature_versions(std::string_view text) {
  return text == "2" || text == "1,2";
}

bool is_daily_hours(std::string_view text) {
  return parse_daily_hours(text).has_value();
}

#define PH_FIELD(field) [](Config& c) -> auto& { return c.field; }

constexpr ConfigRange kAny{};
constexpr double kDay = 24 * 60 * 60;

const auto kKeys = std::to_array<ConfigKey>({
    {"data_dir", +PH_FIELD(data_dir), "data", kAny, is_filled, "the path of a folder",
     "Folder of everything that must survive: database, uploads, master key. Created for its owner only."},

    {"http.listen_address", +PH_FIELD(http.listen_address), "127.0.0.1", kAny, is_address,
     "an IPv4 or IPv6 address",
     "Address to listen on; `0.0.0.0` or `::` for every network. Put a proxy that ends TLS before it."},
    {"http.port",
     +PH_FIELD(http.port),
     "8080",
     {0, 65535},
     nullptr,
     "",
     "Port to listen on; `0` takes any free one and prints it."},
    {"http.public_url", +PH_FIELD(http.public_url), "", kAny, is_url_or_empty,
     "a URL such as https://posthorn.example.org",
     "How people and Meta reach this server, for links and webhook set-up."},
    {"http.trusted_proxies", +PH_FIELD(http.trusted_proxies), "", kAny, is_address_or_range,
     "addresses or ranges such as 10.0.0.0/8",
     "Proxies whose `X-Forwarded-For` is believed; nobody else's is."},

    {"log.level", +PH_FIELD(log.level), "info", kAny, is_level, "debug, info, warning or error",
     "Least important events that are written."},
    {"log.format", +PH_FIELD(log.format), "auto", kAny, is_format, "auto, json or text",
     "`auto` writes text to a terminal and JSON lines to everything else."},
    {"log.file", +PH_FIELD(log.file), "", kAny, nullptr, "",
     "File to write to, rotated at 64 MB with five older ones kept; empty means standard error."},

    {"graph.base_url", +PH_FIELD(graph.base_url), "https://graph.facebook.com", kAny, is_url,
     "a URL such as https://graph.facebook.com",
     "Server of the Graph API, or one that speaks its protocol (the sandbox)."},
    {"graph.version", +PH_FIELD(graph.version), "v25.0", kAny, is_graph_version, "a version such as v25.0",
     "Version of the Graph API that requests name."},
    {"graph.connect_timeout",
     +PH_FIELD(graph.connect_timeout),
     "10s",
     {0.1, 120},
     nullptr,
     "",
     "Longest wait for name lookup, connection and TLS together."},
    {"graph.send_timeout",
     +PH_FIELD(graph.send_timeout),
     "30s",
     {1, 600},
     nullptr,
     "",
     "Longest wait for an answer; a send without one becomes unknown and is never sent again by itself."},
    {"graph.ca_file", +PH_FIELD(graph.ca_file), "", kAny, nullptr, "",
     "PEM file of the authorities to trust for `graph.base_url`; empty means those of the system."},

    {"whatsapp.app_secret", +PH_FIELD(whatsapp.app_secret), "", kAny, nullptr, "",
     "App secret from Meta's app dashboard: proves that webhooks come from Meta. Without it every webhook is "
     "refused."},
    {"whatsapp.app_secret_previous", +PH_FIELD(whatsapp.app_secret_previous), "", kAny, nullptr, "",
     "The former app secret, accepted as well while a rotation is under way; remove it afterwards."},
    {"whatsapp.verify_token", +PH_FIELD(whatsapp.verify_token), "", kAny, nullptr, "",
     "The word you choose and enter in Meta's webhook set-up; without it the set-up call is refused."},

    {"instagram.app_secret", +PH_FIELD(instagram.app_secret), "", kAny, nullptr, "",
     "Instagram app secret, a second one in Meta's app dashboard: proves webhooks of accounts that log in by "
     "Instagram."},
    {"instagram.app_secret_previous", +PH_FIELD(instagram.app_secret_previous), "", kAny, nullptr, "",
     "The former Instagram app secret, accepted as well while a rotation is under way; remove it "
     "afterwards."},
    {"instagram.base_url", +PH_FIELD(instagram.base_url), "https://graph.instagram.com", kAny, is_url,
     "a URL such as https://graph.instagram.com",
     "Server of the API for accounts that log in by Instagram, or one that speaks its protocol (the "
     "sandbox)."},

    {"messenger.app_secret", +PH_FIELD(messenger.app_secret), "", kAny, nullptr, "",
     "App secret of the app that serves Messenger and Instagram accounts linked to a Page; empty means "
     "`whatsapp.app_secret`."},

    {"database.path", +PH_FIELD(database.path), "", kAny, nullptr, "",
     "Database file; empty means `posthorn.db` in `data_dir`. A local disk, never a network share."},
    {"database.reserve_mb",
     +PH_FIELD(database.reserve_mb),
     "64",
     {8, 1'048'576},
     nullptr,
     "",
     "Megabytes kept free for recording outcomes: with less free space nothing new is sent or accepted."},

    {"media.trusted_origins", +PH_FIELD(media.trusted_origins), "", kAny, is_url,
     "origins such as http://127.0.0.1:9000",
     "Servers that media may be fetched from although their address is private or without TLS, besides that "
     "of `graph.base_url`; for tests only."},
    {"media.max_mb",
     +PH_FIELD(media.max_mb),
     "100",
     {1, 2048},
     nullptr,
     "",
     "Largest attachment that is stored, in megabytes; Meta delivers up to 100. Kinds such as images have "
     "lower "
     "limits of their own."},
    {"media.parallel",
     +PH_FIELD(media.parallel),
     "8",
     {1, 64},
     nullptr,
     "",
     "Attachments fetched at the same time; no account takes more than three quarters of them."},
    {"media.give_up_after",
     +PH_FIELD(media.give_up_after),
     "7d",
     {3600, 30 * kDay},
     nullptr,
     "",
     "How long an attachment that cannot be fetched is asked for again; Meta keeps what people send for 7 "
     "days."},
    {"media.keep_stories",
     +PH_FIELD(media.keep_stories),
     "24h",
     {0, 3650 * kDay},
     nullptr,
     "",
     "How long after its message the picture or film of an Instagram story (mentions, replies) is kept; "
     "Meta asks not to keep it beyond the story's life of a day. `0s` keeps it for ever."},

    {"journal.keep_days",
     +PH_FIELD(journal.keep_days),
     "7",
     {1, 3650},
     nullptr,
     "",
     "Days that webhook bodies are kept as they came, for replay and proof."},
    {"journal.keep_parked_days",
     +PH_FIELD(journal.keep_parked_days),
     "90",
     {0, 3650},
     nullptr,
     "",
     "Days that events which could not be applied are kept, with their bodies, for `posthorn replay "
     "--parked`; `0` keeps them for ever."},

    {"sending.max_in_flight",
     +PH_FIELD(sending.max_in_flight),
     "0",
     {0, 100'000},
     nullptr,
     "",
     "Requests to Meta under way at once for each number; `0` follows from the granted rate."},
    {"sending.unknown_hold",
     +PH_FIELD(sending.unknown_hold),
     "15m",
     {1, 7 * kDay},
     nullptr,
     "",
     "How long a send without an answer waits for a status webhook to settle it before people are asked."},
    {"sending.error_share_pause",
     +PH_FIELD(sending.error_share_pause),
     "0.2",
     {0.01, 1},
     nullptr,
     "",
     "Share of failures (refused, or undelivered later; not Meta's own limits 131049 and 130472) among the "
     "last "
     "`sending.error_window` sends above which a broadcast pauses; `1` only when all fail."},
    {"sending.error_window",
     +PH_FIELD(sending.error_window),
     "200",
     {10, 100'000},
     nullptr,
     "",
     "Number of latest sends that `sending.error_share_pause` looks at."},
    {"sending.rate_headroom",
     +PH_FIELD(sending.rate_headroom),
     "0.985",
     {0.1, 1},
     nullptr,
     "",
     "Share of the granted rate that is used, so that jitter on the way to Meta does not exceed it."},

    {"broadcast.default_region", +PH_FIELD(broadcast.default_region), "", kAny, is_region_or_empty,
     "a country code of two capital letters such as DE",
     "Country of phone numbers that come without country code."},
    {"broadcast.max_rows",
     +PH_FIELD(broadcast.max_rows),
     "10000000",
     {1, 100'000'000},
     nullptr,
     "",
     "Most rows of a recipient file."},
    {"broadcast.upload_limit_mb",
     +PH_FIELD(broadcast.upload_limit_mb),
     "2048",
     {1, 1'048'576},
     nullptr,
     "",
     "Largest recipient file, in megabytes."},
    {"broadcast.opt_out_keywords", +PH_FIELD(broadcast.opt_out_keywords),
     "STOP, STOP ALL, UNSUBSCRIBE, OPT OUT", kAny, is_filled, "a list of words",
     "A message that is one of these, in any case, ends broadcasts to its sender."},
    {"broadcast.opt_in_keywords", +PH_FIELD(broadcast.opt_in_keywords), "START, UNSTOP, SUBSCRIBE, OPT IN",
     kAny, is_filled, "a list of words", "A message that is one of these takes its sender's opt-out back."},
    {"broadcast.quiet_hours", +PH_FIELD(broadcast.quiet_hours), "21:00-08:00", kAny, is_daily_hours,
     "hours such as 21:00-08:00",
     "Hours of a recipient's day without broadcasts scheduled by local time; empty for none."},

    {"aws.region", +PH_FIELD(aws.region), "", kAny, is_aws_region_or_empty, "a Region such as eu-central-1",
     "Region of the AWS services; empty means `AWS_REGION`, then `AWS_DEFAULT_REGION`."},
    {"aws.sns_topics", +PH_FIELD(aws.sns_topics), "", kAny, is_topic_arn,
     "a list of ARNs of standard topics such as arn:aws:sns:eu-central-1:123456789012:whatsapp",
     "Topics whose messages are taken in, by `POST /webhooks/aws/sns` or through the queue. Anybody at AWS "
     "can "
     "send correctly signed messages of his own topic: all others are refused."},
    {"aws.sns_signature_versions", +PH_FIELD(aws.sns_signature_versions), "2", kAny, is_signature_versions,
     "2 or 1,2",
     "Signature versions accepted from SNS. Version 1 is SHA-1 and the default of a topic: set the topic's "
     "attribute `SignatureVersion` to 2 rather than accept it here."},
    {"aws.sns_ca_file", +PH_FIELD(aws.sns_ca_file), "", kAny, nullptr, "",
     "PEM file of the authorities that vouch for SNS signing certificates and their host; empty means those "
     "of "
     "the system."},
    {"aws.sqs_queue_url", +PH_FIELD(aws.sqs_queue_url), "", kAny, is_url_or_empty,
     "a URL such as https://sqs.eu-central-1.amazonaws.com/123456789012/whatsapp",
     "Queue to poll for events; empty for none."},
    {"aws.sqs_pollers",
     +PH_FIELD(aws.sqs_pollers),
     "2",
     {1, 64},
     nullptr,
     "",
     "Long polls of the queue under way at once."},
    {"aws.sqs_visibility",
     +PH_FIELD(aws.sqs_visibility),
     "60s",
     {10, 43200},
     nullptr,
     "",
     "How long a received message stays hidden from other readers of the queue while it is being stored."},
    {"aws.access_key_id", +PH_FIELD(aws.access_key_id), "", kAny, nullptr, "",
     "Access key; empty means the usual sources: environment, web identity, shared files, container, "
     "instance."},
    {"aws.secret_access_key", +PH_FIELD(aws.secret_access_key), "", kAny, nullptr, "",
     "Secret of `aws.access_key_id`."},
    {"aws.session_token", +PH_FIELD(aws.session_token), "", kAny, nullptr, "",
     "Session token that belongs to a temporary `aws.access_key_id`."},
    {"aws.profile", +PH_FIELD(aws.profile), "", kAny, nullptr, "",
     "Profile in the shared credentials file; empty means `AWS_PROFILE`, then `default`."},
    {"aws.media_bucket", +PH_FIELD(aws.media_bucket), "", kAny, nullptr, "",
     "S3 bucket through which media of numbers linked to AWS is fetched; without it such media stays at "
     "AWS."},
    {"aws.media_prefix", +PH_FIELD(aws.media_prefix), "posthorn/", kAny, nullptr, "",
     "Beginning of the keys written to `aws.media_bucket`."},
    {"aws.sns_endpoint_url", +PH_FIELD(aws.sns_endpoint_url), "", kAny, is_url_or_empty,
     "a URL such as https://sns.eu-central-1.amazonaws.com", "Server of SNS instead of the Region's own."},
    {"aws.sqs_endpoint_url", +PH_FIELD(aws.sqs_endpoint_url), "", kAny, is_url_or_empty,
     "a URL such as https://sqs.eu-central-1.amazonaws.com",
     "Server to reach `aws.sqs_queue_url` at instead of the host in it."},
    {"aws.s3_endpoint_url", +PH_FIELD(aws.s3_endpoint_url), "", kAny, is_url_or_empty,
     "a URL such as https://s3.eu-central-1.amazonaws.com",
     "Server of S3 instead of the Region's own; the bucket then stands in the path."},
    {"aws.social_endpoint_url", +PH_FIELD(aws.social_endpoint_url), "", kAny, is_url_or_empty,
     "a URL such as https://social-messaging.eu-central-1.amazonaws.com",
     "Server of End User Messaging Social instead of the Region's own."},
    {"aws.sts_endpoint_url", +PH_FIELD(aws.sts_endpoint_url), "", kAny, is_url_or_empty,
     "a URL such as https://sts.eu-central-1.amazonaws.com", "Server of STS instead of the Region's own."},

    {"automation.answer_within",
     +PH_FIELD(automation.answer_within),
     "10m",
     {10, 86'400},
     nullptr,
     "",
     "Messages older than this get no automatic answer: after an outage nobody wants a flood of late ones."},
    {"automation.max_per_hour",
     +PH_FIELD(automation.max_per_hour),
     "20",
     {1, 1000},
     nullptr,
     "",
     "Most automatic messages in one conversation within an hour, so that two machines never talk for long."},

    {"webhooks_out.allowed_targets", +PH_FIELD(webhooks_out.allowed_targets), "", kAny, is_filled,
     "a list of host names, addresses or ranges such as 10.0.0.0/8",
     "Targets of webhooks that may be private or speak plain HTTP; all others must be public and HTTPS."},
    {"webhooks_out.timeout",
     +PH_FIELD(webhooks_out.timeout),
     "15s",
     {1, 120},
     nullptr,
     "",
     "How long a receiver may take to answer one delivery."},
    {"webhooks_out.concurrency",
     +PH_FIELD(webhooks_out.concurrency),
     "8",
     {1, 256},
     nullptr,
     "",
     "Deliveries to one receiver under way at once, each of another conversation."},
    {"webhooks_out.keep_days",
     +PH_FIELD(webhooks_out.keep_days),
     "14",
     {1, 365},
     nullptr,
     "",
     "Days that finished deliveries and their attempts are kept, for looking and replaying."},

    {"mail.host", +PH_FIELD(mail.host), "", kAny, nullptr, "",
     "Mail server (SMTP) for notifications; empty means that nobody is notified by e-mail."},
    {"mail.port",
     +PH_FIELD(mail.port),
     "587",
     {1, 65'535},
     nullptr,
     "",
     "Its port: 587 for starttls, 465 for tls."},
    {"mail.security", +PH_FIELD(mail.security), "starttls", kAny, is_mail_security, "starttls, tls or none",
     "starttls and tls are refused when the server's certificate does not prove its name; none is for a "
     "server on "
     "this machine."},
    {"mail.user", +PH_FIELD(mail.user), "", kAny, nullptr, "",
     "User name at the mail server; empty means no login."},
    {"mail.password", +PH_FIELD(mail.password), "", kAny, nullptr, "", "Password at the mail server."},
    {"mail.from", +PH_FIELD(mail.from), "", kAny, is_mail_address_or_empty,
     "an address such as inbox@example.org",
     "Address that notifications come from; needed when mail.host is set."},
    {"mail.from_name", +PH_FIELD(mail.from_name), "Posthorn", kAny, nullptr, "",
     "Name that stands before it."},
    {"mail.ca_file", +PH_FIELD(mail.ca_file), "", kAny, nullptr, "",
     "PEM file of the certificate authorities that the mail server is checked against; empty means the "
     "system's."},
    {"mail.gather",
     +PH_FIELD(mail.gather),
     "1m",
     {1, 86'400},
     nullptr,
     "",
     "After a mail to somebody the next one waits so long, so that a rush of messages becomes one digest."},

    {"rates.file", +PH_FIELD(rates.file), "", kAny, nullptr, "",
     "Dated rate card (TOML) for cost estimates; empty means no estimates."},
});
#undef PH_FIELD

}  // namespace

std::span<const ConfigKey> config_keys() {
  return kKeys;
}

bool is_secret(const ConfigKey& key) {
  return std::holds_alternative<Secret& (*)(Config&)>(key.slot);
}

std::string environment_name(const ConfigKey& key) {
  std::string name = "POSTHORN_";
  for (const char c : key.name)
    name += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

std::string_view type_name(const ConfigKey& key) {
  constexpr std::array<std::string_view, 6> kNames{"whole number",  "number",   "text",
                                                   "list of texts", "duration", "secret"};
  return kNames[key.slot.index()];
}

}  // namespace posthorn
