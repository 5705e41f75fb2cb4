// An open load of HTTP requests from a thread of its own: each has its time, and what counts is the time from
// then until its answer, whether or not the server was ready for it.
#pragma once
#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/secret.h"
#include "platform/http_client.h"
#include "platform/real_clock.h"
#include "platform/real_network.h"
#include "platform/runtime.h"

namespace posthorn::bench {

// Sends every request at its time. `requests` must outlive it.
class Generator {
 public:
  Generator(const std::vector<std::string>& requests, Endpoint server, double per_second);
  ~Generator();
  bool done() const { return finished_.load() == requests_.size(); }
  std::vector<double>& latencies() { return latencies_; }  // milliseconds; after done()
  std::size_t failed() const { return failed_.load(); }
  double seconds() const { return took_; }

 private:
  Task<> connection();
  static Task<bool> exchange(Stream& stream, std::string_view request);

  const std::vector<std::string>& requests_;
  Endpoint server_;
  double interval_us_;
  std::vector<double> latencies_;
  std::size_t next_ = 0;
  int connected_ = 0;
  MonotonicTime began_{};
  double took_ = 0;
  std::atomic<std::size_t> finished_ = 0, failed_ = 0;
  Runtime runtime_;
  RealClock clock_{runtime_.executor()};
  RealNetwork network_{runtime_.executor()};
  std::thread thread_;
};

struct Measured {
  double p50 = 0, p99 = 0, worst = 0;  // milliseconds
  double rate = 0;                     // reached
  double lag_ms = 0;                   // from the last acknowledgement until everything was applied
  std::size_t failed = 0;
};
Measured summarise(Generator& generator);
// The same requests at the same rate on a server that only answers 200.
Measured measure_baseline(const std::vector<std::string>& requests, double per_second);

// A webhook of WhatsApp's as it comes over HTTP, signed with the sandbox's secret.
class WebhookSigner {
 public:
  WebhookSigner();
  ~WebhookSigner();
  std::string request(std::string_view body);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

Endpoint endpoint_of(const std::string& url);

}  // namespace posthorn::bench
