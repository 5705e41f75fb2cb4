// /webhooks/whatsapp: Meta's verification and its webhooks. Order: size → signature over the raw bytes →
// durable → 200.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "api/router.h"
#include "channels/whatsapp/webhook.h"
#include "core/ids.h"
#include "core/secret.h"
#include "platform/http_server.h"
#include "platform/log.h"
#include "platform/metrics.h"

namespace posthorn {

struct WebhookOptions {
  std::vector<Secret> app_secrets;  // two at once while one is being replaced
  Secret verify_token;
};

class WebhookRoutes {
 public:
  // Commits the body and returns; Intake::accept().
  using Accept = std::function<Task<Result<JournalId>>(std::string body, std::string source)>;

  WebhookRoutes(WebhookOptions options, Accept accept, Log& log, Metrics& metrics);
  void add_to(Router& router);

 private:
  Task<> challenge(HttpExchange& exchange);
  Task<> receive(HttpExchange& exchange);
  Task<int> take_in(HttpExchange& exchange);

  WebhookOptions options_;
  whatsapp::SignatureVerifier verifier_;
  Accept accept_;
  Log& log_;
  Metrics& metrics_;
  Counter& received_;
  Counter& refused_;
  Counter& unsaved_;
};

}  // namespace posthorn
