// A simulated Meta: Graph endpoints, phones that read and answer, signed webhooks, limits, faults, and a
// ledger of what really happened. The judge of every send test; it shares no wire code with channels/.
//
// The same object serves as `posthorn sandbox` (handle() behind an HttpServer on TCP), inside `serve
// --sandbox` and tests, and inside the simulator (simulated ports). Single-threaded: everything happens on
// `executor`.
//
//   Sandbox meta(default_config(), clock, random, http_client, executor);
//   HttpServer server(std::move(listener), clock, executor, [&](HttpExchange& x) { return meta.handle(x); });
//   meta.start(); server.start();
//
// Graph base URL for the product: "http://127.0.0.1:<port>"; any "/vNN.N" prefix is accepted, or none.
// Control API: /sandbox/… (docs/sandbox.md lists it).
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/secret.h"
#include "platform/clock.h"
#include "platform/http_client.h"
#include "platform/http_server.h"
#include "platform/random.h"
#include "sandbox/chaos.h"
#include "sandbox/config.h"
#include "sandbox/ledger.h"
#include "sandbox/limits.h"
#include "sandbox/phones.h"

namespace posthorn::sandbox {

class AwsCloud;

struct WebhookStats {
  std::uint64_t updates = 0;       // statuses, messages and events due so far
  std::uint64_t dropped = 0;       // lost on purpose
  std::uint64_t duplicated = 0;    // sent twice on purpose
  std::uint64_t posts = 0;         // attempts
  std::uint64_t acknowledged = 0;  // updates whose POST got 200
  std::uint64_t failed_posts = 0;  // attempts without a 200
  std::uint64_t given_up = 0;      // updates dropped after give_up_after
  std::uint64_t waiting = 0;       // updates queued, in flight or waiting for a retry
};

class Sandbox {
 public:
  Sandbox(SandboxConfig config, Clock& clock, Random& random, HttpClient& client, Executor executor);
  ~Sandbox();  // as stop()
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  void start();  // begins to deliver messages and webhooks
  void stop();   // no more deliveries and webhooks; running POSTs end by themselves. Touches no port

  // Answers one request of the Graph API or the control API. Mountable on any HttpServer.
  Task<> handle(HttpExchange& exchange);

  // Where webhooks go, at once and without the verification GET.
  void set_callback(std::string url);
  // With Meta's verification: GET hub.challenge must be echoed. failed: the callback stays as it was.
  Task<Result<>> subscribe(std::string url, Secret verify_token);
  // A second app secret to sign with from now on (rotation).
  void set_app_secret(Secret secret);

  // --- the judge ---
  Ledger& ledger();
  const PaceRecord& pace(std::string_view phone_number_id) const;  // throws std::out_of_range for unknown ids
  Limits& limits();
  WebhookStats webhook_stats() const;
  std::uint64_t requests() const;  // calls of POST /messages, whatever came of them
  std::uint64_t duplicates_by_token() const {
    return const_cast<Sandbox*>(this)->ledger().totals().duplicate_tokens;
  }
  bool idle() const;                             // no delivery and no webhook is outstanding
  std::string message_name(MessageId id) const;  // "wamid.…"

  // --- the strings the tests pull ---
  Chaos& chaos();
  AwsCloud& cloud();  // Amazon's side: sandbox/aws_cloud.h
  Phones& phones();
  const SandboxConfig& config() const;
  void reset();          // ledger, records, chaos, overrides, queued deliveries; fixtures as configured
  void expire_tokens();  // every call answers 190 until restore_tokens()
  void expire_tokens_after(std::int64_t calls);
  void restore_tokens();
  void add_token(Secret token);
  void release_held(bool deliver);  // false: each fails with 132015
  // A message from the user of `phone` to the business: an object with "type" and the member of that name
  // ({"type":"text","text":{"body":"STOP"}}), or one of the short forms in docs/sandbox.md
  // ({"type":"text","text":"STOP"}, {"type":"image"}, {"type":"tap"}). Returns its id.
  Result<std::string> send_from_phone(std::uint64_t phone, std::string_view json_body,
                                      std::string_view number_id = {});
  // The same for a person on Instagram or Messenger. account: id, username or flavour.
  Result<std::string> send_from_user(std::string_view account, std::string_view user,
                                     std::string_view json_body);
  // The webhook of any WhatsApp field: {"value":{…}} as it is, or {"event"} of the table in
  // account_events.cpp.
  Result<> emit_event(std::string_view field, std::string_view json_body, std::string_view number_id = {});
  void set_marketing_preference(std::uint64_t phone, bool stopped);  // user_preferences webhook

  // Changes on Meta's side with the webhook that announces them; not_found for unknown names.
  Result<> set_template_status(std::string_view name, std::string_view language, std::string_view status,
                               std::string_view reason = "NONE");
  Result<> set_template_category(std::string_view name, std::string_view language, std::string_view category);
  Result<> set_template_quality(std::string_view name, std::string_view language, std::string_view quality);
  Result<> put_template(std::string_view graph_json);  // adds or replaces, APPROVED unless it says otherwise
  Result<> set_number_quality(std::string_view number_id, std::string_view quality);
  // 131057 for `maintenance`, then the new throughput and its webhook.
  Result<> upgrade_throughput(std::string_view number_id, int messages_per_second, Duration maintenance);
  void restrict_account(bool restricted);  // 131031 and the account_update webhook

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace posthorn::sandbox
