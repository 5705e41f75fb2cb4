#include "product.h"

#include <stdexcept>

#include <boost/json/serialize.hpp>

#include "channels/whatsapp/webhook.h"
#include "messaging/accounts.h"
#include "messaging/template_store.h"
#include "sandbox/config.h"

namespace posthorn::simulation {
namespace {

const Secret& token_key() {
  static const Secret key("simulation-token-key-32-bytes-xx");
  return key;
}

simulated::DatabaseOptions database_options(simulated::Process& process, bool* dead) {
  simulated::DatabaseOptions options;
  options.post_after = [&process](Duration delay, std::move_only_function<void()> action) {
    process.post_after(delay, std::move(action));
  };
  options.on_fatal = [dead](const Error&) { *dead = true; };
  return options;
}

whatsapp::GraphConfig graph_config() {
  whatsapp::GraphConfig config;
  config.base_url = std::string("http://") + kMetaHost + ":80";
  config.send_timeout = std::chrono::seconds(10);
  return config;
}

}  // namespace

Product::Product(simulated::Process& process, Machine& machine, const ProductConfig& config)
    : process_(process),
      log_(config.log != nullptr ? *config.log : null_log()),
      config_(config),
      metrics_(make_metrics()),
      blobs_(machine.files, "blobs"),
      http_(process.network(), process.clock(), process.executor()) {
  auto graph = whatsapp::GraphClient::create(http_, process.clock(), graph_config(),
                                             Secret(std::string(sandbox::kDefaultToken)));
  if (!graph) throw std::runtime_error(graph.error().message);
  graph_ = std::move(*graph);
  channel_ = std::make_unique<WhatsAppChannel>(*graph_, config_.sender_id);
  auto database = simulated::open_database(machine.disk, database_options(process, &dead_));
  if (!database) {
    dead_ = true;  // the disk failed while starting: as a crash
    return;
  }
  database_ = std::move(*database);
  simulated::DatabaseOptions journal_options = database_options(process, &dead_);
  journal_options.file_name = "journal.db";
  journal_options.migrations = journal_migrations();
  auto journal = simulated::open_database(machine.disk, std::move(journal_options));
  if (!journal) {
    dead_ = true;
    return;
  }
  journal_ = std::move(*journal);
  wamids_ = std::make_unique<WamidIndex>(*database_, process.clock());
  (void)blobs_.prepare();
  uploads_ = std::make_unique<UploadOnce>(*database_, process.clock(), log_, process.executor());
  CampaignPorts ports{*database_,         blobs_,   machine.files, process.clock(), log_,
                      process.executor(), *uploads_};
  ports.dispatcher = [this](AccountId) { return dispatcher_.get(); };
  ports.graph = [this](AccountId) { return graph_.get(); };
  runner_ = std::make_unique<CampaignRunner>(ports);
  service_ = make_campaign_service(ports, CampaignDefaults{}, *runner_);
  process.spawn(boot());
}

Product::~Product() = default;

Task<Result<>> Product::open_account() {
  const WallTime now = process_.clock().wall_now();
  auto open = [&](Transaction& tx) -> Result<AccountId> {
    PH_TRY_ASSIGN(const std::optional<Account> known, accounts::find_by_sender(tx, config_.sender_id));
    if (known) return known->id;
    NewAccount fresh;
    fresh.name = "simulated";
    fresh.business_id = config_.business_id;
    fresh.sender_id = config_.sender_id;
    fresh.sealed_token = "unused";
    PH_TRY_ASSIGN(const Account account, accounts::add(tx, fresh, now));
    AccountUpdate update;
    update.status = "CONNECTED";
    update.throughput = config_.rate;
    update.messaging_tier = "TIER_UNLIMITED";
    PH_TRY(accounts::update(tx, account.id, update, now));
    return account.id;
  };
  PH_CO_TRY_ASSIGN(account_, co_await database_->write(open));
  auto listed = co_await graph_->list_templates(config_.business_id);
  if (!listed) co_return Result<>{};  // Meta is not reachable at this start: the stored ones serve
  auto store = [&](Transaction& tx) -> Result<> {
    for (const whatsapp::Template& t : *listed) {
      StoredTemplate row{.business_id = config_.business_id,
                         .meta_id = t.facts.id,
                         .name = t.facts.name,
                         .language = t.facts.language,
                         .status = t.facts.status,
                         .category = t.facts.category,
                         .quality = t.facts.quality,
                         .parameter_format = t.facts.parameter_format,
                         .components = json::serialize(t.components),
                         .synced_at = now};
      PH_TRY(templates::upsert(tx, row));
    }
    return {};
  };
  co_return co_await database_->write(store);
}

Task<> Product::boot() {
  Clock& clock = process_.clock();
  auto recovered = co_await recover_sends(*database_, clock.wall_now(), config_.hold);
  if (!recovered) {
    dead_ = true;
    co_return;
  }
  const auto account = co_await open_account();
  if (!account) {
    dead_ = true;
    co_return;
  }
  DispatcherOptions options;
  options.hold = config_.hold;
  options.error_share_pause = 0;
  DispatcherPorts ports{*database_, clock,    process_.random(),  log_, *metrics_, *channel_, *wamids_,
                        proof_,     *runner_, process_.executor()};
  dispatcher_ = std::make_unique<Dispatcher>(ports, sender(), token_key(), options);
  IntakePorts intake_ports{*database_, *journal_,          clock, log_, *metrics_, *wamids_, proof_,
                           *runner_,   process_.executor()};
  intake_ = std::make_unique<Intake>(intake_ports, token_key());
  if (!co_await intake_->start()) {
    dead_ = true;
    co_return;
  }
  auto listener = process_.network().listen("0.0.0.0", config_.webhook_port);
  if (!listener) throw std::runtime_error(listener.error().message);
  server_ = std::make_unique<HttpServer>(std::move(*listener), clock, process_.executor(),
                                         [this](HttpExchange& exchange) { return webhook(exchange); });
  server_->start();
  ReconcilerPorts reconciler_ports{
      *database_, clock, log_, *metrics_, *wamids_, proof_, *runner_, process_.executor(), [this](AccountId) {
        dispatcher_->wake();
      }};
  ReconcilerOptions reconciler_options;
  reconciler_options.hold = config_.hold;
  reconciler_ = std::make_unique<Reconciler>(reconciler_ports, reconciler_options);
  reconciler_->start();
  dispatcher_->start();
  const auto resumed = co_await service_->resume_after_start();
  if (!resumed) dead_ = true;
  up_ = resumed.has_value();
}

Task<> Product::webhook(HttpExchange& exchange) {
  HttpResponse answer;
  auto body = co_await exchange.read_body(whatsapp::kMaxWebhookBody);
  const Secret secrets[] = {Secret(std::string(sandbox::kDefaultAppSecret))};
  if (!body) {
    answer.status = 413;
  } else if (!whatsapp::verify_signature(*body, exchange.request().headers.get("x-hub-signature-256"),
                                         secrets)) {
    answer.status = 403;
  } else if (!co_await intake_->accept(std::move(*body), "whatsapp")) {
    answer.status = 503;
  }
  (void)co_await exchange.respond(std::move(answer));
}

}  // namespace posthorn::simulation
