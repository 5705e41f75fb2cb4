#include "sandbox/aws_social.h"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/json_writer.h"
#include "platform/base64.h"
#include "sandbox/aws_topics.h"
#include "sandbox/json_values.h"

namespace posthorn::sandbox {
namespace {

namespace js = boost::json;

constexpr std::size_t kLongestMessage = 2'048'000;

struct Extension {
  std::string_view mime, name;
};
constexpr auto kExtensions = std::to_array<Extension>({{"image/jpeg", "jpeg"},
                                                       {"image/png", "png"},
                                                       {"image/webp", "webp"},
                                                       {"video/mp4", "mp4"},
                                                       {"video/3gpp", "3gp"},
                                                       {"audio/aac", "aac"},
                                                       {"audio/amr", "amr"},
                                                       {"audio/mpeg", "mp3"},
                                                       {"audio/mp4", "m4a"},
                                                       {"audio/ogg", "ogg"},
                                                       {"text/plain", "txt"},
                                                       {"application/pdf", "pdf"}});

std::string_view extension_of(std::string_view mime) {
  const auto found = std::ranges::find(kExtensions, mime.substr(0, mime.find(';')), &Extension::mime);
  return found == kExtensions.end() ? "bin" : found->name;
}

// What the service makes of Meta's refusals.
struct Translation {
  int code;  // Meta's
  int status;
  std::string_view name;
};
constexpr auto kTranslations = std::to_array<Translation>({{10, 403, "AccessDeniedByMetaException"},
                                                           {190, 403, "AccessDeniedByMetaException"},
                                                           {131005, 403, "AccessDeniedByMetaException"},
                                                           {131031, 403, "AccessDeniedByMetaException"},
                                                           {4, 429, "ThrottledRequestException"},
                                                           {80007, 429, "ThrottledRequestException"},
                                                           {130429, 429, "ThrottledRequestException"},
                                                           {131056, 429, "ThrottledRequestException"}});

HttpResponse translated(const HttpResponse& meta, const js::value& body) {
  if (meta.status >= 500) return eum_error(502, "DependencyException", "Meta did not answer as it should");
  const js::value* error = member(body, "error");
  const int code = error == nullptr ? 0 : static_cast<int>(number_of(*error, "code", 0));
  const std::string message = error == nullptr ? std::string() : text_of(*error, "message");
  const auto found = std::ranges::find(kTranslations, code, &Translation::code);
  if (found != kTranslations.end()) return eum_error(found->status, found->name, message);
  return eum_error(400, "ValidationException", message);
}

}  // namespace

HttpResponse eum_error(int status, std::string_view code, std::string_view message) {
  std::string body;
  JsonWriter(body).begin_object().member("message", message).end_object();
  HttpResponse response = json_response(std::move(body), status);
  response.headers.set("x-amzn-errortype", std::string(code) + ":http://internal.amazon.com/");
  return response;
}

const Number* AwsSocial::find(std::string_view id) const {
  const auto found = std::ranges::find_if(world_.numbers, [&](const Number& n) {
    return id == aws_number_id(n.config.id) || id == aws_number_arn(world_.config.aws, n.config.id);
  });
  return found == world_.numbers.end() ? nullptr : &*found;
}

Answer AwsSocial::call(const HttpRequest& request) {
  js::error_code ec;
  const js::value body = request.body.empty() ? js::value() : js::parse(request.body, ec);
  Answer out;
  if (ec) {
    out.response = eum_error(400, "ValidationException", "the body is not JSON");
    return out;
  }
  const std::string route = request.method + " " + std::string(request.path());
  if (route == "POST /v1/whatsapp/send") return send(body);
  if (route == "POST /v1/whatsapp/media/get")
    out.response = media(body);
  else if (route == "GET /v1/whatsapp/waba/list")
    out.response = list();
  else if (route == "GET /v1/whatsapp/waba/details")
    out.response = details(request);
  else
    out.response = eum_error(404, "UnknownOperationException", "The sandbox does not know " + route);
  return out;
}

Answer AwsSocial::send(const js::value& body) {
  ++stats_.sends;
  Answer out;
  const Number* number = find(text_of(body, "originationPhoneNumberId"));
  if (number == nullptr) {
    out.response = eum_error(404, "ResourceNotFoundException", "originationPhoneNumberId is unknown");
    return out;
  }
  const Result<std::string> message = from_base64(text_of(body, "message"));
  if (!message || message->empty() || message->size() > kLongestMessage ||
      text_of(body, "metaApiVersion").empty()) {
    out.response =
        eum_error(400, "ValidationException", "message must be base64, metaApiVersion is required");
    return out;
  }
  out = sending_.send(*number, *message, false);
  js::error_code ec;
  const js::value meta = js::parse(out.response.body, ec);
  if (out.response.status != 200 || member(meta, "messages") == nullptr) {
    out.response = translated(out.response, meta);
    return out;
  }
  out.response = json_response(js::serialize(js::object{{"messageId", aws_uuid(world_.dice)}}));
  return out;
}

HttpResponse AwsSocial::media(const js::value& body) {
  ++stats_.media;
  const Number* number = find(text_of(body, "originationPhoneNumberId"));
  if (number == nullptr)
    return eum_error(404, "ResourceNotFoundException", "originationPhoneNumberId is unknown");
  const js::value* place = member(body, "destinationS3File");
  const std::string id = text_of(body, "mediaId");
  if (id.empty() || place == nullptr || text_of(*place, "key").empty())
    return eum_error(400, "ValidationException", "mediaId and destinationS3File are required");
  if (text_of(*place, "bucketName") != world_.config.aws.bucket)
    return eum_error(403, "AccessDeniedException", "no access to the bucket");
  const WallTime now = world_.clock.wall_now();
  const MediaFile* file = world_.media.find(id, now);
  if (file == nullptr || file->number != world_.index_of(*number))
    return eum_error(404, "ResourceNotFoundException", "there is no such file");
  std::string key = fmt::format("{}{}.{}", text_of(*place, "key"), id, extension_of(file->mime));
  bucket_.put(std::move(key), file->mime, file->bytes, now);
  return json_response(js::serialize(js::object{{"mimeType", file->mime}, {"fileSize", file->bytes.size()}}));
}

std::string AwsSocial::account_members() const {
  const AwsConfig& aws = world_.config.aws;
  const std::string& waba = world_.config.waba_id;
  std::string out;
  JsonWriter json(out);
  const auto text = [&json](std::string_view name, const std::string& value) {
    json.member(name, std::string_view(value));
  };
  json.begin_object();
  text("arn", aws_waba_arn(aws, waba));
  text("id", aws_waba_id(waba));
  text("wabaId", waba);
  text("wabaName", world_.config.business_name);
  json.member("registrationStatus", "COMPLETE").member("linkDate", 1767323045);
  json.key("eventDestinations").begin_array().begin_object();
  text("eventDestinationArn", aws.topic_arn(aws.topics.front()));
  json.end_object().end_array().end_object();
  return out;
}

HttpResponse AwsSocial::list() {
  ++stats_.lists;
  return json_response(R"({"linkedAccounts":[)" + account_members() + "]}");
}

HttpResponse AwsSocial::details(const HttpRequest& request) {
  const std::string id = request.query("id");
  const std::string& waba = world_.config.waba_id;
  if (id != aws_waba_id(waba) && id != aws_waba_arn(world_.config.aws, waba))
    return eum_error(404, "ResourceNotFoundException", "there is no such account");
  js::array numbers;
  for (const Number& n : world_.numbers) {
    numbers.push_back(js::object{{"arn", aws_number_arn(world_.config.aws, n.config.id)},
                                 {"phoneNumber", "+" + std::to_string(n.digits)},
                                 {"phoneNumberId", aws_number_id(n.config.id)},
                                 {"metaPhoneNumberId", n.config.id},
                                 {"displayPhoneNumberName", n.config.verified_name},
                                 {"displayPhoneNumber", n.config.display_phone_number},
                                 {"qualityRating", n.config.quality}});
  }
  js::value account = js::parse(account_members());
  account.as_object()["phoneNumbers"] = std::move(numbers);
  return json_response(js::serialize(js::object{{"account", std::move(account)}}));
}

}  // namespace posthorn::sandbox
