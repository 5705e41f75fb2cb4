// Adding Instagram accounts, Pages, and WhatsApp numbers that are linked to AWS.
#include <fmt/format.h>

#include "actions/account_runtime.h"
#include "actions/common.h"
#include "actions/meta_account_checks.h"
#include "actions/views.h"
#include "messaging/people_scope.h"
#include "platform/clock.h"
#include "platform/crypto.h"

namespace posthorn {
namespace {

// The account as Meta knows it by this token: proves token, id and permission at once.
Task<Result<meta_messaging::Identity>> ask_meta(ActionContext c, Account account, Secret token) {
  PH_CO_TRY_ASSIGN(auto client, c.services->accounts->meta_with(account, std::move(token)));
  auto identity = co_await client->identity();
  if (!identity) {
    auto error = identity.error();
    error.message = fmt::format("Meta does not show the account with this token: {}", error.message);
    error.field = "token";
    if (error.code == ErrorCode::unauthenticated)
      error.code = ErrorCode::invalid_argument;  // not the caller's access
    co_return std::unexpected(std::move(error));
  }
  if (identity->account_id != account.sender_id)
    co_return fail(ErrorCode::invalid_argument,
                   fmt::format("the token belongs to {} account {}, not to {}", account.channel,
                               identity->account_id.empty() ? "no" : identity->account_id, account.sender_id),
                   "account_id");
  co_return identity;
}

Task<Result<Account>> store(ActionContext c, NewAccount fresh) {
  auto insert = [fresh = std::move(fresh),
                 now = c.services->clock->wall_now()](Transaction& tx) mutable -> Result<Account> {
    if (fresh.channel == "whatsapp") {
      PH_TRY_ASSIGN(fresh.portfolio, people_scope::for_new_account(tx, fresh.business_id, fresh.portfolio));
    }
    return accounts::add(tx, fresh, now);
  };
  PH_CO_TRY_ASSIGN(auto account, co_await c.services->database->write(std::move(insert)));
  PH_CO_TRY(co_await c.services->accounts->refresh(account.id));
  co_return account;
}

Task<Result<json::value>> add_meta_account(ActionContext c, Params p) {
  Account wanted;
  wanted.channel = p.text("channel");
  wanted.login = p.text("login");
  wanted.sender_id = p.text("account_id");
  if (wanted.channel == "messenger" && wanted.login == "instagram")
    co_return fail(ErrorCode::invalid_argument, "a Page is reached by login facebook only", "login");
  const Secret token(p.text("token"));
  PH_CO_TRY_ASSIGN(const auto identity, co_await ask_meta(c, wanted, token));
  NewAccount fresh;
  fresh.channel = wanted.channel;
  fresh.login = wanted.login;
  fresh.name = p.text("name");
  fresh.business_id = wanted.sender_id;
  fresh.sender_id = wanted.sender_id;
  fresh.display_number = identity.username;
  fresh.verified_name = identity.name;
  fresh.sealed_token = accounts::seal_token(*c.services->secrets, fresh.sender_id, token);
  PH_CO_TRY_ASSIGN(const auto account, co_await store(c, std::move(fresh)));
  json::array warnings;
  PH_CO_TRY_ASSIGN(auto* client, c.services->accounts->meta(account));
  auto fields = meta_messaging::wanted_fields(channel_of(account));
  const auto subscribed = co_await client->subscribe(std::move(fields));
  if (!subscribed)
    warnings.emplace_back(fmt::format("webhooks are not subscribed: {}", subscribed.error().message));
  auto out = view(account);
  out["warnings"] = std::move(warnings);
  co_return json::value(std::move(out));
}

Task<Result<json::value>> add_aws_number(ActionContext c, Params p) {
  NewAccount fresh;
  fresh.name = p.text("name");
  fresh.business_id = p.text("business_id");
  fresh.sender_id = p.text("phone_number_id");
  fresh.portfolio = p.text("portfolio");
  fresh.transport = "aws";
  fresh.transport_id = p.text("aws_phone_number_id");
  fresh.sealed_token = accounts::seal_token(*c.services->secrets, fresh.sender_id, Secret());
  PH_CO_TRY_ASSIGN(const auto account, co_await store(c, std::move(fresh)));
  co_return json::value(view(account));
}

}  // namespace

std::vector<Action> meta_account_actions() {
  const Parameter name = {
      .name = "name", .need = Need::required, .help = "what you call it, such as shop", .min = 1, .max = 60};
  const Parameter token = {.name = "token",
                           .need = Need::required,
                           .help = "Instagram user token, or Page token; stored encrypted",
                           .min = 10,
                           .max = 1000,
                           .secret = true};
  const Parameter channel = {
      .name = "channel", .need = Need::required, .help = "which kind", .choices = {"instagram", "messenger"}};
  const Parameter account = {
      .name = "account_id",
      .need = Need::required,
      .help = "id of the Instagram professional account or of the Page, as webhooks name it",
      .min = 1,
      .max = 40};
  const Parameter login = {.name = "login",
                           .help = "instagram for a token of Instagram Login, else facebook",
                           .fallback = "facebook",
                           .choices = {"facebook", "instagram"}};
  const Parameter business = {.name = "business_id",
                              .need = Need::required,
                              .help = "WhatsApp business account id (WABA)",
                              .min = 1,
                              .max = 40,
                              .aliases = {"waba_id"}};
  const Parameter number = {.name = "phone_number_id",
                            .need = Need::required,
                            .help = "Meta's id of the phone number",
                            .min = 1,
                            .max = 40};
  const Parameter linked = {.name = "aws_phone_number_id",
                            .need = Need::required,
                            .help = "id or ARN of the number at AWS End User Messaging Social",
                            .min = 1,
                            .max = 200};
  return {
      {.name = "add_meta_account",
       .category = "channels",
       .role = Role::admin,
       .effect = Effect::mutates,
       .summary = "Adds an Instagram account or a Page: checks it at Meta and subscribes its webhooks.",
       .parameters = {name, channel, account, login, token},
       .handler = add_meta_account,
       .example = {{"name", "shop on instagram"},
                   {"channel", "instagram"},
                   {"account_id", "17841400008460056"},
                   {"login", "instagram"},
                   {"token", "IGAA-example-token"}}},
      {.name = "add_aws_number",
       .category = "channels",
       .role = Role::admin,
       .effect = Effect::mutates,
       .summary = "Adds a WhatsApp number that is linked to AWS End User Messaging Social.",
       .parameters = {name, business, number, linked, portfolio_parameter()},
       .handler = add_aws_number,
       .example = {{"name", "shop"},
                   {"business_id", "102290129340398"},
                   {"phone_number_id", "106540352242922"},
                   {"aws_phone_number_id", "phone-number-id-0123456789abcdef0123456789abcdef"}}},
  };
}

}  // namespace posthorn
