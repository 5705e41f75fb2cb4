#include "actions/doctor.h"

#include <algorithm>
#include <iterator>

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include "actions/account_runtime.h"
#include "actions/meta_account_checks.h"
#include "actions/question.h"
#include "messaging/conservation.h"
#include "platform/clock.h"
#include "platform/files.h"
#include "storage/database.h"

namespace posthorn {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;
constexpr std::uint64_t kDiskFailure = 128 * kMiB;
constexpr std::uint64_t kDiskWarning = 1024 * kMiB;
constexpr Duration kSkewLimit = std::chrono::seconds(5);  // invariant I27
// Reading every page of a large database takes its time and is no sign of anything broken.
constexpr Duration kReadingLimit = std::chrono::seconds(20);
constexpr const char* kScopes[] = {"whatsapp_business_messaging", "whatsapp_business_management"};

Check fine(std::string name, std::string finding) {
  return {.name = std::move(name), .health = Health::ok, .finding = std::move(finding)};
}

Check bad(Health health, std::string name, std::string finding, std::string next_step) {
  return {.name = std::move(name),
          .health = health,
          .finding = std::move(finding),
          .next_step = std::move(next_step)};
}

Task<Result<Check>> check_disk(Services& s) {
  const auto free = co_await s.files->free_bytes(s.facts.data_folder);
  if (!free)
    co_return bad(Health::failure, "disk space", free.error().message,
                  "check the data folder and its permissions");
  const auto words = fmt::format("{} MiB free in {}", *free / kMiB, s.facts.data_folder);
  if (*free < kDiskFailure)
    co_return bad(Health::failure, "disk space", words, "make room: sending stops when the disk is full");
  if (*free < kDiskWarning)
    co_return bad(Health::warning, "disk space", words, "make room before large broadcasts");
  co_return fine("disk space", words);
}

Task<Result<Check>> check_integrity(Services& s) {
  const auto checked = co_await s.check_database();
  if (!checked)
    co_return bad(Health::failure, "database", checked.error().message,
                  "stop the server and restore the last backup");
  co_return fine("database", "every page reads well");
}

Task<Result<Check>> check_counters(Services& s) {
  auto look = [](Transaction& tx) { return check_conservation(tx); };
  const auto problems = co_await s.database->read(std::move(look));
  if (!problems)
    co_return bad(Health::failure, "counters", problems.error().message, "look at the log for the cause");
  if (problems->empty()) co_return fine("counters", "every recipient is accounted for");
  co_return bad(Health::failure, "counters",
                fmt::format("{} (and {} more)", problems->front(), problems->size() - 1),
                "keep a backup and report this with the output of doctor --json");
}

Check check_webhook_setup(const ServerFacts& facts) {
  if (!facts.app_secret_configured) {
    return bad(Health::failure, "webhook signature",
               "no app secret is configured: every webhook is refused, and no status arrives",
               "set whatsapp.app_secret (POSTHORN_WHATSAPP_APP_SECRET) to the App Secret of your Meta app");
  }
  if (facts.public_url.empty()) {
    return bad(Health::warning, "webhook address", "http.public_url is not set",
               "set it to the https address under which Meta reaches this server, and enter "
               "<address>/webhooks/meta at Meta");
  }
  return fine("webhook address", facts.public_url + "/webhooks/meta");
}

Check check_number(const std::string& prefix, const Result<whatsapp::PhoneNumberInfo>& info) {
  const auto name = prefix + "number";
  if (!info)
    return bad(Health::failure, name, info.error().message,
               "check the phone number id and that the token may use it");
  const auto words = fmt::format("{} “{}”: {}, quality {}, {} messages/s", info->display_phone_number,
                                 info->verified_name, info->status.empty() ? "status unknown" : info->status,
                                 info->quality_rating, info->throughput());
  if (!info->status.empty() && info->status != "CONNECTED")
    return bad(Health::failure, name, words, "connect the number in WhatsApp Manager");
  if (info->quality_rating == "RED")
    return bad(Health::warning, name, words, "send fewer, better expected messages until quality recovers");
  return fine(name, words);
}

Check check_token(const std::string& prefix, const Result<whatsapp::TokenInfo>& token, WallTime now) {
  const auto name = prefix + "token";
  const std::string renew =
      "make a new token for a system user and store it with set_channel_token (posthorn channel token)";
  if (!token) return bad(Health::failure, name, token.error().message, renew);
  if (!token->valid) return bad(Health::failure, name, "Meta says the token is not valid", renew);
  for (const char* scope : kScopes) {
    if (std::ranges::find(token->scopes, scope) == token->scopes.end())
      return bad(Health::failure, name, fmt::format("the token lacks the permission {}", scope), renew);
  }
  if (token->expires_at && *token->expires_at < now + std::chrono::days(7))
    return bad(Health::warning, name, "the token expires within a week", renew);
  return fine(name, token->expires_at ? "valid, with the permissions it needs"
                                      : "valid, never expires, with the permissions it needs");
}

Check check_skew(const std::string& prefix, std::optional<Duration> skew) {
  const auto name = prefix + "clock";
  if (!skew)
    return bad(Health::warning, name, "Meta's clock could not be read", "check the connection to Meta");
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*skew).count();
  if (std::chrono::abs(*skew) > kSkewLimit)
    return bad(Health::failure, name,
               fmt::format("this machine's clock differs from Meta's by {} s", seconds),
               "turn on time synchronisation (NTP)");
  return fine(name, "agrees with Meta's");
}

