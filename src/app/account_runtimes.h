// Everything that runs for our accounts: client, channel and dispatcher of each.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "actions/account_runtime.h"
#include "messaging/accounts.h"
#include "messaging/dispatcher.h"
#include "messaging/whatsapp_channel.h"

namespace posthorn {

namespace aws {
class EumClient;
}

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
  std::function<aws::EumClient*()> social = {};  // of AWS End User Messaging Social; nullptr: not configured
};

// How Meta's API is reached, whatever the account.
struct MetaAccess {
  whatsapp::GraphConfig graph;
  std::string instagram_url;  // of Instagram Login's host
  Secret app_secret;          // of the app behind the Graph API
};

class AccountRuntimes final : public AccountRuntime {
 public:
  AccountRuntimes(AccountRuntimesPorts ports, MetaAccess access, Secret token_key, DispatcherOptions options);
  ~AccountRuntimes() override;

  Task<Result<>> start();                // every account of the database; after recover_sends()
  Task<> stop(Duration timeout);         // all at once
  Dispatcher* dispatcher(AccountId id);  // nullptr if not known
  whatsapp::GraphClient* client(
      AccountId id);  // nullptr if not known, or not a WhatsApp number at the Graph API
  meta_messaging::MetaClient* meta_client(AccountId id);  // nullptr if not known, or a WhatsApp number

  Result<whatsapp::GraphClient*> graph(const Account& account) override;
  Result<std::unique_ptr<whatsapp::GraphClient>> graph_with(Secret token) override;
  Result<meta_messaging::MetaClient*> meta(const Account& account) override;
  Result<std::unique_ptr<meta_messaging::MetaClient>> meta_with(const Account& account,
                                                                Secret token) override;
  Task<Result<>> refresh(AccountId id) override;
  void wake(AccountId id) override;
  std::optional<RateView> rate(AccountId id) const override;

 private:
  struct Line;   // one token's client and channel
  class Switch;  // the channel the dispatcher sees; its line changes with the token
  struct Running;
  Result<> put_up(const Account& account);
  Result<std::unique_ptr<Line>> connect(const Account& account);
  Result<Line*> line_of(const Account& account);

  AccountRuntimesPorts ports_;
  MetaAccess access_;
  Secret token_key_;
  DispatcherOptions options_;
  std::vector<std::unique_ptr<Line>>
      lines_;  // also those of former tokens: calls may still be under way on them
  std::map<AccountId, std::unique_ptr<Running>> running_;
};

}  // namespace posthorn
