#include "app/server_options.h"

#include <algorithm>

namespace posthorn {

LogOptions log_options(const Config& config) {
  LogOptions out;
  const auto& level = config.log.level;
  out.level = level == "debug"     ? LogLevel::debug
              : level == "warning" ? LogLevel::warning
              : level == "error"   ? LogLevel::error
                                   : LogLevel::info;
  out.format = config.log.format == "json"   ? LogFormat::json
               : config.log.format == "text" ? LogFormat::text
                                             : LogFormat::automatic;
  out.file = config.log.file;
  return out;
}

HttpClientLimits client_limits(const Config& config) {
  HttpClientLimits out;
  out.max_connections_per_endpoint = 4096;
  out.max_response_body = 8 * 1024 * 1024;  // template lists
  out.connect_timeout = config.graph.connect_timeout;
  return out;
}

DispatcherOptions dispatcher_options(const Config& config) {
  DispatcherOptions out;
  out.window = static_cast<int>(config.sending.max_in_flight);
  out.rate_headroom = config.sending.rate_headroom;
  out.hold = config.sending.unknown_hold;
  out.error_share_pause = config.sending.error_share_pause;
  out.error_share_outcomes = static_cast<int>(config.sending.error_window);
  return out;
}

IntakeOptions intake_options(const Config& config) {
  IntakeOptions out;
  if (!config.broadcast.opt_out_keywords.empty()) out.stop_keywords = config.broadcast.opt_out_keywords;
  if (!config.broadcast.opt_in_keywords.empty()) out.start_keywords = config.broadcast.opt_in_keywords;
  out.keep_journal = std::chrono::days(config.journal.keep_days);
  out.keep_parked = std::chrono::days(config.journal.keep_parked_days);
  return out;
}

// A send that may be given up is looked at again at least as often as it is held.
ReconcilerOptions reconciler_options(const Config& config) {
  ReconcilerOptions out;
  out.hold = config.sending.unknown_hold;
  out.recheck = std::min(out.recheck, config.sending.unknown_hold);
  return out;
}

// Meta's pages and what integrations meet differ about which app secret signs the events of an Instagram
// login, so a signature by any of them counts.
WebhookOptions webhook_options(const Config& config) {
  WebhookOptions out;
  out.app_secrets = {{"whatsapp", config.whatsapp.app_secret},
                     {"whatsapp_previous", config.whatsapp.app_secret_previous},
                     {"instagram", config.instagram.app_secret},
                     {"instagram_previous", config.instagram.app_secret_previous},
                     {"messenger", config.messenger.app_secret}};
  out.verify_token = config.whatsapp.verify_token;
  return out;
}

}  // namespace posthorn