Check check_subscription(const std::string& prefix,
                         const Result<std::vector<whatsapp::SubscribedApp>>& apps) {
  const auto name = prefix + "webhooks";
  const std::string next =
      "run check_channel again after subscribing the app to the business account, or add the channel again";
  if (!apps) return bad(Health::failure, name, apps.error().message, next);
  if (apps->empty())
    return bad(Health::failure, name, "no app is subscribed to this business account: no status will arrive",
               next);
  std::vector<std::string> names;
  for (const auto& app : *apps) names.push_back(app.name.empty() ? app.id : app.name);
  return fine(name, fmt::format("subscribed: {}", fmt::join(names, ", ")));
}

// A check that did not end: `health` says what that means for what was looked at.
Check found(Result<Check> check, Health health, std::string name, std::string next_step) {
  if (check) return *std::move(check);
  return bad(health, std::move(name), check.error().message, std::move(next_step));
}

Check unfinished(std::string name, const Error& error) {
  return bad(Health::failure, std::move(name), error.message,
             "look at the server's log, then run doctor again");
}

bool unreachable(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::deadline_exceeded;
}

// All questions at once: a Graph that hangs costs one limit, not one each.
Task<> check_number_at_meta(Services& services, const Account& account, whatsapp::GraphClient& graph,
                            AccountChecks& out) {
  const auto executor = co_await asio::this_coro::executor;
  const auto prefix = account.name + ": ";
  Clock& clock = *services.clock;
  Question<whatsapp::PhoneNumberInfo> number(executor, clock, kCheckLimit,
                                             graph.phone_number(account.sender_id));
  Question<whatsapp::TokenInfo> token(executor, clock, kCheckLimit, graph.inspect_token());
  Question<std::vector<whatsapp::SubscribedApp>> apps(executor, clock, kCheckLimit,
                                                      graph.subscribed_apps(account.business_id));
  const auto info = co_await number.answer();
  if (!info && unreachable(info.error())) {
    out.checks.push_back(
        bad(Health::failure, prefix + "connection",
            fmt::format("{} cannot be reached: {}", services.facts.graph_url, info.error().message),
            "check network, firewall and proxy"));
    co_return;
  }
  out.checks.push_back(fine(prefix + "connection", services.facts.graph_url + " answers"));
  out.checks.push_back(check_token(prefix, co_await token.answer(), clock.wall_now()));
  out.checks.push_back(check_number(prefix, info));
  out.checks.push_back(check_subscription(prefix, co_await apps.answer()));
  out.checks.push_back(check_skew(prefix, graph.clock_skew()));
  if (info) out.number = *info;
}

Task<Result<std::vector<Check>>> server_checks(Services& services) {
  co_return co_await check_server(services);
}

