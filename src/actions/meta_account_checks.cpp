#include "actions/meta_account_checks.h"

#include <algorithm>

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include "actions/account_runtime.h"
#include "actions/question.h"

namespace posthorn {
namespace {

Check fine(std::string name, std::string finding) {
  return {.name = std::move(name), .health = Health::ok, .finding = std::move(finding)};
}

Check failure(std::string name, std::string finding, std::string next_step) {
  return {.name = std::move(name),
          .health = Health::failure,
          .finding = std::move(finding),
          .next_step = std::move(next_step)};
}

Check check_identity(const std::string& prefix, const Account& account,
                     const Result<meta_messaging::Identity>& identity) {
  const std::string renew = "log in again at Meta and store the new token with set_channel_token";
  if (!identity) return failure(prefix + "token", identity.error().message, renew);
  if (identity->account_id != account.sender_id)
    return failure(prefix + "token", fmt::format("the token belongs to account {}", identity->account_id),
                   renew);
  const std::string who = identity->username.empty() ? identity->name : "@" + identity->username;
  return fine(prefix + "token", fmt::format("valid, for {}", who));
}

Check check_subscription(const std::string& prefix, channels::Channel channel,
                         const Result<std::vector<meta_messaging::Subscription>>& apps) {
  const auto name = prefix + "webhooks";
  const std::string next = "add the account again, or subscribe the app to it in Meta's dashboard";
  if (!apps) return failure(name, apps.error().message, next);
  if (apps->empty()) return failure(name, "no app is subscribed to this account: nothing will arrive", next);
  std::vector<std::string> missing;
  for (const std::string& wanted : meta_messaging::wanted_fields(channel)) {
    const bool there = std::ranges::any_of(
        *apps, [&](const auto& app) { return std::ranges::find(app.fields, wanted) != app.fields.end(); });
    if (!there) missing.push_back(wanted);
  }
  if (missing.empty()) return fine(name, "subscribed");
  Check check = failure(name, fmt::format("not subscribed: {}", fmt::join(missing, ", ")), next);
  check.health = Health::warning;
  return check;
}

}  // namespace

Task<std::vector<Check>> check_meta_account(Services& services, Account account) {
  std::vector<Check> out;
  const auto prefix = account.name + ": ";
  const auto client = services.accounts->meta(account);
  if (!client) {
    out.push_back(
        failure(prefix + "token", client.error().message, "store the token again with set_channel_token"));
    co_return out;
  }
  const auto executor = co_await asio::this_coro::executor;
  Question<meta_messaging::Identity> who(executor, *services.clock, kCheckLimit, (*client)->identity());
  Question<std::vector<meta_messaging::Subscription>> apps(executor, *services.clock, kCheckLimit,
                                                           (*client)->subscriptions());
  const auto identity = co_await who.answer();
  if (!identity && (identity.error().code == ErrorCode::unavailable ||
                    identity.error().code == ErrorCode::deadline_exceeded)) {
    out.push_back(
        failure(prefix + "connection", identity.error().message, "check network, firewall and proxy"));
    co_return out;
  }
  out.push_back(check_identity(prefix, account, identity));
  out.push_back(check_subscription(prefix, channel_of(account), co_await apps.answer()));
  co_return out;
}

}  // namespace posthorn
