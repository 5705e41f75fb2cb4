#include "sandbox/aws_cloud.h"

#include <algorithm>
#include <chrono>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/time_text.h"
#include "sandbox/aws_queue_json.h"
#include "sandbox/json_values.h"

namespace posthorn::sandbox {
namespace {

namespace js = boost::json;

constexpr std::string_view kQueueTarget = "AmazonSQS.";
constexpr std::string_view kCertificate = "/SimpleNotificationService-";
constexpr std::array<std::string_view, 5> kSigningNames = {"sns", "sqs", "social-messaging", "s3", "sts"};

// How each family of protocols words a refusal; in the order of AwsRefusal::Kind.
struct Wording {
  std::string_view query, json, s3;
  int status, s3_status;
};
constexpr std::array<Wording, kAwsRefusals> kWordings = {{
    {"MissingAuthenticationToken", "MissingAuthenticationTokenException", "AccessDenied", 403, 403},
    {"IncompleteSignature", "IncompleteSignatureException", "AuthorizationHeaderMalformed", 400, 400},
    {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", 403, 403},
    {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidToken", 403, 400},
    {"SignatureDoesNotMatch", "InvalidSignatureException", "RequestTimeTooSkewed", 403, 403},
    {"SignatureDoesNotMatch", "InvalidSignatureException", "SignatureDoesNotMatch", 403, 403},
    {"ExpiredToken", "ExpiredTokenException", "ExpiredToken", 403, 400},
}};

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

// The access key that a call names; empty: none.
std::string key_of(const HttpRequest& request) {
  const std::string_view header = request.headers.get("Authorization");
  constexpr std::string_view kCredential = "Credential=";
  const std::size_t at = header.find(kCredential);
  std::string scope = at == std::string_view::npos ? request.query("X-Amz-Credential")
                                                   : std::string(header.substr(at + kCredential.size()));
  return scope.substr(0, scope.find('/'));
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
      queue_(std::make_shared<AwsQueue>(world.config.aws, AwsQueue::Role::events, world.clock, world.dice)),
      dead_(std::make_shared<AwsQueue>(world.config.aws, AwsQueue::Role::dead_letters, world.clock,
                                       world.dice)),
      bucket_(world.config.aws.bucket),
      social_(world, sending, bucket_),
      tokens_(world.config.aws, world.clock, world.dice) {
  queue_->set_dead_letters(*dead_);
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
  dead_->stop();
}

void AwsCloud::reset() {
  topics_->clear();
  queue_->clear();
  dead_->clear();
  bucket_.clear();
  social_.clear();
  tokens_.clear();
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
  const WallTime now = world_.clock.wall_now();
  if (const IssuedKeys* keys = tokens_.find(key_of(request)); keys != nullptr) {
    if (keys->ends_at <= now)
      return std::unexpected(AwsRefusal{
          AwsRefusal::Kind::expired_token, "The security token included in the request is expired", {}, {}});
    const AwsGate gate{.access_key_id = keys->access_key_id,
                       .secret_access_key = keys->secret_access_key,
                       .session_token = keys->session_token,
                       .region = aws.region,
                       .service = std::string(kSigningNames.at(static_cast<std::size_t>(service))),
                       .clock_tolerance = aws.clock_tolerance};
    return check_aws_signature(gate, request, now);
  }
  const AwsGate gate{.access_key_id = aws.access_key_id,
                     .secret_access_key = aws.secret_access_key,
                     .session_token = aws.session_token,
                     .region = aws.region,
                     .service = std::string(kSigningNames.at(static_cast<std::size_t>(service))),
                     .clock_tolerance = aws.clock_tolerance};
  return check_aws_signature(gate, request, now);
}

HttpResponse AwsCloud::refuse(Service service, const AwsRefusal& refusal) {
  const auto kind = static_cast<std::size_t>(refusal.kind);
  ++refused_.at(kind);
  const Wording& words = kWordings.at(kind);
  if (service == Service::sns) return query_error(kSnsVersion, words.status, words.query, refusal.message);
  if (service == Service::sts) return query_error(kStsVersion, words.status, words.query, refusal.message);
  if (service == Service::sqs) return json_refusal(words.json, refusal.message, words.status);
  if (service == Service::social) return eum_error(words.status, words.json, refusal.message);
  std::string more;
  if (!refusal.string_to_sign.empty())
    more = fmt::format("<StringToSign>{}</StringToSign><CanonicalRequest>{}</CanonicalRequest>",
                       xml_escaped(refusal.string_to_sign), xml_escaped(refusal.canonical_request));
  return s3_error(words.s3_status, words.s3, refusal.message, more);
}

// Which service a call is for, by what it looks like.
AwsCloud::Service AwsCloud::service_of(const HttpRequest& request) const {
  const std::string_view path = request.path();
  if (path.starts_with("/v1/whatsapp/")) return Service::social;
  if (request.headers.has("X-Amz-Target")) return Service::sqs;
  if (path != "/" || request.method != "POST") return Service::s3;
  return AwsForm(request).value("Version") == kStsVersion ? Service::sts : Service::sns;
}

Task<Answer> AwsCloud::handle(HttpRequest request) {
  topics_->set_base_url(world_.base_url());
  Answer answer;
  const std::string_view path = request.path();
  if (path.starts_with(kCertificate) ||
      (path == "/" && request.method == "GET" && request.has_query("Action"))) {
    answer.response = path == "/" ? link(request) : certificate(request);
    co_return answer;
  }
  const Service service = service_of(request);
  const bool open = service == Service::sts && AwsTokens::unsigned_call(request);
  const AwsVerdict verdict = open ? AwsVerdict() : verify(request, service);
  const std::string date = http_date(world_.clock.wall_now());
  if (!verdict)
    answer.response = refuse(service, verdict.error());
  else if (service == Service::sqs)
    answer = co_await queue_call(std::move(request));
  else if (service == Service::sns)
    answer.response = topic_call(request);
  else if (service == Service::sts)
    answer.response = tokens_.call(request, key_of(request));
  else if (service == Service::social)
    answer = social_.call(request);
  else
    answer.response = bucket_.call(request, world_.clock.wall_now());
  answer.response.headers.set("Date", date);
  co_return answer;
}

// By the end of its URL: whoever calls may know the sandbox by another name.
std::shared_ptr<AwsQueue> AwsCloud::queue_at(std::string_view url) const {
  for (const auto& queue : {queue_, dead_})
    if (url.ends_with(queue->path())) return queue;
  return nullptr;
}

HttpResponse AwsCloud::queue_url(const js::value& body) const {
  const std::string name = text_of(body, "QueueName");
  for (const auto& queue : {queue_, dead_})
    if (!name.empty() && queue->path().ends_with("/" + name))
      return queue_json::answer(js::object{{"QueueUrl", world_.base_url() + queue->path()}});
  return queue_json::refusal("QueueDoesNotExist", "The specified queue does not exist.");
}

HttpResponse AwsCloud::list_queues() const {
  js::array urls;
  for (const auto& queue : {queue_, dead_}) urls.emplace_back(world_.base_url() + queue->path());
  return queue_json::answer(js::object{{"QueueUrls", std::move(urls)}});
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
  const std::shared_ptr<AwsQueue> queue = queue_at(text_of(body, "QueueUrl"));
  if (operation == "GetQueueUrl")
    answer.response = queue_url(body);
  else if (operation == "ListQueues")
    answer.response = list_queues();
  else if (queue == nullptr)
    answer.response = queue_json::refusal("QueueDoesNotExist", "The specified queue does not exist.");
  else
    answer.response = co_await AwsQueue::call(queue, std::move(operation), std::move(body));
  co_return answer;
}

// SubscribeURL and UnsubscribeURL work without a signature, as the real ones do.
HttpResponse AwsCloud::link(const HttpRequest& request) {
  const std::string action = request.query("Action");
  if (action == "ConfirmSubscription") {
    const Result<std::string> arn =
        topics_->confirm(request.query("TopicArn"), request.query("Token"), false, true);
    if (!arn) return query_error(kSnsVersion, arn.error());
    return query_answer(kSnsVersion, action, xml_element("SubscriptionArn", *arn));
  }
  const Result<> ended = topics_->end_by_link(request.query("SubscriptionArn"));
  return ended ? query_answer(kSnsVersion, action, "") : query_error(kSnsVersion, ended.error());
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
