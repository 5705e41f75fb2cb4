// Certificates that sign SNS messages: fetched once, judged, kept.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "platform/async.h"
#include "platform/certificates.h"
#include "platform/clock.h"
#include "platform/log.h"
#include "platform/stream.h"

namespace posthorn::aws {

struct CertificateStoreOptions {
  Duration fetch_timeout = std::chrono::seconds(5);
  Duration keep = std::chrono::hours(24);            // then it is fetched again; Amazon changes certificates
  Duration failure_pause = std::chrono::seconds(5);  // a failure is the answer for so long
  int fetches_a_minute = 30;
  std::size_t capacity = 16;
};

class CertificateStore {
 public:
  struct Ports {
    Network& network;
    Clock& clock;
    Log& log;
    Executor executor;
  };
  CertificateStore(Ports ports, CertificateRoots roots, CertificateStoreOptions options);
  ~CertificateStore();

  // The certificate at `url` (checked by the caller), good for one of `names` at present. Concurrent callers
  // share one fetch. Errors are always `unavailable`: who asks may ask again. Redirects are not followed.
  Task<Result<std::shared_ptr<const SigningCertificate>>> get(std::string url,
                                                              std::vector<std::string> names);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace posthorn::aws
