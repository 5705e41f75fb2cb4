// Calls to Meta's Graph API for one access token. Sources: Meta's WhatsApp Business Platform references and
// OpenAPI v23.0.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "channels/whatsapp/error_table.h"
#include "channels/whatsapp/template.h"
#include "core/result.h"
#include "core/secret.h"
#include "platform/async.h"
#include "platform/http_client.h"

namespace posthorn::whatsapp {

struct GraphConfig {
  std::string base_url = "https://graph.facebook.com";  // any server that speaks Meta's protocol
  std::string version = "v25.0";
  // Where media bytes are served besides the host of base_url; exact names. The token goes to these hosts
  // only (invariant I33).
  std::vector<std::string> media_hosts = {"lookaside.fbsbx.com"};
  Duration timeout = std::chrono::seconds(30);
  Duration send_timeout = std::chrono::seconds(10);
  Duration upload_timeout = std::chrono::seconds(120);
};

struct PhoneNumberInfo {
  std::string id, display_phone_number, verified_name, quality_rating, status, throughput_level,
      messaging_tier, name_status;
  std::string account_mode, platform_type;
  int throughput() const;  // messages a second that the level grants: 80, 1000, 20 (coexistence)
  json::object raw;
};
struct BusinessInfo {
  std::string id, name, currency, country, account_review_status, messaging_tier;
  std::string can_send;               // health_status: AVAILABLE, LIMITED, BLOCKED; empty if not told
  std::vector<std::string> problems;  // of health_status, in words
  json::object raw;
};
struct SubscribedApp {
  std::string id, name, override_callback_uri;
};
struct MediaInfo {
  std::string id, url, mime_type, sha256;
  std::int64_t file_size = 0;
};
struct TokenInfo {
  bool valid = false;
  std::vector<std::string> scopes;
  std::optional<WallTime> expires_at;  // nothing: never
};

// Bound to one token. Methods may run at the same time; the client must outlive them. Errors: unauthenticated
// (token), permission_denied, not_found, resource_exhausted (rate), unavailable (network, 5xx),
// invalid_argument, internal (answer not understood).
class GraphClient {
 public:
  // The base URL is checked here: invalid_argument if it is none.
  static Result<std::unique_ptr<GraphClient>> create(
      HttpClient& http, Clock& clock, GraphConfig config, Secret token,
      Secret app_secret = {});  // given: calls carry appsecret_proof
  ~GraphClient();

  // One message, one attempt; judge the answer with interpret_send_response(). `on_last_byte` as in
  // HttpClient::send.
  Task<std::expected<HttpResponse, HttpFailure>> send_message(std::string phone_number_id, std::string body,
                                                              std::function<void()> on_last_byte = {});
  // With `typing` the person sees "typing…" for up to 25 s.
  Task<Result<>> mark_read(std::string phone_number_id, std::string wamid, bool typing = false);

  // All templates, page by page. Entries that cannot be parsed are put into `unreadable` (name and reason),
  // if given.
  Task<Result<std::vector<Template>>> list_templates(std::string business_id,
                                                     std::vector<std::string>* unreadable = nullptr);
  Task<Result<PhoneNumberInfo>> phone_number(std::string phone_number_id);
  Task<Result<std::vector<PhoneNumberInfo>>> phone_numbers(std::string business_id);
  Task<Result<BusinessInfo>> business(std::string business_id);
  Task<Result<std::vector<SubscribedApp>>> subscribed_apps(std::string business_id);
  Task<Result<>> subscribe_app(std::string business_id);

  Task<Result<std::string>> upload_media(std::string phone_number_id, std::string file_name,
                                         std::string mime_type,
                                         std::string bytes);  // → media id, good for 30 days
  // `phone_number_id`: the number that got the media; Meta then refuses ids of others. Empty: not compared.
  Task<Result<MediaInfo>> media(std::string media_id, std::string phone_number_id = {});
  // The Authorization header for fetching from MediaInfo::url; permission_denied when its host is not in the
  // configuration.
  Result<Secret> media_authorization(std::string_view url) const;
  Task<Result<std::string>> download_media(MediaInfo info,
                                           std::size_t max_bytes);  // only from hosts in the configuration
  Task<Result<>> delete_media(std::string media_id);

  Task<Result<TokenInfo>> inspect_token();  // GET /debug_token, or /me/permissions where that is refused

  // Server's clock minus ours, from the Date header of the last answer (precise to a second).
  std::optional<Duration> clock_skew() const;

 private:
  struct Impl;
  explicit GraphClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace posthorn::whatsapp
