#include "channels/whatsapp/graph_client.h"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "channels/whatsapp/graph_answers.h"
#include "channels/whatsapp/json_fields.h"
#include "channels/whatsapp/template_message.h"
#include "platform/crypto.h"

namespace posthorn::whatsapp {
namespace {

constexpr int kMaxPages = 100;

constexpr std::string_view kTemplateFields =
    "id,name,language,status,category,correct_category,components,parameter_format,quality_score,rejected_"
    "reason";
constexpr std::string_view kPhoneFields =
    "id,display_phone_number,verified_name,quality_rating,status,throughput,whatsapp_business_manager_"
    "messaging_limit,"
    "messaging_limit_tier,name_status,account_mode,platform_type,is_on_biz_app";
constexpr std::string_view kBusinessFields =
    "id,name,currency,country,account_review_status,health_status,whatsapp_business_manager_messaging_limit";

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
  });
}

std::string without_quotes(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 ? '_' : c;
  return out;
}

// A form that no file contains: the boundary is the file's own hash.
std::string multipart(std::string_view boundary, std::string_view file_name, std::string_view mime_type,
                      std::string_view bytes) {
  const std::string type = without_quotes(mime_type);
  std::string out;
  const auto field = [&](std::string_view name, std::string_view value) {
    out += fmt::format("--{}\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{}\r\n", boundary, name,
                       value);
  };
  field("messaging_product", "whatsapp");
  field("type", type);
  out += fmt::format(
      "--{}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\nContent-Type: {}\r\n\r\n",
      boundary, without_quotes(file_name), type);
  out += bytes;
  out += fmt::format("\r\n--{}--\r\n", boundary);
  return out;
}

std::vector<json::object> data_of(const json::object& answer) {
  std::vector<json::object> out;
  const json::array* data = array_in(answer, "data");
  if (data == nullptr) return out;
  for (const json::value& entry : *data) {
    if (const json::object* object = entry.if_object()) out.push_back(*object);
  }
  return out;
}

// The cursor of the next page; empty on the last one.
std::string next_cursor(const json::object& answer) {
  const json::object* paging = object_in(answer, "paging");
  if (paging == nullptr || string_in(*paging, "next").empty()) return {};
  const json::object* cursors = object_in(*paging, "cursors");
  return cursors != nullptr ? std::string(string_in(*cursors, "after")) : std::string();
}

Result<> expect_success(const json::object& answer) {
  if (flag_in(answer, "success")) return {};
  return fail(ErrorCode::internal, "the Graph API did not confirm the call");
}

TokenInfo read_token(const json::object& data) {
  TokenInfo info;
  info.valid = flag_in(data, "is_valid");
  if (const json::array* scopes = array_in(data, "scopes")) {
    for (const json::value& scope : *scopes) {
      if (scope.is_string()) info.scopes.emplace_back(scope.get_string());
    }
  }
  if (const std::int64_t expires = integer_in(data, "expires_at"); expires > 0)
    info.expires_at = WallTime(std::chrono::seconds(expires));
  return info;
}

TokenInfo read_permissions(const json::object& answer) {
  TokenInfo info;
  info.valid = true;
  for (const json::object& permission : data_of(answer)) {
    if (string_in(permission, "status") == "granted")
      info.scopes.emplace_back(string_in(permission, "permission"));
  }
  return info;
}

}  // namespace

struct GraphClient::Impl {
  HttpClient& http;
  Clock& clock;
  GraphConfig config;
  Endpoint endpoint;
  std::string prefix;    // "/v25.0", behind the path of the base URL
  Secret authorization;  // "Bearer …"
  Secret token;
  std::string proof;  // "appsecret_proof=…", or empty
  std::optional<Duration> skew = {};

  std::string target(std::string_view path) const {
    std::string out = fmt::format("{}/{}", prefix, path);
    if (!proof.empty()) out += (out.find('?') == std::string::npos ? "?" : "&") + proof;
    return out;
  }

  // The only place where the token meets a request; `to` is the configured host, or one of the media hosts.
  HttpRequest authorized(std::string method, std::string request_target) const {
    HttpRequest request;
    request.method = std::move(method);
    request.target = std::move(request_target);
    request.headers.set("Authorization", authorization.reveal());
    request.headers.set("User-Agent", "posthorn");
    return request;
  }

  void note_time(const HttpResponse& response) {
    const std::optional<WallTime> theirs = parse_http_date(response.headers.get("Date"));
    if (theirs) skew = *theirs - clock.wall_now();
  }

