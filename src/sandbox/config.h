// Everything about the sandbox that can be chosen. The defaults are a believable small business on WhatsApp.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/secret.h"
#include "core/time.h"
#include "sandbox/aws_config.h"

namespace posthorn::sandbox {

inline constexpr std::string_view kDefaultWaba = "102290129340398";
inline constexpr std::string_view kDefaultApp = "670843887433847";
inline constexpr std::string_view kDefaultNumber = "106540352242922";             // 80 messages a second
inline constexpr std::string_view kDefaultFastNumber = "106540352242923";         // 1,000 messages a second
inline constexpr std::string_view kDefaultCoexistenceNumber = "106540352242924";  // 20 messages a second
inline constexpr std::string_view kDefaultToken =
    "EAAJSandboxToken0000000000000000000000000000000000000000000000000";
inline constexpr std::string_view kDefaultAppSecret = "c0ffee00c0ffee00c0ffee00c0ffee00";
inline constexpr std::string_view kDefaultVerifyToken = "posthorn-sandbox-verify";

// An Instagram account that logs in by Instagram, one that is linked to a Page, and that Page on Messenger.
inline constexpr std::string_view kDefaultInstagram = "17841405822304914";
inline constexpr std::string_view kDefaultInstagramToken =
    "IGAASandboxToken00000000000000000000000000000000000";
inline constexpr std::string_view kDefaultInstagramSecret = "1a57a61a1a57a61a1a57a61a1a57a61a";
inline constexpr std::string_view kDefaultLinkedInstagram = "17841405822304915";
inline constexpr std::string_view kDefaultPage = "110200300400500";
inline constexpr std::string_view kDefaultPageToken = "EAAJSandboxPageToken0000000000000000000000000000000";

enum class MetaFlavour {
  instagram_login,  // graph.instagram.com, an Instagram user token
  instagram,        // linked to a Page, the Page's token
  messenger,
};

// An account on Instagram or Messenger. Two that share a Page share its token too.
struct MetaAccountConfig {
  MetaFlavour flavour = MetaFlavour::messenger;
  std::string id;       // what webhooks call it: Instagram account id or Page id
  std::string own_id;   // Instagram login: the other number that /me gives as "id"
  std::string page_id;  // the Page (Messenger: the same as `id`)
  std::string username, name;
  Secret token;
  Secret app_secret;          // signs its webhooks; empty: the app secret of the sandbox
  bool echo_details = false;  // echoes of API sends carry app_id and metadata
};

// One business phone number (Meta's phone number node).
struct NumberConfig {
  std::string id;
  std::string display_phone_number;  // as Meta shows it: "+1 555-078-3881"
  std::string verified_name;
  int messages_per_second = 80;   // 80, 1,000 or, in coexistence with the Business app, 20; 0 means no limit
  std::string quality = "GREEN";  // GREEN, YELLOW, RED, UNKNOWN
  std::string status = "CONNECTED";
  bool coexistence = false;
  std::string via = "meta";  // how its events reach the business: "meta" (webhooks), "aws" (SNS) or "both"
};

struct TokenConfig {
  Secret token;
  std::vector<std::string> scopes = {"whatsapp_business_messaging", "whatsapp_business_management"};
};

// What recipients do. The first four shares are of all numbers and decided by a hash of the number, so that a
// phone always behaves alike; what is left is phones that are switched off (a `sent` status and nothing
// more). The last four are shares of the phones that receive, decided message by message.
struct PhoneBehaviourConfig {
  double receive = 0.96;
  double not_on_whatsapp = 0.015;  // failed with 131026
  double not_chosen = 0.010;       // failed with 131049: Meta's per-user marketing limit
  double blocked = 0.002;          // the user blocked the business: `sent` and nothing more
  double read = 0.65;
  double reply = 0.03;
  double reply_stop = 0.003;  // replies STOP
  double opt_out = 0.004;     // taps "stop promotions": user_preferences webhook
  Duration sent_delay_min = std::chrono::milliseconds(50), sent_delay_max = std::chrono::milliseconds(400);
  Duration delivered_delay_min = std::chrono::milliseconds(200),
           delivered_delay_max = std::chrono::seconds(3);
  Duration read_delay_min = std::chrono::seconds(2), read_delay_max = std::chrono::seconds(60);
  Duration reply_delay_min = std::chrono::seconds(3), reply_delay_max = std::chrono::seconds(90);
};

struct WebhookConfig {
  std::string callback_url;  // empty: nothing is posted until somebody subscribes
  Secret verify_token = Secret(std::string(kDefaultVerifyToken));
  std::size_t batch_max = 100;          // updates in one POST, 1 to 1,000 (Meta's webhook overview)
  std::size_t updates_per_change = 25;  // statuses in one `value`, at least 1
  Duration linger = Duration::zero();   // how long an update waits for others before it is posted
  std::size_t max_in_flight = 16;       // POSTs at once
  Duration post_timeout = std::chrono::seconds(10);
  Duration retry_first = std::chrono::seconds(1);
  Duration retry_max = std::chrono::hours(1);
  Duration give_up_after = std::chrono::hours(24 * 7);
  bool millisecond_timestamps = false;  // seen in the wild although documented as seconds
  bool hide_phone_numbers = false;      // users with a username: only the business-scoped user id is sent
  bool pricing = true;
};

struct LimitConfig {
  bool throughput = true;
  Duration throughput_slack = Duration::zero();  // shortens the one-second window by this (network jitter)
  bool count_inbound =
      false;  // Meta counts inbound messages too; off so that replies do not blur a pace test
  bool pair = true;
  Duration pair_interval = std::chrono::seconds(6);
  int pair_burst = 45;
  std::int64_t portfolio_daily_users =
      100'000;                        // unique users reached outside a window in 24 h; 0 means unlimited
  int portfolio_error_code = 131048;  // Meta names no code of its own for this limit
  std::int64_t management_calls_per_hour = 5'000;
};

struct SandboxConfig {
  std::string waba_id{kDefaultWaba};
  std::string app_id{kDefaultApp};
  std::string business_name = "Lindenhof Outdoor";
  Secret app_secret = Secret(std::string(kDefaultAppSecret));
  std::string public_url;             // base of media URLs; empty: taken from the Host header of the request
  std::vector<TokenConfig> tokens;    // default_config() fills one
  std::vector<NumberConfig> numbers;  // default_config() fills three
  std::vector<MetaAccountConfig> accounts;  // default_config() fills three
  std::vector<std::string>
      templates;  // each in the form of the Graph API; default_config() fills twelve and more
  PhoneBehaviourConfig phones;
  WebhookConfig webhooks;
  LimitConfig limits;
  AwsConfig aws;
  bool require_token = true;
  bool keep_bodies = false;  // keeps every accepted request body in the ledger (tests; costs memory)
  Duration answer_delay_min = Duration::zero(), answer_delay_max = Duration::zero();
};

SandboxConfig default_config();

// The template definitions behind default_config(): every kind of header, body, button and card.
std::vector<std::string> default_templates();

// Merges a JSON object over `config`. Members: waba_id, app_id, app_secret, public_url, token, numbers[],
// accounts[] (flavour is "instagram_login", "instagram" or "messenger"), templates[], phones{}, webhooks{},
// limits{}, aws{}; inside them the names of the fields above; durations in milliseconds under
// "<name>_ms". Unknown members and wrong types are refused by name and leave `config` as it was.
Result<> merge_config(SandboxConfig& config, std::string_view json);

}  // namespace posthorn::sandbox
