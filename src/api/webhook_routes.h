// /webhooks/meta (and /webhooks/whatsapp, /instagram, /messenger, which are the same): Meta's verification
// and its webhooks, whatever their object. Which secret Meta signs with depends on the flavour of the app:
// any of ours will do. Order: size → signature over the raw bytes → durable → 200.
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
  struct AppSecret {
    std::string name;  // for metrics: "whatsapp", "instagram_previous", …
    Secret secret;
  };
  std::vector<AppSecret>
      app_secrets;  // old and new at once while one is being replaced; empty ones are left out
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
  std::vector<Counter*> received_;  // one for each secret
  Counter& refused_;
  Counter& unsaved_;
};

}  // namespace posthorn