  Task<Result<HttpResponse>> exchange(Endpoint to, HttpRequest request, Duration timeout) {
    std::expected<HttpResponse, HttpFailure> answer =
        co_await http.send(std::move(to), std::move(request), timeout);
    if (!answer) {
      co_return fail(ErrorCode::unavailable, fmt::format("the Graph API at {} cannot be reached: {}",
                                                         endpoint.host, answer.error().error.message));
    }
    note_time(*answer);
    co_return *std::move(answer);
  }

  Task<Result<json::object>> call(HttpRequest request, Duration timeout) {
    Result<HttpResponse> response = co_await exchange(endpoint, std::move(request), timeout);
    if (!response) co_return std::unexpected(std::move(response).error());
    if (response->status < 200 || response->status > 299)
      co_return std::unexpected(error_of(response->status, response->body));
    boost::system::error_code failure;
    json::value parsed = json::parse(response->body, failure);
    if (failure || !parsed.is_object())
      co_return fail(ErrorCode::internal, "the Graph API's answer is no JSON object");
    if (parsed.get_object().contains("error"))
      co_return std::unexpected(error_of(response->status, response->body));
    co_return std::move(parsed.get_object());
  }

  Task<Result<json::object>> get(std::string path) {
    HttpRequest request = authorized("GET", target(path));
    co_return co_await call(std::move(request), config.timeout);
  }

  Task<Result<json::object>> post_json(std::string path, std::string body) {
    HttpRequest request = authorized("POST", target(path));
    request.headers.set("Content-Type", "application/json");
    request.body = std::move(body);
    co_return co_await call(std::move(request), config.timeout);
  }

  // All entries of an edge, page by page. Only the cursor is taken from the answer, never its URL (invariant
  // I33).
  Task<Result<std::vector<json::object>>> list(std::string path) {
    std::vector<json::object> all;
    std::string cursor;
    for (int page = 0; page < kMaxPages; ++page) {
      const std::string page_path =
          cursor.empty() ? path : fmt::format("{}&after={}", path, percent_encode(cursor));
      Result<json::object> answer = co_await get(page_path);
      if (!answer) co_return std::unexpected(std::move(answer).error());
      for (json::object& entry : data_of(*answer)) all.push_back(std::move(entry));
      std::string next = next_cursor(*answer);
      if (next.empty() || next == cursor) co_return all;
      cursor = std::move(next);
    }
    co_return fail(ErrorCode::internal,
                   fmt::format("the list {} does not end after {} pages", path, kMaxPages));
  }
};

Result<std::unique_ptr<GraphClient>> GraphClient::create(HttpClient& http, Clock& clock, GraphConfig config,
                                                         Secret token, Secret app_secret) {
  PH_TRY_ASSIGN(const ParsedUrl url, parse_url(config.base_url));
  std::string prefix = url.target;
  while (prefix.ends_with('/')) prefix.pop_back();
  if (!config.version.starts_with('v') ||
      config.version.find_first_not_of("0123456789.", 1) != std::string::npos) {
    return fail(ErrorCode::invalid_argument, "the Graph version must look like v25.0", "graph.version");
  }
  if (token.empty()) return fail(ErrorCode::invalid_argument, "an access token is needed", "token");
  const bool clean = std::ranges::all_of(token.reveal(), [](char c) { return c > ' ' && c < 0x7F; });
  if (!clean)
    return fail(ErrorCode::invalid_argument,
                "the access token has blanks or control characters; copy it again", "token");
  std::string proof;
  if (!app_secret.empty()) proof = "appsecret_proof=" + to_hex(HmacSha256(app_secret)(token.reveal()));
  auto impl = std::unique_ptr<Impl>(new Impl{http, clock, config, url.endpoint, prefix + "/" + config.version,
                                             Secret("Bearer " + token.reveal()), token, proof});
  return std::unique_ptr<GraphClient>(new GraphClient(std::move(impl)));
}

GraphClient::GraphClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GraphClient::~GraphClient() = default;

Task<std::expected<HttpResponse, HttpFailure>> GraphClient::send_message(std::string phone_number_id,
                                                                         std::string body,
                                                                         std::function<void()> on_last_byte) {
  if (!is_id(phone_number_id)) {
    HttpFailure failure{HttpStage::not_connected,
                        {ErrorCode::invalid_argument, "the phone number id is not valid", "phone_number_id"}};
    co_return std::unexpected(std::move(failure));
  }
  HttpRequest request = impl_->authorized("POST", impl_->target(phone_number_id + "/messages"));
  request.headers.set("Content-Type", "application/json");
  request.body = std::move(body);
  std::expected<HttpResponse, HttpFailure> answer = co_await impl_->http.send(
      impl_->endpoint, std::move(request), impl_->config.send_timeout, std::move(on_last_byte));
  if (answer) impl_->note_time(*answer);
  co_return answer;
}

