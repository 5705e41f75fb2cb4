#include "channels/meta_messaging/client.h"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "channels/meta_messaging/client_answers.h"
#include "channels/whatsapp/json_fields.h"
#include "core/json_writer.h"
#include "platform/crypto.h"

namespace posthorn::meta_messaging {
namespace {

using channels::Channel;

constexpr int kMaxPages = 20;

constexpr std::string_view kInstagramProfile =
    "name,username,profile_pic,follower_count,is_user_follow_business,is_business_follow_user,is_verified_"
    "user";
constexpr std::string_view kMessengerProfile = "first_name,last_name,profile_pic";
constexpr std::string_view kMessageFields =
    "id,created_time,from,to,message,attachments,shares,story,reactions,is_unsupported";

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
  });
}

// Ids of messages and conversations: long, in base64 and its relatives.
bool is_message_id(std::string_view text) {
  return !text.empty() && text.size() <= 512 && text != "." && text != ".." &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

std::unexpected<Error> bad_id(std::string_view what, std::string_view field) {
  return fail(ErrorCode::invalid_argument, fmt::format("the {} is not valid", what), std::string(field));
}

Result<json::object> object_of(const HttpResponse& response) {
  if (response.status < 200 || response.status > 299)
    return std::unexpected(error_of(response.status, response.body));
  boost::system::error_code failure;
  json::value parsed = json::parse(response.body, failure);
  if (failure || !parsed.is_object()) return fail(ErrorCode::internal, "Meta's answer is no JSON object");
  if (parsed.get_object().contains("error")) return std::unexpected(error_of(response.status, response.body));
  return std::move(parsed.get_object());
}

Result<> check(const MetaClientConfig& config, const Secret& token) {
  if (!config.version.starts_with('v') ||
      config.version.find_first_not_of("0123456789.", 1) != std::string::npos) {
    return fail(ErrorCode::invalid_argument, "the version must look like v25.0", "graph.version");
  }
  if (!is_id(config.account_id)) return bad_id("account id", "account_id");
  if (!config.page_id.empty() && !is_id(config.page_id)) return bad_id("Page id", "page_id");
  if (token.empty()) return fail(ErrorCode::invalid_argument, "an access token is needed", "token");
  if (!std::ranges::all_of(token.reveal(), [](char c) { return c > ' ' && c < 0x7F; })) {
    return fail(ErrorCode::invalid_argument,
                "the access token has blanks or control characters; copy it again", "token");
  }
  return {};
}

// The object that messages are sent from.
std::string node_of(const MetaClientConfig& config) {
  if (config.channel == Channel::messenger || config.login == Login::instagram) return config.account_id;
  return config.page_id.empty() ? "me" : config.page_id;
}

}  // namespace

struct MetaClient::Impl {
  HttpClient& http;
  MetaClientConfig config;
  Endpoint endpoint;
  std::string base;      // path of the base URL, without trailing slash
  Secret authorization;  // "Bearer …"
  Secret token;
  std::string proof;  // "appsecret_proof=…", or empty
  std::string node;

  std::string target(std::string_view path) const {
    std::string out = fmt::format("{}/{}/{}", base, config.version, path);
    if (!proof.empty()) out += (out.find('?') == std::string::npos ? "?" : "&") + proof;
    return out;
  }

  // The only place where the token meets a request, which goes to the configured host.
  HttpRequest authorized(std::string method, std::string request_target) const {
    HttpRequest request;
    request.method = std::move(method);
    request.target = std::move(request_target);
    request.headers.set("Authorization", authorization.reveal());
    request.headers.set("User-Agent", "posthorn");
    return request;
  }

  HttpRequest post(std::string_view path, std::string body) const {
    HttpRequest request = authorized("POST", target(path));
    request.headers.set("Content-Type", "application/json");
    request.body = std::move(body);
    return request;
  }

  Task<Result<json::object>> call(HttpRequest request) {
    const std::expected<HttpResponse, HttpFailure> answer =
        co_await http.send(endpoint, std::move(request), config.timeout);
    if (!answer) {
      co_return fail(ErrorCode::unavailable, fmt::format("Meta's API at {} cannot be reached: {}",
                                                         endpoint.host, answer.error().error.message));
    }
    co_return object_of(*answer);
  }

  Task<Result<json::object>> get(std::string path) {
    HttpRequest request = authorized("GET", target(path));
    co_return co_await call(std::move(request));
  }

