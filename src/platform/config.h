// Settings: a TOML file, POSTHORN_* variables over it, command line over both, documented defaults below.
// Every key is declared once, in config_keys.cpp; the documentation (docs/configuration.md) is generated from
// the same table.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/secret.h"
#include "core/time.h"

namespace posthorn {

// What each field means, its range and its default stand in config_keys.cpp and docs/configuration.md.
struct Config {
  std::string data_dir;

  struct Http {
    std::string listen_address;
    std::int64_t port = 0;                     // 0: any free port
    std::string public_url;                    // without trailing slash; empty: not known
    std::vector<std::string> trusted_proxies;  // addresses or CIDR ranges
  } http;

  struct Logging {
    std::string level;   // debug | info | warning | error
    std::string format;  // auto | json | text
    std::string file;    // empty: standard error
  } log;

  struct Graph {
    std::string base_url;  // without trailing slash
    std::string version;   // "v25.0"
    Duration connect_timeout{};
    Duration send_timeout{};
    std::string ca_file;  // empty: the system's roots
  } graph;

  struct Whatsapp {
    Secret app_secret;
    Secret app_secret_previous;  // accepted as well while a rotation is under way; empty: none
    Secret verify_token;
  } whatsapp;

  struct Instagram {  // login by Instagram; accounts linked to a Page use Graph and Messenger's settings
    Secret app_secret;
    Secret app_secret_previous;
    std::string base_url;  // without trailing slash
  } instagram;

  struct Messenger {    // Pages, and Instagram accounts linked to one
    Secret app_secret;  // empty: the one of WhatsApp
  } messenger;

  struct Database {
    std::string path;  // never empty: data_dir/posthorn.db unless given
    std::int64_t reserve_mb = 0;
  } database;

  struct Media {
    std::vector<std::string> trusted_origins;  // "http://127.0.0.1:9000"
    std::int64_t max_mb = 0;
    std::int64_t parallel = 0;
    Duration give_up_after{};
    Duration keep_stories{};  // 0: for ever
  } media;

  struct Journal {
    std::int64_t keep_days = 0;
    std::int64_t keep_parked_days = 0;  // 0: for ever
  } journal;

  struct Sending {
    std::int64_t max_in_flight = 0;  // 0: chosen from the granted rate
    Duration unknown_hold{};
    double error_share_pause = 0;
    std::int64_t error_window = 0;
    double rate_headroom = 0;
  } sending;

  struct Broadcast {
    std::string default_region;  // ISO 3166-1 alpha-2, upper case; empty: none
    std::int64_t max_rows = 0;
    std::int64_t upload_limit_mb = 0;
    std::vector<std::string> opt_out_keywords;
    std::vector<std::string> opt_in_keywords;
    std::string
        quiet_hours;  // "21:00-08:00" in the recipient's local time; empty: none. See parse_daily_hours()
  } broadcast;

  struct Aws {
    std::string region;                   // empty: from the environment
    std::vector<std::string> sns_topics;  // ARNs; empty: everything that comes through SNS is refused
    std::string sns_signature_versions;   // "2" | "1,2"
    bool sns_allow_signature_v1() const { return sns_signature_versions == "1,2"; }
    std::string sns_ca_file;    // empty: the system's roots
    std::string sqs_queue_url;  // empty: no polling
    std::int64_t sqs_pollers = 0;
    Duration sqs_visibility{};
    std::string access_key_id;  // empty: the standard chain of credentials
    Secret secret_access_key;
    Secret session_token;
    std::string profile;
    std::string media_bucket;  // empty: media of numbers linked through AWS is not fetched
    std::string media_prefix;
    std::string sns_endpoint_url, sqs_endpoint_url, s3_endpoint_url, social_endpoint_url, sts_endpoint_url;
  } aws;

  struct Automation {
    Duration answer_within{};
    std::int64_t max_per_hour = 0;
  } automation;

  struct WebhooksOut {
    std::vector<std::string> allowed_targets;  // host names, addresses, CIDR ranges
    Duration timeout{};
    std::int64_t concurrency = 0;
    std::int64_t keep_days = 0;
  } webhooks_out;

  struct Mail {
    std::string host;  // empty: nobody is notified by e-mail
    std::int64_t port = 0;
    std::string security;  // starttls | tls | none
    std::string user;      // empty: no login
    Secret password;
    std::string from;  // address
    std::string from_name;
    std::string ca_file;  // empty: the system's roots
    Duration gather{};    // after a mail to somebody, the next one to them waits at least so long
  } mail;

  struct Rates {
    std::string file;  // empty: no cost estimates
  } rates;
};

struct ConfigInput {
  std::string file_name;  // for messages; empty when there is no file
  std::string file_text;
  std::map<std::string, std::string> environment;              // POSTHORN_* variables
  std::vector<std::pair<std::string, std::string>> overrides;  // key and value from the command line
};

// Pure. Refuses unknown keys (naming the nearest known one), wrong types and values out of range, each with
// the place (file and line, variable or option). Error::field is the key. Values of secrets never appear in
// messages.
//
// Variables that name no section of ours (POSTHORN_PORT and such, which container platforms set by
// themselves) are ignored; POSTHORN_HTTP_PROT is refused.
Result<Config> parse_config(const ConfigInput& input);

// Reads the file (`path`; else POSTHORN_CONFIG; else ./posthorn.toml if there is one) and the environment.
Result<Config> load_config(const std::optional<std::string>& path,
                           std::vector<std::pair<std::string, std::string>> overrides = {});

// docs/configuration.md; a test compares them.
std::string config_reference_markdown();

// Hours of every day, in minutes after midnight; `from` may be later than `to` (over midnight).
struct DailyHours {
  int from_minute = 0;
  int to_minute = 0;  // exclusive
  bool empty() const { return from_minute == to_minute; }
  friend bool operator==(const DailyHours&, const DailyHours&) = default;
};
Result<DailyHours> parse_daily_hours(std::string_view text);  // "21:00-08:00"; an empty text is no hours

// "250us", "5ms", "30s", "15m", "2h", "7d"; a whole number and a unit.
Result<Duration> parse_duration(std::string_view text);

}  // namespace posthorn
