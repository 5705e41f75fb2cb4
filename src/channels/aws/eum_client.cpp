#include "channels/aws/eum_client.h"

#include <algorithm>

#include "core/json.h"
#include "core/json_writer.h"
#include "platform/base64.h"

namespace posthorn::aws {
namespace {

constexpr int kMaxPages = 100;
constexpr std::string_view kMetaVersion = "v20.0";  // what the service takes
constexpr Duration kSendTimeout = std::chrono::seconds(15);
constexpr Duration kMediaTimeout = std::chrono::seconds(60);  // the service fetches from Meta meanwhile

std::string text(const JsonView& object, std::string_view field) {
  return std::string(object[field].string_or(""));
}

}  // namespace

Task<Result<EumMedia>> EumClient::media_to_s3(std::string phone_number, std::string media_id,
                                              std::string bucket, std::string key_prefix) {
  HttpRequest request;
  request.method = "POST";
  request.target = "/v1/whatsapp/media/get";
  request.headers.set("Content-Type", "application/json");
  JsonWriter json(request.body);
  json.begin_object()
      .member("mediaId", std::string_view(media_id))
      .member("originationPhoneNumberId", std::string_view(phone_number))
      .key("destinationS3File")
      .begin_object()
      .member("bucketName", std::string_view(bucket))
      .member("key", std::string_view(key_prefix))
      .end_object()
      .end_object();
  CallOptions options;
  options.timeout = kMediaTimeout;
  PH_CO_TRY_ASSIGN(const HttpResponse answer, co_await client_.call(std::move(request), options));
  PH_CO_TRY_ASSIGN(const json::value root, parse_json(answer.body));
  const JsonView view(root);
  EumMedia media;
  media.mime_type = text(view, "mimeType");
  media.size = static_cast<std::uint64_t>(std::max<std::int64_t>(view["fileSize"].integer_or(0), 0));
  co_return media;
}

Task<std::expected<HttpResponse, HttpFailure>> EumClient::send_message(std::string phone_number,
                                                                       std::string body,
                                                                       std::function<void()> on_last_byte) {
  HttpRequest request;
  request.method = "POST";
  request.target = "/v1/whatsapp/send";
  request.headers.set("Content-Type", "application/json");
  JsonWriter(request.body)
      .begin_object()
      .member("originationPhoneNumberId", std::string_view(phone_number))
      .member("message", std::string_view(to_base64(body)))
      .member("metaApiVersion", kMetaVersion)
      .end_object();
  return client_.exchange(std::move(request), kSendTimeout, std::move(on_last_byte));
}

Task<Result<std::string>> EumClient::get(std::string target) {
  HttpRequest request;
  request.target = std::move(target);
  PH_CO_TRY_ASSIGN(HttpResponse answer, co_await client_.call(std::move(request), CallOptions()));
  co_return std::move(answer.body);
}

Task<Result<std::vector<EumAccount>>> EumClient::linked_accounts() {
  std::vector<EumAccount> out;
  std::string next;
  for (int page = 0; page < kMaxPages; ++page) {
    std::string target = "/v1/whatsapp/waba/list?maxResults=100";
    if (!next.empty()) target += "&nextToken=" + percent_encode(next);
    PH_CO_TRY_ASSIGN(const std::string body, co_await get(std::move(target)));
    PH_CO_TRY_ASSIGN(EumAccountPage read, read_linked_accounts(body));
    std::ranges::move(read.accounts, std::back_inserter(out));
    next = std::move(read.next_token);
    if (next.empty()) break;
  }
  co_return out;
}

Task<Result<std::vector<EumPhoneNumber>>> EumClient::phone_numbers(std::string account_id) {
  PH_CO_TRY_ASSIGN(const std::string body,
                   co_await get("/v1/whatsapp/waba/details?id=" + percent_encode(account_id)));
  co_return read_phone_numbers(body);
}

Result<EumAccountPage> read_linked_accounts(std::string_view body) {
  PH_TRY_ASSIGN(const json::value root, parse_json(body));
  const JsonView view(root), list = view["linkedAccounts"];
  EumAccountPage out;
  out.next_token = text(view, "nextToken");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const JsonView one = list[i], destinations = one["eventDestinations"];
    EumAccount account{.arn = text(one, "arn"),
                       .id = text(one, "id"),
                       .waba_id = text(one, "wabaId"),
                       .name = text(one, "wabaName"),
                       .registration_status = text(one, "registrationStatus"),
                       .event_destinations = {}};
    for (std::size_t k = 0; k < destinations.size(); ++k)
      account.event_destinations.push_back(text(destinations[k], "eventDestinationArn"));
    out.accounts.push_back(std::move(account));
  }
  return out;
}

Result<std::vector<EumPhoneNumber>> read_phone_numbers(std::string_view body) {
  PH_TRY_ASSIGN(const json::value root, parse_json(body));
  const JsonView list = JsonView(root)["account"]["phoneNumbers"];
  std::vector<EumPhoneNumber> out;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const JsonView one = list[i];
    out.push_back(EumPhoneNumber{.arn = text(one, "arn"),
                                 .id = text(one, "phoneNumberId"),
                                 .meta_id = text(one, "metaPhoneNumberId"),
                                 .phone_number = text(one, "phoneNumber"),
                                 .display_name = text(one, "displayPhoneNumberName"),
                                 .quality_rating = text(one, "qualityRating")});
  }
  return out;
}

}  // namespace posthorn::aws
