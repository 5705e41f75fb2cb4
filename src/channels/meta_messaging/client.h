// Calls to Meta's API for one Instagram or Messenger account. Sources: Meta's Instagram Platform and
// Messenger Platform references (send, user profile, conversations, subscribed apps, business login).
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "channels/conversation_events.h"
#include "channels/meta_messaging/error_table.h"
#include "core/json.h"
#include "core/result.h"
#include "core/secret.h"
#include "platform/async.h"
#include "platform/http_client.h"

namespace posthorn::meta_messaging {

enum class Login {
  facebook,   // graph.facebook.com with a Page or system user token: Messenger, and Instagram accounts linked
              // to a Page
  instagram,  // graph.instagram.com with an Instagram user token
};
std::optional<Login> login_from(std::string_view text);  // accounts.login: "facebook", "instagram"

struct MetaClientConfig {
  std::string base_url;  // of the login's host (graph.base_url, instagram.base_url), or any server that
                         // speaks its protocol
  std::string version = "v25.0";
  channels::Channel channel = channels::Channel::messenger;
  Login login = Login::facebook;
  std::string account_id;  // what webhooks call the account: Instagram account id or Page id
  std::string
      page_id;  // Instagram with Facebook login: the linked Page; empty: "me", which a Page token means
  Duration timeout = std::chrono::seconds(30);
  Duration send_timeout = std::chrono::seconds(30);
};

struct Profile {
  std::string name, first_name, last_name, username,
      picture_url;  // each may be empty; the picture's link dies in days
  json::object raw;
  std::string shown_name() const;  // name, else first and last name
};

struct Identity {
  std::string
      account_id;  // as webhooks name it (entry.id); empty: the token's account has none of this channel
  std::string name, username, account_type;
  json::object raw;
};

struct Subscription {
  std::string app_id, app_name;
  std::vector<std::string> fields;
};

struct FreshToken {
  Secret token;
  Duration expires_in{};  // about 60 days
};

struct ConversationHead {
  std::string id;
  WallTime updated_at{};
  std::vector<std::string> participants;  // scoped ids, the account's own among them
};

struct MessageHead {
  std::string id;
  WallTime at{};
};

struct RemoteMessage {
  std::string id, from, to, text;
  WallTime at{};
  json::object raw;  // attachments, shares, story, reactions as Meta tells them
};

// Bound to one token. Methods may run at the same time; the client must outlive them. Errors: unauthenticated
// (token), permission_denied, not_found, resource_exhausted (rate), unavailable (network, 5xx),
// invalid_argument, internal (answer not understood). Redirects are never followed; the token is in the
// Authorization header only, except where Meta takes it as a parameter alone (refresh_token).
class MetaClient {
 public:
  // invalid_argument for a wrong base URL, version, id or token. With an app secret calls carry
  // appsecret_proof (Facebook login only).
  static Result<std::unique_ptr<MetaClient>> create(HttpClient& http, MetaClientConfig config, Secret token,
                                                    Secret app_secret = {});
  ~MetaClient();
  const MetaClientConfig& config() const;

  // One message, one attempt; judge the answer with judge_meta_exchange() (messaging/meta_channel.h).
  // `on_last_byte` as in HttpClient::send.
  Task<std::expected<HttpResponse, HttpFailure>> send(std::string body,
                                                      std::function<void()> on_last_byte = {});
  Task<Result<>> sender_action(std::string body);  // message_bodies.h; answered without a message id

  // A file that Meta fetches at once from `url` and keeps for sending: its attachment id. type: image, audio,
  // video, file.
  Task<Result<std::string>> upload_attachment(std::string type, std::string url);

  // placeholder errors (not_found, permission_denied) are the rule for people who never wrote to the account.
  Task<Result<Profile>> profile(std::string scoped_id);
  Task<Result<Identity>> identity();

  Task<Result<std::vector<Subscription>>> subscriptions();
  Task<Result<>> subscribe(std::vector<std::string> fields);

  // Instagram login only: a token of at least 24 hours' age that has not expired gets another 60 days.
  Task<Result<FreshToken>> refresh_token();

  // Newest first; at most `limit` (1 to 500).
  Task<Result<std::vector<ConversationHead>>> conversations(int limit);
  Task<Result<std::optional<ConversationHead>>> conversation_with(std::string scoped_id);
  // Ids and times, newest first; Meta tells details of the newest 20 only.
  Task<Result<std::vector<MessageHead>>> message_heads(std::string conversation_id);
  Task<Result<RemoteMessage>> message(std::string mid);

 private:
  struct Impl;
  explicit MetaClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// What an account should be subscribed to. Page subscriptions cover Messenger; Instagram's spellings differ.
std::vector<std::string> wanted_fields(channels::Channel channel);

// The Error that a failed call becomes: kind by the error table, message with Meta's words.
Error error_of(int status, std::string_view body);

}  // namespace posthorn::meta_messaging