Task<Result<>> GraphClient::mark_read(std::string phone_number_id, std::string wamid, bool typing) {
  if (!is_id(phone_number_id))
    co_return fail(ErrorCode::invalid_argument, "the phone number id is not valid", "phone_number_id");
  PH_CO_TRY_ASSIGN(const json::object answer, co_await impl_->post_json(phone_number_id + "/messages",
                                                                        whatsapp::mark_read(wamid, typing)));
  co_return expect_success(answer);
}

Task<Result<std::vector<Template>>> GraphClient::list_templates(std::string business_id,
                                                                std::vector<std::string>* unreadable) {
  if (!is_id(business_id))
    co_return fail(ErrorCode::invalid_argument, "the business account id is not valid", "business_id");
  std::string path = fmt::format("{}/message_templates?fields={}&limit=100", business_id, kTemplateFields);
  PH_CO_TRY_ASSIGN(const std::vector<json::object> listed, co_await impl_->list(std::move(path)));
  std::vector<Template> templates;
  for (const json::object& entry : listed) {
    Result<Template> parsed = parse_template(entry);
    if (parsed) {
      templates.push_back(*std::move(parsed));
    } else if (unreadable != nullptr) {
      unreadable->push_back(parsed.error().message);
    }
  }
  co_return templates;
}

Task<Result<PhoneNumberInfo>> GraphClient::phone_number(std::string phone_number_id) {
  if (!is_id(phone_number_id))
    co_return fail(ErrorCode::invalid_argument, "the phone number id is not valid", "phone_number_id");
  std::string path = fmt::format("{}?fields={}", phone_number_id, kPhoneFields);
  PH_CO_TRY_ASSIGN(const json::object answer, co_await impl_->get(std::move(path)));
  co_return read_phone_number(answer);
}

Task<Result<std::vector<PhoneNumberInfo>>> GraphClient::phone_numbers(std::string business_id) {
  if (!is_id(business_id))
    co_return fail(ErrorCode::invalid_argument, "the business account id is not valid", "business_id");
  std::string path = fmt::format("{}/phone_numbers?fields={}&limit=100", business_id, kPhoneFields);
  PH_CO_TRY_ASSIGN(const std::vector<json::object> listed, co_await impl_->list(std::move(path)));
  std::vector<PhoneNumberInfo> numbers;
  for (const json::object& entry : listed) numbers.push_back(read_phone_number(entry));
  co_return numbers;
}

Task<Result<BusinessInfo>> GraphClient::business(std::string business_id) {
  if (!is_id(business_id))
    co_return fail(ErrorCode::invalid_argument, "the business account id is not valid", "business_id");
  std::string path = fmt::format("{}?fields={}", business_id, kBusinessFields);
  PH_CO_TRY_ASSIGN(const json::object answer, co_await impl_->get(std::move(path)));
  co_return read_business(answer);
}

Task<Result<std::vector<SubscribedApp>>> GraphClient::subscribed_apps(std::string business_id) {
  if (!is_id(business_id))
    co_return fail(ErrorCode::invalid_argument, "the business account id is not valid", "business_id");
  PH_CO_TRY_ASSIGN(const std::vector<json::object> listed,
                   co_await impl_->list(business_id + "/subscribed_apps?limit=100"));
  std::vector<SubscribedApp> apps;
  for (const json::object& entry : listed) {
    const json::object* data = object_in(entry, "whatsapp_business_api_data");
    const json::object& app = data != nullptr ? *data : entry;
    apps.push_back({text_in(app, "id"), text_in(app, "name"), text_in(entry, "override_callback_uri")});
  }
  co_return apps;
}

Task<Result<>> GraphClient::subscribe_app(std::string business_id) {
  if (!is_id(business_id))
    co_return fail(ErrorCode::invalid_argument, "the business account id is not valid", "business_id");
  PH_CO_TRY_ASSIGN(const json::object answer,
                   co_await impl_->post_json(business_id + "/subscribed_apps", "{}"));
  co_return expect_success(answer);
}

