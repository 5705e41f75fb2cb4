#include "app/sandbox_accounts.h"

#include "actions/account_facts.h"
#include "actions/services.h"
#include "actions/template_sync.h"
#include "app/account_runtimes.h"
#include "sandbox/sandbox.h"
#include "storage/database.h"

namespace posthorn {
namespace {

Task<Result<>> add_number(SandboxAccountsPorts ports, std::string name, std::string sender_id) {
  NewAccount fresh;
  fresh.name = std::move(name);
  fresh.business_id = std::string(sandbox::kDefaultWaba);
  fresh.sender_id = std::move(sender_id);
  fresh.sealed_token =
      accounts::seal_token(ports.secrets, fresh.sender_id, Secret(std::string(sandbox::kDefaultToken)));
  const auto now = ports.clock.wall_now();
  auto insert = [fresh, now](Transaction& tx) -> Result<Account> {
    PH_TRY_ASSIGN(auto known, accounts::find_by_sender(tx, fresh.sender_id));
    if (known) return *std::move(known);
    return accounts::add(tx, fresh, now);
  };
  PH_CO_TRY_ASSIGN(const auto account, co_await ports.database.write(std::move(insert)));
  PH_CO_TRY_ASSIGN(auto* graph, ports.accounts.graph(account));
  PH_CO_TRY_ASSIGN(const auto info, co_await graph->phone_number(account.sender_id));
  auto store = [id = account.id, update = facts_of(info), now](Transaction& tx) {
    return accounts::update(tx, id, update, now);
  };
  PH_CO_TRY(co_await ports.database.write(std::move(store)));
  PH_CO_TRY(co_await ports.accounts.refresh(account.id));
  co_return Result<>();
}

Task<Result<>> add_account(SandboxAccountsPorts ports, NewAccount fresh, std::string token) {
  fresh.business_id = fresh.sender_id;
  fresh.sealed_token = accounts::seal_token(ports.secrets, fresh.sender_id, Secret(std::move(token)));
  auto insert = [fresh, now = ports.clock.wall_now()](Transaction& tx) -> Result<Account> {
    PH_TRY_ASSIGN(auto known, accounts::find_by_sender(tx, fresh.sender_id));
    if (known) return *std::move(known);
    return accounts::add(tx, fresh, now);
  };
  PH_CO_TRY_ASSIGN(const auto account, co_await ports.database.write(std::move(insert)));
  PH_CO_TRY(co_await ports.accounts.refresh(account.id));
  PH_CO_TRY_ASSIGN(auto* client, ports.accounts.meta(account));
  auto fields = meta_messaging::wanted_fields(channel_of(account));
  co_return co_await client->subscribe(std::move(fields));
}

}  // namespace

Task<Result<>> add_sandbox_accounts(SandboxAccountsPorts ports, std::string webhook_url,
                                    Secret verify_token) {
  PH_CO_TRY(co_await add_number(ports, "sandbox", std::string(sandbox::kDefaultNumber)));
  PH_CO_TRY(co_await add_number(ports, "sandbox-fast", std::string(sandbox::kDefaultFastNumber)));
  auto find = [](Transaction& tx) { return accounts::get_by_name(tx, "sandbox"); };
  PH_CO_TRY_ASSIGN(const auto account, co_await ports.database.read(std::move(find)));
  PH_CO_TRY(co_await sync_templates(ports.services, account));
  PH_CO_TRY(co_await ports.meta.subscribe(std::move(webhook_url), std::move(verify_token)));
  NewAccount instagram;
  instagram.channel = "instagram";
  instagram.login = "instagram";
  instagram.name = "sandbox-instagram";
  instagram.sender_id = std::string(sandbox::kDefaultInstagram);
  PH_CO_TRY(co_await add_account(ports, std::move(instagram), std::string(sandbox::kDefaultInstagramToken)));
  NewAccount page;
  page.channel = "messenger";
  page.name = "sandbox-page";
  page.sender_id = std::string(sandbox::kDefaultPage);
  PH_CO_TRY(co_await add_account(ports, std::move(page), std::string(sandbox::kDefaultPageToken)));
  co_return Result<>();
}

}  // namespace posthorn