  // Entries of an edge, page by page, until `enough`. Only the cursor is taken from the answer, never its URL
  // (I33).
  Task<Result<std::vector<json::object>>> list(std::string path, std::size_t enough) {
    std::vector<json::object> all;
    std::string cursor;
    for (int page = 0; page < kMaxPages; ++page) {
      std::string page_path =
          cursor.empty() ? path : fmt::format("{}&after={}", path, percent_encode(cursor));
      Result<json::object> answer = co_await get(std::move(page_path));
      if (!answer) co_return std::unexpected(std::move(answer).error());
      for (json::object& entry : data_of(*answer)) all.push_back(std::move(entry));
      std::string next = next_cursor(*answer);
      if (all.size() >= enough || next.empty() || next == cursor) break;
      cursor = std::move(next);
    }
    if (all.size() > enough) all.resize(enough);
    co_return all;
  }

  std::string_view platform() const {
    return config.channel == Channel::instagram ? "instagram" : "messenger";
  }
};

std::optional<Login> login_from(std::string_view text) {
  if (text == "facebook") return Login::facebook;
  if (text == "instagram") return Login::instagram;
  return std::nullopt;
}

Result<std::unique_ptr<MetaClient>> MetaClient::create(HttpClient& http, MetaClientConfig config,
                                                       Secret token, Secret app_secret) {
  PH_TRY_ASSIGN(const ParsedUrl url, parse_url(config.base_url));
  PH_TRY(check(config, token));
  std::string base = url.target;
  while (base.ends_with('/')) base.pop_back();
  std::string proof;
  if (!app_secret.empty() && config.login == Login::facebook)
    proof = "appsecret_proof=" + to_hex(HmacSha256(app_secret)(token.reveal()));
  std::string node = node_of(config);
  Secret authorization("Bearer " + token.reveal());
  auto impl = std::unique_ptr<Impl>(new Impl{http, std::move(config), url.endpoint, std::move(base),
                                             std::move(authorization), std::move(token), std::move(proof),
                                             std::move(node)});
  return std::unique_ptr<MetaClient>(new MetaClient(std::move(impl)));
}

MetaClient::MetaClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MetaClient::~MetaClient() = default;

const MetaClientConfig& MetaClient::config() const {
  return impl_->config;
}

Task<std::expected<HttpResponse, HttpFailure>> MetaClient::send(std::string body,
                                                                std::function<void()> on_last_byte) {
  HttpRequest request = impl_->post(impl_->node + "/messages", std::move(body));
  co_return co_await impl_->http.send(impl_->endpoint, std::move(request), impl_->config.send_timeout,
                                      std::move(on_last_byte));
}

Task<Result<>> MetaClient::sender_action(std::string body) {
  HttpRequest request = impl_->post(impl_->node + "/messages", std::move(body));
  PH_CO_TRY(co_await impl_->call(std::move(request)));
  co_return Result<>();
}

Task<Result<std::string>> MetaClient::upload_attachment(std::string type, std::string url) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  if (impl_->config.channel == Channel::instagram) json.member("platform", "instagram");
  json.key("message").begin_object().key("attachment").begin_object().member("type", type);
  json.key("payload").begin_object().member("url", url).member("is_reusable", true).end_object();
  json.end_object().end_object().end_object();
  HttpRequest request = impl_->post(impl_->node + "/message_attachments", std::move(body));
  PH_CO_TRY_ASSIGN(const json::object answer, co_await impl_->call(std::move(request)));
  const json::value* id = answer.if_contains("attachment_id");
  if (id == nullptr || !id->is_string())
    co_return fail(ErrorCode::internal, "Meta's answer to the upload has no attachment_id");
  co_return std::string(id->get_string());
}

Task<Result<Profile>> MetaClient::profile(std::string scoped_id) {
  if (!is_id(scoped_id)) co_return bad_id("person's id", "scoped_id");
  const bool instagram = impl_->config.channel == Channel::instagram;
  std::string path =
      fmt::format("{}?fields={}", scoped_id, instagram ? kInstagramProfile : kMessengerProfile);
  PH_CO_TRY_ASSIGN(json::object answer, co_await impl_->get(std::move(path)));
  co_return read_profile(std::move(answer));
}

Task<Result<Identity>> MetaClient::identity() {
  std::string path = "me?fields=user_id,username,account_type,name";
  if (impl_->config.login == Login::facebook)
    path = impl_->node + "?fields=id,name,instagram_business_account%7Bid,username%7D";
  PH_CO_TRY_ASSIGN(json::object answer, co_await impl_->get(std::move(path)));
  co_return read_identity(impl_->config, std::move(answer));
}

