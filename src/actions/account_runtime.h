// What runs for an account: its Graph client and its dispatcher. app/account_runtimes.h implements it.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "channels/meta_messaging/client.h"
#include "channels/whatsapp/graph_client.h"
#include "core/ids.h"
#include "core/result.h"
#include "core/secret.h"
#include "platform/async.h"

namespace posthorn {

struct Account;

struct RateView {
  int granted = 0;         // messages a second that Meta allows
  int current = 0;         // what is used after refusals
  std::size_t queued = 0;  // ready to leave
  std::size_t in_flight = 0;
};

class AccountRuntime {
 public:
  virtual ~AccountRuntime() = default;
  // The client of a WhatsApp number; lives as long as the runtime. data_loss when its token cannot be opened,
  // conflict for accounts of other channels and numbers linked through AWS.
  virtual Result<whatsapp::GraphClient*> graph(const Account& account) = 0;
  // The client of an Instagram account or Page. conflict for a WhatsApp number.
  virtual Result<meta_messaging::MetaClient*> meta(const Account& account) = 0;
  // A client for a token that is not stored yet; `account` tells channel, login and ids.
  virtual Result<std::unique_ptr<meta_messaging::MetaClient>> meta_with(const Account& account,
                                                                        Secret token) = 0;
  // A client for a token that is not stored yet.
  virtual Result<std::unique_ptr<whatsapp::GraphClient>> graph_with(Secret token) = 0;
  // The row was added or changed (token, rate, block): start or refresh what runs for it.
  virtual Task<Result<>> refresh(AccountId id) = 0;
  virtual void wake(AccountId id) = 0;  // a single send was queued
  virtual std::optional<RateView> rate(AccountId id) const = 0;
};

}  // namespace posthorn