Task<Result<AccountChecks>> account_checks(Services& services, Account account) {
  co_return co_await check_account(services, std::move(account));
}

constexpr std::string_view health_word(Health health) {
  switch (health) {
    case Health::ok:
      return "ok";
    case Health::warning:
      return "warning";
    case Health::failure:
      return "failure";
  }
  return "failure";
}

}  // namespace

json::array views_of(const std::vector<Check>& checks) {
  json::array out;
  for (const auto& check : checks) {
    json::object one;
    one["name"] = check.name;
    one["health"] = health_word(check.health);
    one["finding"] = check.finding;
    one["next_step"] = check.next_step;
    out.emplace_back(std::move(one));
  }
  return out;
}

bool all_well(const std::vector<Check>& checks) {
  return std::ranges::none_of(checks, [](const Check& c) { return c.health == Health::failure; });
}

Task<std::vector<Check>> check_server(Services& services) {
  const auto executor = co_await asio::this_coro::executor;
  Question<Check> disk(executor, *services.clock, kCheckLimit, check_disk(services));
  Question<Check> integrity(executor, *services.clock, kReadingLimit, check_integrity(services));
  Question<Check> counters(executor, *services.clock, kReadingLimit, check_counters(services));
  const std::string patience =
      "a large database takes longer: check a copy of it with posthorn backup and posthorn restore --verify";
  std::vector<Check> out;
  out.push_back(found(co_await disk.answer(), Health::failure, "disk space",
                      "check whether the disk of the data folder still works"));
  out.push_back(found(co_await integrity.answer(), Health::warning, "database", patience));
  out.push_back(found(co_await counters.answer(), Health::warning, "counters", patience));
  out.push_back(check_webhook_setup(services.facts));
  co_return out;
}

Task<AccountChecks> check_account(Services& services, Account account) {
  AccountChecks out;
  const auto prefix = account.name + ": ";
  if (account.blocked())
    out.checks.push_back(bad(Health::failure, prefix + "sending", account.blocked_reason,
                             "remove the cause, then unblock_channel"));
  if (account.transport == "aws") {
    out.checks.push_back(
        fine(prefix + "transport", "linked through AWS End User Messaging Social; see docs/aws.md"));
    co_return out;
  }
  if (channel_of(account) != channels::Channel::whatsapp) {
    auto some = co_await check_meta_account(services, account);
    std::ranges::move(some, std::back_inserter(out.checks));
    co_return out;
  }
  const auto graph = services.accounts->graph(account);
  if (!graph) {
    out.checks.push_back(bad(Health::failure, prefix + "token", graph.error().message,
                             "store the token again with set_channel_token"));
    co_return out;
  }
  co_await check_number_at_meta(services, account, **graph, out);
  co_return out;
}

Task<std::vector<Check>> check_everything(Services& services) {
  const auto executor = co_await asio::this_coro::executor;
  Question<std::vector<Check>> server(executor, *services.clock, kReadingLimit + kCheckLimit,
                                      server_checks(services));
  auto look = [](Transaction& tx) { return accounts::list(tx); };
  Question<std::vector<Account>> list(executor, *services.clock, kCheckLimit,
                                      services.database->read(std::move(look)));
  const auto all = co_await list.answer();
  std::vector<Question<AccountChecks>> asked;
  for (const auto& account : all.value_or(std::vector<Account>()))
    asked.emplace_back(executor, *services.clock, 2 * kCheckLimit, account_checks(services, account));
  auto out = co_await server.answer();
  if (!out) co_return std::vector<Check>{unfinished("server", out.error())};
  if (!all) out->push_back(unfinished("channels", all.error()));
  if (all && all->empty())
    out->push_back(
        bad(Health::warning, "channels", "no number has been added yet", "add one: posthorn channel add"));
  for (std::size_t i = 0; i < asked.size(); ++i) {
    auto some = co_await asked[i].answer();
    if (!some) {
      out->push_back(unfinished((*all)[i].name, some.error()));
    } else {
      std::ranges::move(some->checks, std::back_inserter(*out));
    }
  }
  co_return *std::move(out);
}

}  // namespace posthorn
