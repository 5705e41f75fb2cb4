// Port: the way to receivers of webhooks. One request, one attempt, no redirects.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "platform/address_range.h"
#include "platform/clock.h"
#include "platform/http.h"
#include "platform/http_client.h"
#include "platform/public_address.h"
#include "platform/stream.h"

namespace posthorn {

struct WebhookAnswer {
  int status = 0;  // HTTP status; 0: no answer, and `error` says why
  std::string error;
  std::string retry_after;  // the header as sent
  Duration took{};
};

class WebhookSender {
 public:
  virtual ~WebhookSender() = default;
  // invalid_argument (field "url"): it can never be a target, whatever its name leads to.
  virtual Result<> check(const std::string& url) const = 0;
  // POST of a JSON body. An answer of up to 64 KiB is read and forgotten.
  virtual Task<WebhookAnswer> post(std::string url, HttpHeaders headers, std::string body) = 0;
};

// Targets must be HTTPS and public, except those that the operator allows (webhooks_out.allowed_targets):
// host names, addresses, ranges. A name that leads into an allowed range is allowed.
class WebhookNetwork final : public Network {
 public:
  // invalid_argument: an entry with '/' is no range.
  static Result<std::unique_ptr<WebhookNetwork>> make(Network& inner, Clock& clock,
                                                      const std::vector<std::string>& allowed_targets);

  // Whether the endpoint may be private and without TLS, as far as its host tells without a look-up.
  bool allows(const std::string& host) const;
  bool has_ranges() const { return !ranges_.empty(); }
  const AddressPolicy& policy() const { return policy_; }

  Task<Result<std::unique_ptr<Stream>>> connect(Endpoint endpoint, Duration timeout) override;
  Task<Result<std::vector<std::string>>> resolve(std::string host, Duration timeout) override;
  Task<Result<std::unique_ptr<Stream>>> connect_to(std::string address, Endpoint endpoint,
                                                   Duration timeout) override;
  Result<std::unique_ptr<Listener>> listen(const std::string& address, std::uint16_t port) override;

 private:
  WebhookNetwork(Network& inner, Clock& clock);
  bool in_ranges(const std::string& address) const;

  Network& inner_;
  AddressPolicy policy_;
  std::unique_ptr<Network> guarded_;
  std::vector<std::string> names_;
  std::vector<AddressRange> ranges_;
};

class HttpWebhookSender final : public WebhookSender {
 public:
  // The network must outlive this. `timeout` covers one request after the connection stands.
  HttpWebhookSender(WebhookNetwork& network, Clock& clock, Executor executor, Duration timeout);
  Result<> check(const std::string& url) const override;
  Task<WebhookAnswer> post(std::string url, HttpHeaders headers, std::string body) override;

 private:
  WebhookNetwork& network_;
  Clock& clock_;
  Duration timeout_;
  HttpClient http_;
};

}  // namespace posthorn