Task<Result<std::string>> GraphClient::upload_media(std::string phone_number_id, std::string file_name,
                                                    std::string mime_type, std::string bytes) {
  if (!is_id(phone_number_id))
    co_return fail(ErrorCode::invalid_argument, "the phone number id is not valid", "phone_number_id");
  const std::string boundary = "posthorn-" + to_hex(sha256(bytes));
  HttpRequest request = impl_->authorized("POST", impl_->target(phone_number_id + "/media"));
  request.headers.set("Content-Type", "multipart/form-data; boundary=" + boundary);
  request.body = multipart(boundary, file_name, mime_type, bytes);
  PH_CO_TRY_ASSIGN(const json::object answer,
                   co_await impl_->call(std::move(request), impl_->config.upload_timeout));
  std::string id = text_in(answer, "id");
  if (id.empty()) co_return fail(ErrorCode::internal, "the Graph API gave no media id");
  co_return id;
}

Task<Result<MediaInfo>> GraphClient::media(std::string media_id, std::string phone_number_id) {
  if (!is_id(media_id)) co_return fail(ErrorCode::invalid_argument, "the media id is not valid", "media_id");
  std::string path = media_id;
  if (is_id(phone_number_id)) path += "?phone_number_id=" + phone_number_id;
  PH_CO_TRY_ASSIGN(const json::object answer, co_await impl_->get(std::move(path)));
  MediaInfo info{text_in(answer, "id"), text_in(answer, "url"), text_in(answer, "mime_type"),
                 text_in(answer, "sha256"), integer_in(answer, "file_size")};
  co_return info;
}

Result<Secret> GraphClient::media_authorization(std::string_view media_url) const {
  PH_TRY_ASSIGN(const ParsedUrl url, parse_url(media_url));
  const bool named =
      std::ranges::find(impl_->config.media_hosts, url.endpoint.host) != impl_->config.media_hosts.end();
  if (url.endpoint == impl_->endpoint || (named && url.endpoint.tls && url.endpoint.port == 443))
    return impl_->authorization;
  return fail(ErrorCode::permission_denied,
              fmt::format("media is served from {}, which is not among the configured media hosts",
                          url.endpoint.host),
              "media_hosts");
}

Task<Result<std::string>> GraphClient::download_media(MediaInfo info, std::size_t max_bytes) {
  PH_CO_TRY(media_authorization(info.url));
  PH_CO_TRY_ASSIGN(const ParsedUrl url, parse_url(info.url));
  if (info.file_size > 0 && static_cast<std::size_t>(info.file_size) > max_bytes) {
    co_return fail(ErrorCode::too_large,
                   fmt::format("the media has {} bytes; at most {} are taken", info.file_size, max_bytes));
  }
  HttpRequest request = impl_->authorized("GET", url.target);
  PH_CO_TRY_ASSIGN(HttpResponse response,
                   co_await impl_->exchange(url.endpoint, std::move(request), impl_->config.upload_timeout));
  if (response.status != 200) co_return std::unexpected(error_of(response.status, response.body));
  if (response.body.size() > max_bytes)
    co_return fail(ErrorCode::too_large, "the media is larger than announced");
  co_return std::move(response.body);
}

Task<Result<>> GraphClient::delete_media(std::string media_id) {
  if (!is_id(media_id)) co_return fail(ErrorCode::invalid_argument, "the media id is not valid", "media_id");
  HttpRequest request = impl_->authorized("DELETE", impl_->target(media_id));
  PH_CO_TRY_ASSIGN(const json::object answer,
                   co_await impl_->call(std::move(request), impl_->config.timeout));
  co_return expect_success(answer);
}

// The token asks about itself in the Authorization header. /debug_token also wants it as input_token, and a
// URL is no place for a secret (invariant I32), so it goes in a form body with Graph's method override.
Task<Result<TokenInfo>> GraphClient::inspect_token() {
  HttpRequest request = impl_->authorized("POST", impl_->target("debug_token"));
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  request.body = "method=get&input_token=" + percent_encode(impl_->token.reveal());
  const Result<json::object> debugged = co_await impl_->call(std::move(request), impl_->config.timeout);
  const json::object* data = debugged ? object_in(*debugged, "data") : nullptr;
  if (data != nullptr) co_return read_token(*data);
  if (!debugged && debugged.error().code == ErrorCode::unavailable)
    co_return std::unexpected(debugged.error());
  PH_CO_TRY_ASSIGN(const json::object permissions, co_await impl_->get("me/permissions"));
  co_return read_permissions(permissions);
}

std::optional<Duration> GraphClient::clock_skew() const {
  return impl_->skew;
}

}  // namespace posthorn::whatsapp
