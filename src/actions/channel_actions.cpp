// Sending numbers: adding, checking, new tokens.
#include <fmt/format.h>

#include "actions/account_facts.h"
#include "actions/account_runtime.h"
#include "actions/common.h"
#include "actions/doctor.h"
#include "actions/template_sync.h"
#include "actions/views.h"
#include "messaging/people_scope.h"
#include "platform/clock.h"
#include "platform/log.h"

namespace posthorn {
namespace {

constexpr const char* kCategory = "channels";

// The number as Meta sees it with this token: proves the token, the id and the permission at once.
Task<Result<whatsapp::PhoneNumberInfo>> ask_meta(ActionContext c, Secret token, std::string sender_id) {
  PH_CO_TRY_ASSIGN(auto graph, c.services->accounts->graph_with(std::move(token)));
  auto info = co_await graph->phone_number(sender_id);
  if (info) co_return info;
  auto error = info.error();
  error.message =
      fmt::format("Meta does not show the number {} with this token: {}", sender_id, error.message);
  error.field = error.code == ErrorCode::unauthenticated ? "token" : "phone_number_id";
  if (error.code == ErrorCode::unauthenticated)
    error.code = ErrorCode::invalid_argument;  // not the caller's own access
  co_return std::unexpected(std::move(error));
}

Task<Result<Account>> refresh_facts(ActionContext c, AccountId id, whatsapp::PhoneNumberInfo info) {
  auto write = [id, update = facts_of(info),
                now = c.services->clock->wall_now()](Transaction& tx) -> Result<Account> {
    PH_TRY(accounts::update(tx, id, update, now));
    return accounts::get(tx, id);
  };
  PH_CO_TRY_ASSIGN(auto account, co_await c.services->database->write(std::move(write)));
  PH_CO_TRY(co_await c.services->accounts->refresh(id));
  co_return account;
}

// Webhooks and templates: worth a warning, no reason to refuse the number.
Task<json::array> after_adding(ActionContext c, Account account) {
  json::array warnings;
  auto graph = c.services->accounts->graph(account);
  if (graph) {
    const auto subscribed = co_await (*graph)->subscribe_app(account.business_id);
    if (!subscribed)
      warnings.emplace_back(fmt::format("webhooks are not subscribed: {}", subscribed.error().message));
  }
  const auto synced = co_await sync_templates(*c.services, account);
  if (!synced) warnings.emplace_back(fmt::format("templates could not be read: {}", synced.error().message));
  co_return warnings;
}

Task<Result<json::value>> add(ActionContext c, Params p) {
  NewAccount fresh;
  fresh.name = p.text("name");
  fresh.business_id = p.text("business_id");
  fresh.sender_id = p.text("phone_number_id");
  const Secret token(p.text("token"));
  PH_CO_TRY_ASSIGN(auto info, co_await ask_meta(c, token, fresh.sender_id));
  fresh.sealed_token = accounts::seal_token(*c.services->secrets, fresh.sender_id, token);
  auto insert = [fresh, wanted = p.text("portfolio"),
                 now = c.services->clock->wall_now()](Transaction& tx) mutable -> Result<Account> {
    PH_TRY_ASSIGN(fresh.portfolio, people_scope::for_new_account(tx, fresh.business_id, wanted));
    return accounts::add(tx, fresh, now);
  };
  PH_CO_TRY_ASSIGN(const auto added, co_await c.services->database->write(std::move(insert)));
  PH_CO_TRY_ASSIGN(auto account, co_await refresh_facts(c, added.id, std::move(info)));
  auto out = view(account);
  out["warnings"] = co_await after_adding(c, std::move(account));
  co_return json::value(std::move(out));
}

Task<Result<>> replace_token(ActionContext c, AccountId id, std::string sealed) {
  auto write = [id, sealed = std::move(sealed),
                now = c.services->clock->wall_now()](Transaction& tx) -> Result<> {
    PH_TRY(accounts::replace_token(tx, id, sealed, now));
    return accounts::lift(tx, id, BlockKind::token, now);
  };
  co_return co_await c.services->database->write(std::move(write));
}

// Instagram accounts and Pages: the new token must belong to the same account.
Task<Result<json::value>> set_meta_token(ActionContext c, Account account, Secret token) {
  PH_CO_TRY_ASSIGN(auto client, c.services->accounts->meta_with(account, token));
  PH_CO_TRY_ASSIGN(const auto identity, co_await client->identity());
  if (identity.account_id != account.sender_id)
    co_return fail(
        ErrorCode::invalid_argument,
        fmt::format("the token belongs to account {}, not to {}", identity.account_id, account.sender_id),
        "token");
  PH_CO_TRY(co_await replace_token(c, account.id,
                                   accounts::seal_token(*c.services->secrets, account.sender_id, token)));
  PH_CO_TRY(co_await c.services->accounts->refresh(account.id));
  auto look = [id = account.id](Transaction& tx) { return accounts::get(tx, id); };
  PH_CO_TRY_ASSIGN(const auto fresh, co_await c.services->database->read(std::move(look)));
  co_return json::value(view(fresh));
}

Task<Result<json::value>> set_token(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(auto account, co_await find_account(c, p.text("account")));
  const Secret token(p.text("token"));
  if (channel_of(account) != channels::Channel::whatsapp)
    co_return co_await set_meta_token(c, account, token);
  PH_CO_TRY_ASSIGN(auto info, co_await ask_meta(c, token, account.sender_id));
  auto sealed = accounts::seal_token(*c.services->secrets, account.sender_id, token);
  PH_CO_TRY(co_await replace_token(c, account.id, std::move(sealed)));
  PH_CO_TRY_ASSIGN(auto fresh, co_await refresh_facts(c, account.id, std::move(info)));
  co_return json::value(view(fresh));
}

Task<Result<json::value>> unblock(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(auto account, co_await find_account(c, p.text("account")));
  auto write = [id = account.id, now = c.services->clock->wall_now()](Transaction& tx) -> Result<Account> {
    PH_TRY(accounts::unblock(tx, id, now));
    return accounts::get(tx, id);
  };
  PH_CO_TRY_ASSIGN(auto fresh, co_await c.services->database->write(std::move(write)));
  PH_CO_TRY(co_await c.services->accounts->refresh(account.id));
  co_return json::value(view(fresh));
}

Task<Result<json::value>> set_portfolio(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(const auto account, co_await find_account(c, p.text("account")));
  auto write = [account, portfolio = p.text("portfolio"), with_others = p.boolean("with_others"),
                now = c.services->clock->wall_now()](Transaction& tx) {
    return people_scope::move(tx, account, portfolio, with_others, now);
  };
  PH_CO_TRY_ASSIGN(const auto moved, co_await c.services->database->write(std::move(write)));
  for (const AccountId id : moved.accounts) {
    PH_CO_TRY(co_await c.services->accounts->refresh(id));
  }
  auto look = [id = account.id](Transaction& tx) { return accounts::get(tx, id); };
  PH_CO_TRY_ASSIGN(const auto fresh, co_await c.services->database->read(std::move(look)));
  auto out = view(fresh);
  out["channels_moved"] = moved.accounts.size();
  out["contacts_moved"] = moved.people;
  out["contacts_merged"] = moved.merged;
  co_return json::value(std::move(out));
}

Task<Result<json::value>> list(ActionContext c, Params) {
  auto look = [](Transaction& tx) { return accounts::list(tx); };
  PH_CO_TRY_ASSIGN(auto all, co_await c.services->database->read(std::move(look)));
  json::object out;
  out["channels"] = views(all);
  co_return json::value(std::move(out));
}

Task<Result<json::value>> check(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(auto account, co_await find_account(c, p.text("account")));
  auto found = co_await check_account(*c.services, account);
  if (found.number) {
    PH_CO_TRY_ASSIGN(account, co_await refresh_facts(c, account.id, *std::move(found.number)));
  }
  auto out = view(account);
  out["checks"] = views_of(found.checks);
  out["ok"] = all_well(found.checks);
  co_return json::value(std::move(out));
}

Action changing(std::string name, std::string summary, std::vector<Parameter> parameters,
                ActionHandler handler, json::object example) {
  return {.name = std::move(name),
          .category = kCategory,
          .role = Role::admin,
          .effect = Effect::mutates,
          .summary = std::move(summary),
          .parameters = std::move(parameters),
          .handler = handler,
          .example = std::move(example)};
}

}  // namespace

std::vector<Action> channel_actions() {
  const Parameter token = {.name = "token",
                           .need = Need::required,
                           .help = "access token of a system user; stored encrypted",
                           .min = 10,
                           .max = 1000,
                           .secret = true};
  const Parameter name = {.name = "name",
                          .need = Need::required,
                          .help = "what you call this number, such as shop",
                          .min = 1,
                          .max = 60};
  const Parameter business = {.name = "business_id",
                              .need = Need::required,
                              .help = "WhatsApp business account id (WABA)",
                              .min = 1,
                              .max = 40,
                              .aliases = {"waba_id", "metaWabaId"}};
  const Parameter number = {.name = "phone_number_id",
                            .need = Need::required,
                            .help = "Meta's id of the phone number, not the number itself",
                            .min = 1,
                            .max = 40,
                            .aliases = {"sender_id"}};
  return {
      changing("add_channel",
               "Adds a WhatsApp number: checks it at Meta, subscribes webhooks, reads its templates.",
               {name, business, number, token, portfolio_parameter()}, add,
               {{"name", "shop"},
                {"business_id", "102290129340398"},
                {"phone_number_id", "106540352242922"},
                {"token", "EAA-example-token"}}),
      {.name = "list_channels",
       .category = kCategory,
       .role = Role::viewer,
       .summary = "The sending numbers with quality, rate, tier, and why one may not send.",
       .handler = list},
      changing("check_channel", "Asks Meta about a number: token, permissions, webhooks, quality, rate.",
               {account_parameter()}, check, {}),
      changing("set_channel_token", "Replaces a number's access token and lets it send again.",
               {account_parameter(), token}, set_token,
               {{"account", "shop"}, {"token", "EAA-example-token"}}),
      changing(
          "set_channel_portfolio",
          "Puts a number's business account into a Meta business portfolio: all accounts of one portfolio "
          "share their contacts.",
          {account_parameter(),
           {.name = "portfolio",
            .need = Need::required,
            .help = "id of the Meta business portfolio; the business account's own id for none",
            .max = 64,
            .aliases = {"portfolio_id"}},
           {.name = "with_others",
            .type = ParameterType::boolean,
            .help = "also the other business accounts of the portfolio that is left",
            .fallback = false}},
          set_portfolio, {{"account", "shop"}, {"portfolio", "506914307656634"}}),
      changing("unblock_channel",
               "Lets a number send again after the reason was removed, whatever it was. By themselves a new "
               "token lifts only a block "
               "for the token, and Meta's word that a ban or a lost connection is over only that block.",
               {account_parameter()}, unblock, {{"account", "shop"}}),
  };
}

}  // namespace posthorn