Task<Result<std::vector<Subscription>>> MetaClient::subscriptions() {
  PH_CO_TRY_ASSIGN(const std::vector<json::object> listed,
                   co_await impl_->list(impl_->node + "/subscribed_apps?limit=100", 100));
  std::vector<Subscription> out;
  for (const json::object& entry : listed) out.push_back(read_subscription(entry));
  co_return out;
}

Task<Result<>> MetaClient::subscribe(std::vector<std::string> fields) {
  std::string names;
  for (const std::string& field : fields) names += (names.empty() ? "" : ",") + percent_encode(field);
  if (names.empty()) co_return fail(ErrorCode::invalid_argument, "name at least one field", "fields");
  std::string path = fmt::format("{}/subscribed_apps?subscribed_fields={}", impl_->node, names);
  HttpRequest request = impl_->post(path, "{}");
  PH_CO_TRY_ASSIGN(const json::object answer, co_await impl_->call(std::move(request)));
  if (whatsapp::flag_in(answer, "success")) co_return Result<>();
  co_return fail(ErrorCode::internal, "Meta did not confirm the subscription");
}

// Unversioned, and the token is a parameter: Meta documents no other form.
Task<Result<FreshToken>> MetaClient::refresh_token() {
  if (impl_->config.login != Login::instagram) {
    co_return fail(
        ErrorCode::invalid_argument,
        "only tokens of the Instagram login are refreshed; Page tokens do not expire by themselves", "login");
  }
  HttpRequest request;
  request.target = fmt::format("{}/refresh_access_token?grant_type=ig_refresh_token&access_token={}",
                               impl_->base, percent_encode(impl_->token.reveal()));
  request.headers.set("User-Agent", "posthorn");
  PH_CO_TRY_ASSIGN(const json::object answer, co_await impl_->call(std::move(request)));
  FreshToken fresh;
  fresh.token = Secret(std::string(whatsapp::string_in(answer, "access_token")));
  fresh.expires_in = std::chrono::seconds(
      std::clamp<std::int64_t>(whatsapp::integer_in(answer, "expires_in"), 0, 366LL * 24 * 60 * 60));
  if (fresh.token.empty()) co_return fail(ErrorCode::internal, "Meta gave no fresh token");
  co_return fresh;
}

Task<Result<std::vector<ConversationHead>>> MetaClient::conversations(int limit) {
  if (limit < 1 || limit > 500)
    co_return fail(ErrorCode::invalid_argument, "limit must be 1 to 500", "limit");
  std::string path = fmt::format("{}/conversations?platform={}&fields=id,updated_time,participants&limit={}",
                                 impl_->node, impl_->platform(), std::min(limit, 50));
  PH_CO_TRY_ASSIGN(const std::vector<json::object> listed,
                   co_await impl_->list(std::move(path), static_cast<std::size_t>(limit)));
  std::vector<ConversationHead> out;
  for (const json::object& entry : listed) out.push_back(read_conversation(entry));
  co_return out;
}

Task<Result<std::optional<ConversationHead>>> MetaClient::conversation_with(std::string scoped_id) {
  if (!is_id(scoped_id)) co_return bad_id("person's id", "scoped_id");
  std::string path =
      fmt::format("{}/conversations?platform={}&user_id={}&fields=id,updated_time,participants", impl_->node,
                  impl_->platform(), scoped_id);
  PH_CO_TRY_ASSIGN(const std::vector<json::object> listed, co_await impl_->list(std::move(path), 1));
  std::optional<ConversationHead> found;
  if (!listed.empty()) found = read_conversation(listed.front());
  co_return found;
}

Task<Result<std::vector<MessageHead>>> MetaClient::message_heads(std::string conversation_id) {
  if (!is_message_id(conversation_id)) co_return bad_id("conversation's id", "conversation_id");
  PH_CO_TRY_ASSIGN(const json::object answer,
                   co_await impl_->get(percent_encode(conversation_id) + "?fields=messages"));
  co_return read_message_heads(answer);
}

Task<Result<RemoteMessage>> MetaClient::message(std::string mid) {
  if (!is_message_id(mid)) co_return bad_id("message's id", "mid");
  std::string path = fmt::format("{}?fields={}", percent_encode(mid), kMessageFields);
  PH_CO_TRY_ASSIGN(json::object answer, co_await impl_->get(std::move(path)));
  co_return read_remote_message(std::move(answer));
}

}  // namespace posthorn::meta_messaging
