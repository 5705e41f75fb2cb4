#include "sandbox/aws_cloud.h"

#include <algorithm>
#include <chrono>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/time_text.h"
#include "sandbox/json_values.h"

namespace posthorn::sandbox {
namespace {

namespace js = boost::json;

constexpr std::string_view kSnsNamespace = "http://sns.amazonaws.com/doc/2010-03-31/";
constexpr std::string_view kQueueTarget = "AmazonSQS.";
constexpr std::string_view kCertificate = "/SimpleNotificationService-";
constexpr std::array<std::string_view, 4> kSigningNames = {"sns", "sqs", "social-messaging", "s3"};

// How each family of protocols words a refusal; in the order of AwsRefusal::Kind.
struct Wording {
  std::string_view query, json, s3;
  int status, s3_status;
};
constexpr std::array<Wording, 6> kWordings = {{
    {"MissingAuthenticationToken", "MissingAuthenticationTokenException", "AccessDenied", 403, 403},
    {"IncompleteSignature", "IncompleteSignatureException", "AuthorizationHeaderMalformed", 400, 400},
    {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", 403, 403},
    {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidToken", 403, 400},
    {"SignatureDoesNotMatch", "InvalidSignatureException", "RequestTimeTooSkewed", 403, 403},
    {"SignatureDoesNotMatch", "InvalidSignatureException", "SignatureDoesNotMatch", 403, 403},
}};

HttpResponse xml(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.headers.set("Content-Type", "text/xml");
  response.body = std::move(body);
  return response;
}

HttpResponse query_error(int status, std::string_view code, std::string_view message) {
  return xml(status,
             fmt::format("<ErrorResponse xmlns=\"{}\"><Error><Type>Sender</Type><Code>{}</Code><Message>{}"
                         "</Message></Error><RequestId>sandbox</RequestId></ErrorResponse>",
                         kSnsNamespace, code, xml_escaped(message)));
}

HttpResponse query_error(const Error& error) {
  if (error.code == ErrorCode::not_found) return query_error(404, "NotFound", error.message);
  if (error.code == ErrorCode::permission_denied)
    return query_error(403, "AuthorizationError", error.message);
  return query_error(400, "InvalidParameter", error.message);
}

HttpResponse query_answer(std::string_view action, std::string_view result) {
  return xml(200,
             fmt::format("<{0}Response xmlns=\"{1}\"><{0}Result>{2}</{0}Result><ResponseMetadata><RequestId>"
                         "sandbox</RequestId></ResponseMetadata></{0}Response>",
                         action, kSnsNamespace, result));
}

// One field of a form; the target of a request reads the same way.
std::string form_value(const HttpRequest& request, std::string_view name) {
  HttpRequest as_query;
  std::string form = request.body;
  std::ranges::replace(form, '+', ' ');
  as_query.target = "/?" + form;
  return as_query.query(name);
}

HttpResponse json_refusal(std::string_view code, std::string_view message, int status) {
  const js::object body{{"__type", fmt::format("com.amazon.coral.service#{}", code)}, {"message", message}};
  HttpResponse response = json_response(js::serialize(body), status);
  response.headers.set("Content-Type", "application/x-amz-json-1.0");
  return response;
}

// "Tue, 15 Nov 1994 08:12:31 GMT": clients with a wrong clock mend it by this.
std::string http_date(WallTime t) {
  constexpr std::string_view kDays = "SunMonTueWedThuFriSat",
                             kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date(day);
  return fmt::format("{}, {:02} {} {} {} GMT", kDays.substr(std::chrono::weekday(day).c_encoding() * 3, 3),
                     static_cast<unsigned>(date.day()),
                     kMonths.substr((static_cast<unsigned>(date.month()) - 1) * 3, 3),
                     static_cast<int>(date.year()), iso_time(t).substr(11, 8));
}

// {"object":…,"entry":[X]} → X
std::string only_entry(std::string_view webhook) {
  const std::size_t begin = webhook.find('[') + 1;
  return std::string(webhook.substr(begin, webhook.size() - begin - 2));
}

// The first phone number id in an entry or change; empty when it is about the account.
std::string number_in(std::string_view text) {
  constexpr std::string_view kName = R"("phone_number_id":")";
  const std::size_t at = text.find(kName);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = text.substr(at + kName.size());
  return std::string(rest.substr(0, rest.find('"')));
}

}  // namespace

AwsCloud::AwsCloud(World& world, SendRoute& sending, Webhooks& webhooks, HttpClient& http, Executor executor)
    : world_(world),
      queue_(std::make_shared<AwsQueue>(world.config.aws, world.clock, world.dice)),
      bucket_(world.config.aws.bucket),
      social_(world, sending, bucket_) {
  AwsTopics::Ports ports{
      .clock = world.clock, .dice = world.dice, .http = http, .executor = std::move(executor)};
  topics_ = std::make_shared<AwsTopics>(world.config.aws, std::move(ports),
                                        [this](std::string body) { queue_->put(std::move(body)); });
  webhooks.set_other_way([this](const Update& update) { return divert(update); });
}

void AwsCloud::stop() {
  stopped_ = true;
  topics_->stop();
  queue_->stop();
}

void AwsCloud::reset() {
  topics_->clear();
  queue_->clear();
  bucket_.clear();
  social_.clear();
  refused_ = {};
}

// What concerns no number in particular goes by AWS when all numbers do.
std::string AwsCloud::via_of(const Update& update) const {
  const std::vector<Number>& numbers = world_.numbers;
  if (update.kind != UpdateKind::change)
    return numbers.at(world_.ledger.at(update.message).number).config.via;
  const std::string id = number_in(*update.change);
  if (const Number* number = id.empty() ? nullptr : world_.find_number(id)) return number->config.via;
  const bool all = std::ranges::all_of(numbers, [](const Number& n) { return n.config.via == "aws"; });
  return all ? "aws" : "meta";
}

bool AwsCloud::divert(const Update& update) {
  if (update.stream != 0 || stopped_) return false;
  const std::string via = via_of(update);
  if (via == "meta") return false;
  std::ignore = publish_entry(only_entry(render_webhook(world_, {update})));
  return via == "aws";
}

Result<std::string> AwsCloud::publish_entry(std::string_view entry, SnsForm form, SnsAudience audience) {
  const AwsConfig& aws = world_.config.aws;
  topics_->set_base_url(world_.base_url());
  const std::string event = render_eum_event(aws, world_.config.waba_id, number_in(entry), entry,
                                             aws_uuid(world_.dice), world_.clock.wall_now());
  return topics_->publish(aws.topics.front(), event, form, audience);
}

bool AwsCloud::claims(const HttpRequest& request) const {
  const std::string_view path = request.path();
  if (request.headers.get("Authorization").starts_with("AWS4-") || request.has_query("X-Amz-Algorithm"))
    return true;
  if (path == "/" && request.method == "POST")
    return request.headers.has("X-Amz-Target") ||
           request.headers.get("Content-Type").starts_with("application/x-www-form-urlencoded");
  if (path == "/") return request.has_query("Action");
  const std::string_view bucket = world_.config.aws.bucket;
  const std::string_view rest = path.substr(std::min<std::size_t>(1, path.size()));
  const bool in_bucket =
      rest.starts_with(bucket) && (rest.size() == bucket.size() || rest[bucket.size()] == '/');
  return in_bucket || path.starts_with("/v1/whatsapp/") || path.starts_with(kCertificate);
}

AwsVerdict AwsCloud::verify(const HttpRequest& request, Service service) const {
  const AwsConfig& aws = world_.config.aws;
  const AwsGate gate{.access_key_id = aws.access_key_id,
                     .secret_access_key = aws.secret_access_key,
                     .session_token = aws.session_token,
                     .region = aws.region,
                     .service = std::string(kSigningNames.at(static_cast<std::size_t>(service))),
                     .clock_tolerance = aws.clock_tolerance};
  return check_aws_signature(gate, request, world_.clock.wall_now());
}

HttpResponse AwsCloud::refuse(Service service, const AwsRefusal& refusal) {
  const auto kind = static_cast<std::size_t>(refusal.kind);
  ++refused_.at(kind);
  const Wording& words = kWordings.at(kind);
  if (service == Service::sns) return query_error(words.status, words.query, refusal.message);
  if (service == Service::sqs) return json_refusal(words.json, refusal.message, words.status);
  if (service == Service::social) return eum_error(words.status, words.json, refusal.message);
  std::string more;
  if (!refusal.string_to_sign.empty())
    more = fmt::format("<StringToSign>{}</StringToSign><CanonicalRequest>{}</CanonicalRequest>",
                       xml_escaped(refusal.string_to_sign), xml_escaped(refusal.canonical_request));
  return s3_error(words.s3_status, words.s3, refusal.message, more);
}

Task<Answer> AwsCloud::handle(HttpRequest request) {
  topics_->set_base_url(world_.base_url());
  Answer answer;
  Service service = Service::s3;
  const std::string_view path = request.path();
  if (path.starts_with(kCertificate) ||
      (path == "/" && request.method == "GET" && request.has_query("Action"))) {
    answer.response = path == "/" ? link(request) : certificate(request);
    co_return answer;
  }
  if (path == "/") service = request.headers.has("X-Amz-Target") ? Service::sqs : Service::sns;
  if (path.starts_with("/v1/whatsapp/")) service = Service::social;
  const AwsVerdict verdict = verify(request, service);
  const std::string date = http_date(world_.clock.wall_now());
  if (!verdict)
    answer.response = refuse(service, verdict.error());
  else if (service == Service::sqs)
    answer = co_await queue_call(std::move(request));
  else if (service == Service::sns)
    answer.response = topic_call(request);
  else if (service == Service::social)
    answer = social_.call(request);
  else
    answer.response = bucket_.call(request, world_.clock.wall_now());
  answer.response.headers.set("Date", date);
  co_return answer;
}

Task<Answer> AwsCloud::queue_call(HttpRequest request) {
  Answer answer;
  const std::string target(request.headers.get("X-Amz-Target"));
  js::error_code ec;
  js::value body = js::parse(request.body, ec);
  const bool json = request.headers.get("Content-Type") == "application/x-amz-json-1.0";
  if (!target.starts_with(kQueueTarget) || !json || ec) {
    answer.response =
        json_refusal("UnknownOperationException", "the target or the body is not one of SQS", 404);
    co_return answer;
  }
  std::string operation = target.substr(kQueueTarget.size());
  answer.response = co_await AwsQueue::call(queue_, std::move(operation), std::move(body));
  co_return answer;
}

HttpResponse AwsCloud::topic_call(const HttpRequest& request) {
  const std::string action = form_value(request, "Action");
  if (form_value(request, "Version") != "2010-03-31")
    return query_error(400, "InvalidAction", "Version is not known");
  if (action == "ConfirmSubscription") {
    const bool guarded = form_value(request, "AuthenticateOnUnsubscribe") == "true";
    const Result<std::string> arn =
        topics_->confirm(form_value(request, "TopicArn"), form_value(request, "Token"), guarded, false);
    if (!arn) return query_error(arn.error());
    return query_answer(action, "<SubscriptionArn>" + xml_escaped(*arn) + "</SubscriptionArn>");
  }
  return query_error(400, "InvalidAction", "The sandbox does not know the action " + action);
}

// SubscribeURL and UnsubscribeURL work without a signature, as the real ones do.
HttpResponse AwsCloud::link(const HttpRequest& request) {
  const std::string action = request.query("Action");
  if (action == "ConfirmSubscription") {
    const Result<std::string> arn =
        topics_->confirm(request.query("TopicArn"), request.query("Token"), false, true);
    if (!arn) return query_error(arn.error());
    return query_answer(action, "<SubscriptionArn>" + xml_escaped(*arn) + "</SubscriptionArn>");
  }
  const Result<> ended = topics_->end_by_link(request.query("SubscriptionArn"));
  return ended ? query_answer(action, "") : query_error(ended.error());
}

HttpResponse AwsCloud::certificate(const HttpRequest& request) {
  const AwsAuthority& authority = topics_->authority();
  if (request.path() != authority.certificate_path())
    return s3_error(404, "NoSuchKey", "there is no such certificate");
  topics_->count_certificate();
  HttpResponse response;
  response.headers.set("Content-Type", "application/x-pem-file");
  response.body = authority.certificate_pem();
  return response;
}

}  // namespace posthorn::sandbox
