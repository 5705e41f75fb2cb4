#include "channels/aws/services.h"

namespace posthorn::aws {
namespace {

Result<std::unique_ptr<SnsVerifier>> make_verifier(const Services::Ports& ports, const Config::Aws& config) {
  SnsVerifierOptions options;
  options.topics = config.sns_topics;
  options.allow_version_1 = config.sns_allow_signature_v1();
  options.own_server = config.sns_endpoint_url;
  if (options.own_server.ends_with('/')) options.own_server.pop_back();
  options.ca_file = config.sns_ca_file;
  SnsVerifier::Ports verifier_ports{.network = ports.certificate_network,
                                    .clock = ports.clock,
                                    .log = ports.log,
                                    .executor = ports.executor};
  return SnsVerifier::create(std::move(verifier_ports), std::move(options));
}

CredentialOptions credential_options(const Config::Aws& config, const std::string& region) {
  CredentialOptions options;
  options.access_key_id = config.access_key_id;
  options.secret_access_key = config.secret_access_key;
  options.session_token = config.session_token;
  options.profile = config.profile;
  options.region = region;
  options.sts_endpoint = config.sts_endpoint_url;
  return options;
}

}  // namespace

std::string region_of(const Config::Aws& config, const Credentials::Environment& environment) {
  if (!config.region.empty()) return config.region;
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (std::string region = environment(name).value_or(""); !region.empty()) return region;
  }
  if (std::string region = region_of_queue(config.sqs_queue_url); !region.empty()) return region;
  if (config.sns_topics.empty()) return {};
  const Result<TopicArn> topic = parse_topic_arn(config.sns_topics.front());
  return topic ? topic->region : std::string();
}

Services::~Services() = default;

void Services::disconnect() {
  if (queue_) queue_->close();
  http_.reset();
}

Result<std::unique_ptr<Services>> Services::create(Ports ports, const Config::Aws& config) {
  std::unique_ptr<Services> out(new Services());
  out->region_ = region_of(config, ports.environment);
  PH_TRY_ASSIGN(out->verifier_, make_verifier(ports, config));
  out->http_ = std::make_unique<HttpClient>(ports.network, ports.clock, ports.executor);
  Credentials::Ports sources{.http = *out->http_,
                             .clock = ports.clock,
                             .files = ports.files,
                             .log = ports.log,
                             .executor = ports.executor,
                             .environment = ports.environment};
  out->credentials_ =
      std::make_unique<Credentials>(std::move(sources), credential_options(config, out->region_));
  PH_TRY(out->make_clients(ports, config));
  return out;
}

Result<> Services::make_clients(const Ports& ports, const Config::Aws& config) {
  const AwsClient::Ports calls{
      .http = *http_, .clock = ports.clock, .random = ports.random, .credentials = *credentials_};
  sns_ = std::make_unique<SnsClient>(calls, config.sns_endpoint_url);
  if (!config.sqs_queue_url.empty()) {
    SqsQueue::Ports queue_ports{.network = ports.network,
                                .clock = ports.clock,
                                .random = ports.random,
                                .executor = ports.executor,
                                .credentials = *credentials_};
    PH_TRY_ASSIGN(queue_, SqsQueue::create(std::move(queue_ports), config.sqs_queue_url, region_,
                                           config.sqs_endpoint_url));
  }
  if (region_.empty()) return {};
  AwsService social{.signing_name = "social-messaging",
                    .region = region_,
                    .base_url = service_url("social-messaging", region_, config.social_endpoint_url)};
  PH_TRY_ASSIGN(social_calls_, AwsClient::create(calls, std::move(social)));
  social_ = std::make_unique<EumClient>(*social_calls_);
  if (!config.media_bucket.empty()) {
    PH_TRY_ASSIGN(bucket_, S3Bucket::create(calls, config.media_bucket, region_, config.s3_endpoint_url));
  }
  return {};
}

}  // namespace posthorn::aws
