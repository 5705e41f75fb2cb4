#include "channels/aws/sns_verifier.h"

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "channels/aws/certificate_store.h"

namespace posthorn::aws {
namespace {

std::unexpected<Error> disbelieve(std::string_view field, std::string what) {
  return fail(ErrorCode::permission_denied, std::move(what), std::string(field));
}

CertificateStoreOptions store_options(const SnsVerifierOptions& options) {
  CertificateStoreOptions out;
  out.fetch_timeout = options.fetch_timeout;
  out.fetches_a_minute = options.fetches_a_minute;
  return out;
}

// The newest so many, each as long as it could be replayed.
class SeenIds {
 public:
  bool contains(const std::string& id) const { return ids_.contains(id); }
  void add(const std::string& id, WallTime forget_at, std::size_t capacity) {
    if (!ids_.insert(id).second) return;
    order_.emplace_back(id, forget_at);
    if (order_.size() > capacity) drop_oldest();
  }
  void forget_before(WallTime now) {
    while (!order_.empty() && order_.front().second <= now) drop_oldest();
  }

 private:
  void drop_oldest() {
    ids_.erase(order_.front().first);
    order_.pop_front();
  }
  std::set<std::string> ids_;
  std::deque<std::pair<std::string, WallTime>> order_;
};

}  // namespace

struct SnsVerifier::Impl {
  Ports ports;
  SnsVerifierOptions options;
  CertificateStore certificates;
  SeenIds seen = {};

  Result<> check_topic(const std::string& arn) const {
    if (std::ranges::find(options.topics, arn) != options.topics.end()) return {};
    return disbelieve("TopicArn", "the topic is none of aws.sns_topics");
  }

  Result<> check_age(const SnsMessage& message) const {
    const Duration age = ports.clock.wall_now() - message.sent_at;
    if (age > options.max_age)
      return disbelieve("Timestamp", "the message is older than SNS retries: it was captured and sent again");
    if (age < -options.max_ahead)
      return disbelieve("Timestamp", "the message is of the future: check this machine's clock");
    return {};
  }

  Result<> check_version(const SnsMessage& message) const {
    if (message.signature_version != 1 || options.allow_version_1) return {};
    return disbelieve("SignatureVersion",
                      "signature version 1 is refused: set the topic's attribute SignatureVersion to 2 (or "
                      "aws.sns_signature_versions to 1,2)");
  }

  // Everything that can be decided without a certificate; the cheapest first.
  Result<SnsMessage> read(const std::string& body) const {
    PH_TRY_ASSIGN(const std::string arn, topic_of(body));
    PH_TRY(check_topic(arn));
    PH_TRY_ASSIGN(SnsMessage message, parse_sns_message(body));
    PH_TRY(check_age(message));
    PH_TRY(check_version(message));
    PH_TRY_ASSIGN(const TopicArn topic, parse_topic_arn(message.topic_arn));
    PH_TRY(check_certificate_url(message.signing_cert_url, topic, options.own_server));
    return message;
  }

  static Task<Result<SnsVerified>> verify(std::shared_ptr<Impl> self, std::string body) {
    PH_CO_TRY_ASSIGN(SnsMessage message, self->read(body));
    PH_CO_TRY_ASSIGN(const TopicArn topic, parse_topic_arn(message.topic_arn));
    std::vector<std::string> names = certificate_names(topic);
    PH_CO_TRY_ASSIGN(const std::shared_ptr<const SigningCertificate> certificate,
                     co_await self->certificates.get(message.signing_cert_url, std::move(names)));
    const SignatureHash hash = message.signature_version == 1 ? SignatureHash::sha1 : SignatureHash::sha256;
    if (!certificate->verifies(string_to_sign(message), message.signature, hash))
      co_return disbelieve("Signature", "the signature does not fit the message");
    self->seen.forget_before(self->ports.clock.wall_now());
    SnsVerified out;
    out.seen = self->seen.contains(message.message_id);
    out.message = std::move(message);
    co_return out;
  }
};

SnsVerifier::SnsVerifier(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
SnsVerifier::~SnsVerifier() = default;

Result<std::unique_ptr<SnsVerifier>> SnsVerifier::create(Ports ports, SnsVerifierOptions options) {
  for (const std::string& arn : options.topics) {
    if (!parse_topic_arn(arn))
      return fail(
          ErrorCode::invalid_argument,
          fmt::format("'{}' in aws.sns_topics must look like arn:aws:sns:eu-central-1:123456789012:name",
                      arn),
          "aws.sns_topics");
  }
  Result<CertificateRoots> roots = CertificateRoots::load(options.ca_file);
  if (!roots) return fail(roots.error().code, "aws.sns_ca_file: " + roots.error().message, "aws.sns_ca_file");
  CertificateStore::Ports store_ports{
      .network = ports.network, .clock = ports.clock, .log = ports.log, .executor = ports.executor};
  CertificateStore store(std::move(store_ports), *std::move(roots), store_options(options));
  auto impl = std::make_shared<Impl>(
      Impl{.ports = std::move(ports), .options = std::move(options), .certificates = std::move(store)});
  return std::unique_ptr<SnsVerifier>(new SnsVerifier(std::move(impl)));
}

Task<Result<SnsVerified>> SnsVerifier::verify(std::string body) {
  return Impl::verify(impl_, std::move(body));
}

void SnsVerifier::remember(const SnsMessage& message) {
  impl_->seen.add(message.message_id, message.sent_at + impl_->options.max_age, impl_->options.remembered);
}

}  // namespace posthorn::aws
