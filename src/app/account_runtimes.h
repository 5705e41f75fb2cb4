// Everything that runs for the sending numbers: Graph client, channel and dispatcher of each.
#pragma once
#include <map>
#include <memory>
#include <vector>

#include "actions/account_runtime.h"
#include "messaging/accounts.h"
#include "messaging/dispatcher.h"
#include "messaging/whatsapp_channel.h"

namespace posthorn {

struct AccountRuntimesPorts {
  Database& database;
  HttpClient& http;
  Clock& clock;
  Random& random;
  Log& log;
  Metrics& metrics;
  const SecretBox& secrets;
  WamidIndex& wamids;
  WebhookProof& proof;
  MessagingObserver& observer;
  Executor executor;
};

class AccountRuntimes final : public AccountRuntime {
 public:
  AccountRuntimes(AccountRuntimesPorts ports, whatsapp::GraphConfig graph, Secret app_secret,
                  Secret token_key, DispatcherOptions options);
  ~AccountRuntimes() override;

  Task<Result<>> start();                       // every account of the database; after recover_sends()
  Task<> stop(Duration timeout);                // all at once
  Dispatcher* dispatcher(AccountId id);         // nullptr if not known
  whatsapp::GraphClient* client(AccountId id);  // nullptr if not known

  Result<whatsapp::GraphClient*> graph(const Account& account) override;
  Result<std::unique_ptr<whatsapp::GraphClient>> graph_with(Secret token) override;
  Task<Result<>> refresh(AccountId id) override;
  void wake(AccountId id) override;
  std::optional<RateView> rate(AccountId id) const override;

 private:
  struct Line;   // one token's client and channel
  class Switch;  // the channel the dispatcher sees; its line changes with the token
  struct Running;
  Result<> put_up(const Account& account);

  AccountRuntimesPorts ports_;
  whatsapp::GraphConfig graph_;
  Secret app_secret_, token_key_;
  DispatcherOptions options_;
  std::vector<std::unique_ptr<Line>>
      lines_;  // also those of former tokens: calls may still be under way on them
  std::map<AccountId, std::unique_ptr<Running>> running_;
};

}  // namespace posthorn
