// Everything of AWS that the configuration asks for, in one object: for the composition root and the command
// line.
#pragma once
#include <memory>
#include <string>

#include "channels/aws/credentials.h"
#include "channels/aws/eum_client.h"
#include "channels/aws/s3_bucket.h"
#include "channels/aws/sns_client.h"
#include "channels/aws/sns_verifier.h"
#include "channels/aws/sqs_client.h"
#include "platform/config.h"

namespace posthorn::aws {

class Services {
 public:
  struct Ports {
    Network& network;              // the system's authorities
    Network& certificate_network;  // authorities of aws.sns_ca_file; `network` where none is set
    Clock& clock;
    Random& random;
    Files& files;
    Log& log;
    Executor executor;
    Credentials::Environment environment;  // environment_variable
  };
  // invalid_argument names the setting. Nothing is asked of AWS yet.
  static Result<std::unique_ptr<Services>> create(Ports ports, const Config::Aws& config);
  ~Services();
  void disconnect();  // gives up connections; before the network goes

  const std::string& region() const { return region_; }
  Credentials& credentials() { return *credentials_; }

  SnsVerifier& sns_verifier() { return *verifier_; }  // refuses everything while no topic is configured
  SnsClient& sns() { return *sns_; }
  // nullptr where the settings do not ask for it, or no Region is known.
  SqsQueue* queue() { return queue_.get(); }
  EumClient* social() { return social_.get(); }
  S3Bucket* media_bucket() { return bucket_.get(); }

 private:
  Services() = default;
  Result<> make_clients(const Ports& ports, const Config::Aws& config);

  std::string region_;
  std::unique_ptr<HttpClient> http_;
  std::unique_ptr<Credentials> credentials_;
  std::unique_ptr<SnsVerifier> verifier_;
  std::unique_ptr<AwsClient> social_calls_;
  std::unique_ptr<SnsClient> sns_;
  std::unique_ptr<EumClient> social_;
  std::unique_ptr<S3Bucket> bucket_;
  std::unique_ptr<SqsQueue> queue_;
};

// aws.region, else AWS_REGION, AWS_DEFAULT_REGION, the queue's, the first topic's; empty: not known.
std::string region_of(const Config::Aws& config, const Credentials::Environment& environment);

}  // namespace posthorn::aws
