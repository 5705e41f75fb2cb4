// Decides whether a message that came over HTTP is what SNS sent for one of our topics.
//
// A signature alone proves nothing: anybody at AWS can have his own topic's messages signed. So the topic is
// looked at first, then age, signature version, where the certificate is kept, who vouches for it, and the
// signature.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "channels/aws/sns_message.h"
#include "core/result.h"
#include "core/time.h"
#include "platform/async.h"
#include "platform/clock.h"
#include "platform/log.h"
#include "platform/stream.h"

namespace posthorn::aws {

struct SnsVerifierOptions {
  std::vector<std::string> topics;  // ARNs that may speak; empty: nobody
  bool allow_version_1 = false;     // SHA-1
  std::string own_server;           // scheme, host and port of a stand-in for SNS; empty: only Amazon's hosts
  std::string ca_file;              // PEM; empty: the system's authorities
  // SNS retries for an hour at most and keeps the Timestamp of the publication; what is older was captured.
  // What waited in a dead-letter queue comes back through SQS, where no age counts.
  Duration max_age = std::chrono::minutes(70);
  Duration max_ahead = std::chrono::minutes(15);     // clocks differ
  std::size_t remembered = 100'000;                  // MessageIds, against replays within max_age
  Duration fetch_timeout = std::chrono::seconds(5);  // for each connection and each answer; SNS waits 15 s
  int fetches_a_minute = 30;                         // of certificates, whatever is asked
};

struct SnsVerified {
  SnsMessage message;
  bool seen = false;  // taken in before: acknowledge it and do nothing
};

class SnsVerifier {
 public:
  struct Ports {
    Network& network;  // trusts `ca_file` for TLS, too
    Clock& clock;
    Log& log;
    Executor executor;
  };
  // invalid_argument: the CA file cannot be read, or a topic is no ARN.
  static Result<std::unique_ptr<SnsVerifier>> create(Ports ports, SnsVerifierOptions options);
  ~SnsVerifier();

  // invalid_argument: no SNS message; permission_denied: not to be believed; unavailable: the certificate
  // cannot be had or judged now, SNS should come again. Many may run at once and share one fetch of a
  // certificate.
  Task<Result<SnsVerified>> verify(std::string body);

  // After the message was taken in durably. What a restart forgets is harmless: whoever applies the events
  // knows them by their own ids.
  void remember(const SnsMessage& message);

 private:
  struct Impl;
  explicit SnsVerifier(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace posthorn::aws
