#include "app/server.h"

#include <algorithm>
#include <fstream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include "actions/runner.h"
#include "actions/services.h"
#include "actions/template_sync.h"
#include "api/api.h"
#include "api/parked_desk.h"
#include "api/sns_routes.h"
#include "app/account_runtimes.h"
#include "app/followers.h"
#include "app/observer.h"
#include "app/sandbox_host.h"
#include "app/small_files.h"
#include "broadcasts/campaign_manager.h"
#include "channels/aws/services.h"
#include "messaging/idempotency.h"
#include "messaging/media_uploads.h"
#include "messaging/reconciler.h"
#include "messaging/settings.h"
#include "messaging/sns_notice.h"
#include "messaging/sqs_intake.h"
#include "platform/environment.h"
#include "platform/real_clock.h"
#include "platform/real_files.h"
#include "platform/real_log.h"
#include "platform/real_network.h"
#include "platform/real_random.h"
#include "platform/runtime.h"
#include "storage/backup_database.h"
#include "storage/event_log.h"
#include "storage/sqlite_database.h"

namespace posthorn {
namespace {

constexpr Duration kStopTimeout = std::chrono::seconds(10);
constexpr Duration kHousekeeping = std::chrono::minutes(1);
constexpr Duration kKeepEvents = std::chrono::days(30);
constexpr int kPrunedEvents = 5000;  // in one transaction
constexpr std::string_view kCliKeyName = "command line of this machine";

LogOptions log_options(const Config& config) {
  LogOptions out;
  const auto& level = config.log.level;
  out.level = level == "debug"     ? LogLevel::debug
              : level == "warning" ? LogLevel::warning
              : level == "error"   ? LogLevel::error
                                   : LogLevel::info;
  out.format = config.log.format == "json"   ? LogFormat::json
               : config.log.format == "text" ? LogFormat::text
                                             : LogFormat::automatic;
  out.file = config.log.file;
  return out;
}

HttpClientLimits client_limits(const Config& config) {
  HttpClientLimits out;
  out.max_connections_per_endpoint = 4096;
  out.max_response_body = 8 * 1024 * 1024;  // template lists
  out.connect_timeout = config.graph.connect_timeout;
  return out;
}

DispatcherOptions dispatcher_options(const Config& config) {
  DispatcherOptions out;
  out.window = static_cast<int>(config.sending.max_in_flight);
  out.rate_headroom = config.sending.rate_headroom;
  out.hold = config.sending.unknown_hold;
  out.error_share_pause = config.sending.error_share_pause;
  out.error_share_outcomes = static_cast<int>(config.sending.error_window);
  return out;
}

IntakeOptions intake_options(const Config& config) {
  IntakeOptions out;
  if (!config.broadcast.opt_out_keywords.empty()) out.stop_keywords = config.broadcast.opt_out_keywords;
  if (!config.broadcast.opt_in_keywords.empty()) out.start_keywords = config.broadcast.opt_in_keywords;
  out.keep_journal = std::chrono::days(config.journal.keep_days);
  return out;
}

// A send that may be given up is looked at again at least as often as it is held.
ReconcilerOptions reconciler_options(const Config& config) {
  ReconcilerOptions out;
  out.hold = config.sending.unknown_hold;
  out.recheck = std::min(out.recheck, config.sending.unknown_hold);
  return out;
}

std::string host_for_people(const std::string& address) {
  if (address == "0.0.0.0" || address == "::") return "127.0.0.1";
  return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

}  // namespace

std::string_view version() {
  return POSTHORN_VERSION;
}

// Threads and sockets must go before the runtime; coroutines that are still suspended go with it; what their
// frames refer to goes last. The destructor keeps this order.
struct Server::Parts {
  Config config;
  bool with_sandbox = false;
  bool port_may_move = false;
  std::unique_ptr<RealLog> log;
  std::unique_ptr<Metrics> metrics = make_metrics();
  std::unique_ptr<Runtime> runtime = std::make_unique<Runtime>();
  RealClock clock{runtime->executor()};
  RealRandom random;
  std::unique_ptr<RealFiles> files = std::make_unique<RealFiles>();
  std::unique_ptr<RealNetwork> network;
  std::unique_ptr<HttpClient> http;
  std::unique_ptr<BlobStore> blobs;
  std::unique_ptr<SqliteDatabase> database;
  std::unique_ptr<SqliteDatabase> journal;
  std::unique_ptr<SqliteDatabase> search_index;
  std::unique_ptr<SecretBox> secrets;
  Secret token_key, link_key;
  std::unique_ptr<SandboxHost> sandbox_host;
  std::unique_ptr<WamidIndex> wamids;
  WebhookProof proof;
  std::unique_ptr<Observer> observer;
  std::unique_ptr<AccountRuntimes> accounts;
  std::unique_ptr<CampaignRunner> campaign_runner;
  std::unique_ptr<CampaignService> campaigns;
  std::unique_ptr<Intake> intake;
  std::unique_ptr<Reconciler> reconciler;
  std::unique_ptr<RealNetwork> certificate_network;  // authorities of aws.sns_ca_file
  std::unique_ptr<aws::Services> aws;
  std::unique_ptr<Followers> followers;
  std::unique_ptr<SnsRoutes> sns_routes;
  std::unique_ptr<SqsIntake> sqs_intake;
  std::unique_ptr<Access> access;
  std::unique_ptr<Uploads> uploads;
  std::unique_ptr<ParkedDesk> parked;
  Registry registry = make_registry();
  Services services;
  std::unique_ptr<ActionRunner> runner;
  std::unique_ptr<Api> api;
  std::unique_ptr<HttpServer> http_server;
  bool first_run = false;
  bool ready = false;
  bool stopping = false;

  explicit Parts(ServerOptions options)
      : config(std::move(options.config)),
        with_sandbox(options.sandbox),
        port_may_move(options.port_may_move) {}
  ~Parts() {
    http_server.reset();
    if (followers) followers->disconnect();
    if (aws) aws->disconnect();
    search_index.reset();
    journal.reset();
    database.reset();
    files.reset();
    sandbox_host.reset();
    http.reset();
    certificate_network.reset();
    network.reset();
    runtime.reset();
  }

  Result<> open_log();
  Result<> open_network();
  Result<> start_sandbox();
  Task<Result<>> open_storage();
  Task<Result<Secret>> load_key(std::string name);
  void make_messaging();
  Task<Result<>> make_broadcasts();
  Result<> make_aws();
  Result<> make_followers();
  Result<> make_access();
  Result<> fill_services();
  Result<> listen();
  Task<Result<>> ensure_cli_key();
  Task<Result<>> add_sandbox_account(NewAccount fresh, std::string token);
  Task<Result<>> connect_sandbox();
  Task<Result<>> add_sandbox_number(std::string name, std::string sender_id);
  Task<> housekeeping();
  Task<> prune();
  std::string url() const;
};

Result<> Server::Parts::open_log() {
  PH_TRY(files->make_folders(config.data_dir));
  PH_TRY_ASSIGN(log, make_log(log_options(config)));
  return {};
}

Result<> Server::Parts::open_network() {
  // Read at the first connection only: a wrong path would be noticed when the first broadcast fails.
  if (!config.graph.ca_file.empty() && !std::ifstream(config.graph.ca_file))
    return fail(ErrorCode::invalid_argument,
                fmt::format("graph.ca_file: {} cannot be read", config.graph.ca_file), "graph.ca_file");
  NetworkOptions options;
  options.ca_file = config.graph.ca_file;
  network = std::make_unique<RealNetwork>(runtime->executor(), std::move(options));
  http = std::make_unique<HttpClient>(*network, clock, runtime->executor(), client_limits(config));
  return {};
}

Result<> Server::Parts::start_sandbox() {
  if (!with_sandbox) return {};
  const SandboxPorts ports{*network, clock, random, *http, runtime->executor()};
  PH_TRY_ASSIGN(sandbox_host, SandboxHost::create(ports, sandbox::default_config(), "127.0.0.1", 0));
  config.graph.base_url = sandbox_host->url();
  config.instagram.base_url = sandbox_host->url();
  config.instagram.app_secret = Secret(std::string(sandbox::kDefaultInstagramSecret));
  config.media.trusted_origins.push_back(sandbox_host->url());
  config.whatsapp.app_secret = Secret(std::string(sandbox::kDefaultAppSecret));
  config.whatsapp.verify_token = Secret(std::string(sandbox::kDefaultVerifyToken));
  return {};
}

Task<Result<>> Server::Parts::open_storage() {
  PH_CO_TRY_ASSIGN(auto master_key, co_await load_master_key(*files, random, config.data_dir));
  secrets = std::make_unique<SecretBox>(std::move(master_key), random);
  SqliteOptions options;
  options.reserve_bytes = static_cast<std::uint64_t>(config.database.reserve_mb) << 20;
  options.log = log.get();
  SqliteOptions of_journal = options;
  of_journal.migrations = journal_migrations();
  of_journal.readers = 1;
  of_journal.reserve_bytes = 0;  // a full disk is answered 503; nothing has to be stopped here
  SqliteOptions of_search = of_journal;
  of_search.migrations = search_migrations();
  of_search.background = true;
  PH_CO_TRY_ASSIGN(database, open_sqlite(config.database.path, std::move(options)));
  PH_CO_TRY_ASSIGN(journal, open_sqlite(journal_path(config.database.path), std::move(of_journal)));
  PH_CO_TRY_ASSIGN(search_index, open_sqlite(search_path(config.database.path), std::move(of_search)));
  blobs = std::make_unique<BlobStore>(*files, config.data_dir + "/blobs");
  PH_CO_TRY(blobs->prepare());
  PH_CO_TRY_ASSIGN(token_key, co_await load_key("token_key"));
  PH_CO_TRY_ASSIGN(link_key, co_await load_key("link_key"));
  co_return Result<>();
}

// A key that the database keeps, sealed; made at the first start. The one of the correlation tokens stays the
// same for ever: statuses of sent messages come with tokens made from it.
Task<Result<Secret>> Server::Parts::load_key(std::string name) {
  const std::string context = "settings." + name;
  const auto candidate = secrets->seal(Secret(random_token(random)), context);
  auto load = [name, candidate](Transaction& tx) { return settings::get_or_create(tx, name, candidate); };
  PH_CO_TRY_ASSIGN(const auto sealed, co_await database->write(std::move(load)));
  auto key = secrets->open(sealed, context);
  if (!key) {
    co_return fail(
        ErrorCode::data_loss,
        fmt::format("{}/master.key does not belong to this database; put the right one in its place ({})",
                    config.data_dir, key.error().message));
  }
  co_return key;
}

void Server::Parts::make_messaging() {
  const auto executor = runtime->executor();
  wamids = std::make_unique<WamidIndex>(*database, clock);
  observer = std::make_unique<Observer>(executor, *log);
  MetaAccess meta;
  meta.graph.base_url = config.graph.base_url;
  meta.graph.version = config.graph.version;
  meta.graph.send_timeout = config.graph.send_timeout;
  meta.instagram_url = config.instagram.base_url;
  meta.app_secret = config.whatsapp.app_secret;
  const AccountRuntimesPorts ports{
      *database, *http,     clock,    random,
      *log,      *metrics,  *secrets, *wamids,
      proof,     *observer, executor, [this] { return aws != nullptr ? aws->social() : nullptr; }};
  accounts = std::make_unique<AccountRuntimes>(ports, std::move(meta), token_key, dispatcher_options(config));
  const IntakePorts intake_ports{*database, *journal, clock,     *log,    *metrics,
                                 *wamids,   proof,    *observer, executor};
  intake = std::make_unique<Intake>(intake_ports, token_key, intake_options(config));
  const ReconcilerPorts reconciler_ports{*database, clock,    *log,
                                         *metrics,  *wamids,  proof,
                                         *observer, executor, [this](AccountId id) { accounts->wake(id); }};
  reconciler = std::make_unique<Reconciler>(reconciler_ports, reconciler_options(config));
}

Task<Result<>> Server::Parts::make_broadcasts() {
  const CampaignPorts ports{*database,
                            *blobs,
                            *files,
                            clock,
                            *log,
                            runtime->executor(),
                            [this](AccountId id) { return accounts->dispatcher(id); },
                            [this](AccountId id) { return accounts->client(id); }};
  CampaignDefaults defaults;
  if (!config.broadcast.default_region.empty()) {
    PH_CO_TRY_ASSIGN(defaults.region, parse_region(config.broadcast.default_region));
  }
  defaults.max_rows = static_cast<std::uint64_t>(config.broadcast.max_rows);
  defaults.rate_headroom = config.sending.rate_headroom;
  if (!config.rates.file.empty()) {
    PH_CO_TRY_ASSIGN(const auto text, co_await read_small_file(*files, config.rates.file));
    PH_CO_TRY_ASSIGN(defaults.rates, parse_rate_card(text, config.rates.file));
  }
  campaign_runner = std::make_unique<CampaignRunner>(ports);
  campaigns = make_campaign_service(ports, std::move(defaults), *campaign_runner);
  observer->connect(*campaign_runner, *accounts);
  co_return Result<>();
}

Result<> Server::Parts::make_aws() {
  const auto& a = config.aws;
  if (a.sns_topics.empty() && a.sqs_queue_url.empty() && a.media_bucket.empty()) return {};
  Network* certificates = network.get();
  if (!a.sns_ca_file.empty()) {
    NetworkOptions options;
    options.ca_file = a.sns_ca_file;
    certificate_network = std::make_unique<RealNetwork>(runtime->executor(), std::move(options));
    certificates = certificate_network.get();
  }
  const aws::Services::Ports ports{
      *network, *certificates, clock, random, *files, *log, runtime->executor(), [](const std::string& name) {
        return environment_variable(name.c_str());
      }};
  PH_TRY_ASSIGN(aws, aws::Services::create(ports, a));
  const auto accept = [this](std::string body, std::string source) {
    return intake->accept(std::move(body), std::move(source));
  };
  sns_routes = std::make_unique<SnsRoutes>(SnsRoutes::Ports{
      aws->sns_verifier(), aws->sns(), accept,
      [this](std::string topic) { return note_sns_unsubscribed(*database, clock, std::move(topic)); }, *log,
      *metrics});
  if (aws->queue() == nullptr) return {};
  SqsIntakeOptions options;
  options.pollers = static_cast<int>(a.sqs_pollers);
  options.topics = a.sns_topics;
  options.visibility = a.sqs_visibility;
  sqs_intake = std::make_unique<SqsIntake>(
      SqsIntake::Ports{*aws->queue(), accept, clock, random, *log, *metrics, runtime->executor()},
      std::move(options));
  return {};
}

Result<> Server::Parts::make_followers() {
  const FollowersPorts ports{*database, *search_index, *blobs,   *network,  clock,     random,
                             *log,      *metrics,      *secrets, *accounts, aws.get(), runtime->executor()};
  PH_TRY_ASSIGN(followers, Followers::create(ports, config, link_key, config.http.public_url));
  observer->follow(followers.get());
  return {};
}

Result<> Server::Parts::make_access() {
  AccessOptions options;
  options.secure_cookie = config.http.public_url.starts_with("https://");
  PH_TRY_ASSIGN(options.clients, client_address_from(config.http.trusted_proxies));
  access = std::make_unique<Access>(*database, clock, random, *log, std::move(options));
  UploadLimits limits;
  limits.max_bytes = static_cast<std::uint64_t>(config.broadcast.upload_limit_mb) << 20;
  uploads = std::make_unique<Uploads>(*database, *blobs, clock, limits);
  parked = std::make_unique<ParkedDesk>(*database, *intake);
  return {};
}

Result<> Server::Parts::fill_services() {
  services.clock = &clock;
  services.random = &random;
  services.log = log.get();
  services.files = files.get();
  services.database = database.get();
  services.search_index = search_index.get();
  services.media = &followers->media();
  services.media_links = &followers->links();
  services.webhooks_out = &followers->webhooks_out();
  services.mailer = followers->mailer();
  services.blobs = blobs.get();
  services.secrets = secrets.get();
  services.campaigns = campaigns.get();
  services.accounts = accounts.get();
  services.keys = access.get();
  services.uploads = uploads.get();
  services.parked = parked.get();
  services.registry = &registry;
  services.check_database = [this] { return database->quick_check(); };
  services.facts.version = std::string(version());
  services.facts.data_folder = config.data_dir;
  services.facts.database_path = config.database.path;
  services.facts.graph_url = config.graph.base_url + "/" + config.graph.version;
  services.facts.public_url = config.http.public_url;
  services.facts.app_secret_configured = !config.whatsapp.app_secret.empty();
  services.facts.started_at = clock.wall_now();
  PH_TRY_ASSIGN(const auto quiet, parse_daily_hours(config.broadcast.quiet_hours));
  services.facts.quiet_from_minute = quiet.from_minute;
  services.facts.quiet_until_minute = quiet.to_minute;
  return {};
}

Result<> Server::Parts::listen() {
  WebhookOptions webhooks;
  webhooks.app_secrets = {{"whatsapp", config.whatsapp.app_secret},
                          {"whatsapp_previous", config.whatsapp.app_secret_previous},
                          {"instagram", config.instagram.app_secret},
                          {"instagram_previous", config.instagram.app_secret_previous},
                          {"messenger", config.messenger.app_secret}};
  webhooks.verify_token = config.whatsapp.verify_token;
  runner = std::make_unique<ActionRunner>(registry, services);
  ApiPorts ports{*runner,
                 *access,
                 *uploads,
                 *campaigns,
                 clock,
                 *log,
                 *metrics,
                 [this](std::string body, std::string source) {
                   return intake->accept(std::move(body), std::move(source));
                 },
                 [this]() -> Result<> {
                   if (ready && !stopping) return {};
                   return fail(ErrorCode::unavailable, stopping ? "stopping" : "starting");
                 },
                 std::string(version()),
                 database.get(),
                 &followers->feed(),
                 blobs.get(),
                 &followers->links(),
                 sns_routes.get()};
  api = std::make_unique<Api>(std::move(ports), std::move(webhooks));
  auto listener = network->listen(config.http.listen_address, static_cast<std::uint16_t>(config.http.port));
  if (!listener && listener.error().code == ErrorCode::conflict && port_may_move)
    listener = network->listen(config.http.listen_address, 0);
  if (!listener) return std::unexpected(listener.error());
  http_server =
      std::make_unique<HttpServer>(*std::move(listener), clock, runtime->executor(),
                                   [this](HttpExchange& exchange) { return api->handle(exchange); });
  http_server->start();
  return {};
}

// The command line on this machine works without anybody typing a key: its key lies in the data folder,
// readable by its owner.
Task<Result<>> Server::Parts::ensure_cli_key() {
  const auto path = config.data_dir + "/cli.key";
  PH_CO_TRY(co_await write_small_file(*files, config.data_dir + "/server.url", url() + "\n"));
  const auto existing = co_await read_small_file(*files, path);
  if (existing && access->keys().find(std::string_view(*existing).substr(0, existing->find('\n'))))
    co_return Result<>();
  auto name = fmt::format("{} {}", kCliKeyName, random_token(random).substr(0, 6));
  PH_CO_TRY_ASSIGN(const auto created, co_await access->create_key(std::move(name), Role::admin));
  co_return co_await write_small_file(*files, path, created.key.reveal() + "\n");
}

Task<Result<>> Server::Parts::add_sandbox_number(std::string name, std::string sender_id) {
  NewAccount fresh;
  fresh.name = std::move(name);
  fresh.business_id = std::string(sandbox::kDefaultWaba);
  fresh.sender_id = std::move(sender_id);
  fresh.sealed_token =
      posthorn::accounts::seal_token(*secrets, fresh.sender_id, Secret(std::string(sandbox::kDefaultToken)));
  const auto now = clock.wall_now();
  auto insert = [fresh, now](Transaction& tx) -> Result<Account> {
    PH_TRY_ASSIGN(auto known, posthorn::accounts::find_by_sender(tx, fresh.sender_id));
    if (known) return *std::move(known);
    return posthorn::accounts::add(tx, fresh, now);
  };
  PH_CO_TRY_ASSIGN(const auto account, co_await database->write(std::move(insert)));
  PH_CO_TRY_ASSIGN(auto* graph, accounts->graph(account));
  PH_CO_TRY_ASSIGN(const auto info, co_await graph->phone_number(account.sender_id));
  AccountUpdate update;
  update.display_number = info.display_phone_number;
  update.verified_name = info.verified_name;
  update.status = info.status;
  update.quality = info.quality_rating;
  update.throughput = info.throughput();
  update.throughput_level = info.throughput_level;
  if (!info.messaging_tier.empty()) update.messaging_tier = info.messaging_tier;
  auto store = [id = account.id, update, now](Transaction& tx) {
    return posthorn::accounts::update(tx, id, update, now);
  };
  PH_CO_TRY(co_await database->write(std::move(store)));
  PH_CO_TRY(co_await accounts->refresh(account.id));
  co_return Result<>();
}

Task<Result<>> Server::Parts::add_sandbox_account(NewAccount fresh, std::string token) {
  fresh.business_id = fresh.sender_id;
  fresh.sealed_token = posthorn::accounts::seal_token(*secrets, fresh.sender_id, Secret(std::move(token)));
  auto insert = [fresh, now = clock.wall_now()](Transaction& tx) -> Result<Account> {
    PH_TRY_ASSIGN(auto known, posthorn::accounts::find_by_sender(tx, fresh.sender_id));
    if (known) return *std::move(known);
    return posthorn::accounts::add(tx, fresh, now);
  };
  PH_CO_TRY_ASSIGN(const auto account, co_await database->write(std::move(insert)));
  PH_CO_TRY(co_await accounts->refresh(account.id));
  PH_CO_TRY_ASSIGN(auto* client, accounts->meta(account));
  auto fields = meta_messaging::wanted_fields(channel_of(account));
  co_return co_await client->subscribe(std::move(fields));
}

Task<Result<>> Server::Parts::connect_sandbox() {
  if (!with_sandbox) co_return Result<>();
  PH_CO_TRY(co_await add_sandbox_number("sandbox", std::string(sandbox::kDefaultNumber)));
  PH_CO_TRY(co_await add_sandbox_number("sandbox-fast", std::string(sandbox::kDefaultFastNumber)));
  auto find = [](Transaction& tx) { return posthorn::accounts::get_by_name(tx, "sandbox"); };
  PH_CO_TRY_ASSIGN(const auto account, co_await database->read(std::move(find)));
  PH_CO_TRY(co_await sync_templates(services, account));
  PH_CO_TRY(
      co_await sandbox_host->meta().subscribe(url() + "/webhooks/whatsapp", config.whatsapp.verify_token));
  NewAccount instagram;
  instagram.channel = "instagram";
  instagram.login = "instagram";
  instagram.name = "sandbox-instagram";
  instagram.sender_id = std::string(sandbox::kDefaultInstagram);
  PH_CO_TRY(co_await add_sandbox_account(std::move(instagram), std::string(sandbox::kDefaultInstagramToken)));
  NewAccount page;
  page.channel = "messenger";
  page.name = "sandbox-page";
  page.sender_id = std::string(sandbox::kDefaultPage);
  PH_CO_TRY(co_await add_sandbox_account(std::move(page), std::string(sandbox::kDefaultPageToken)));
  co_return Result<>();
}

Task<> Server::Parts::housekeeping() {
  int minutes = 0;
  while (!stopping) {
    co_await clock.sleep_for(kHousekeeping);
    const auto saved = co_await access->keys().save_last_used();
    if (!saved) log->warning("housekeeping.failed", {{"what", "key use"}, {"reason", saved.error().message}});
    if (minutes++ % 60 == 0) co_await prune();
  }
}

Task<> Server::Parts::prune() {
  const auto now = clock.wall_now();
  auto work = [now](Transaction& tx) -> Result<std::int64_t> {
    PH_TRY(idempotency::prune(tx, now));
    PH_TRY(media_uploads::prune(tx, now));
    return events::prune(tx, now - kKeepEvents, kPrunedEvents);
  };
  // A little at a time, until nothing old is left: a busy day has more events than one step takes.
  for (bool more = true; more && !stopping;) {
    auto step = work;
    const auto done = co_await database->write(std::move(step));
    if (!done) log->warning("housekeeping.failed", {{"what", "old rows"}, {"reason", done.error().message}});
    more = done && *done >= kPrunedEvents;
  }
}

std::string Server::Parts::url() const {
  return fmt::format("http://{}:{}", host_for_people(config.http.listen_address), http_server->port());
}

Server::Server(ServerOptions options) : parts_(std::make_unique<Parts>(std::move(options))) {}
Server::~Server() = default;

Runtime& Server::runtime() {
  return *parts_->runtime;
}

Task<Result<>> Server::start() {
  auto& p = *parts_;
  PH_CO_TRY(p.open_log());
  PH_CO_TRY(p.open_network());
  PH_CO_TRY(p.start_sandbox());
  PH_CO_TRY(co_await p.open_storage());
  PH_CO_TRY_ASSIGN(const auto unknown,
                   co_await recover_sends(*p.database, p.clock.wall_now(), p.config.sending.unknown_hold));
  p.make_messaging();
  PH_CO_TRY(co_await p.make_broadcasts());
  PH_CO_TRY(p.make_aws());
  PH_CO_TRY(p.make_followers());
  PH_CO_TRY(p.make_access());
  PH_CO_TRY(p.fill_services());
  PH_CO_TRY(co_await p.access->keys().load());
  p.first_run = !p.access->keys().any();
  PH_CO_TRY(co_await p.intake->start());
  PH_CO_TRY(p.listen());
  PH_CO_TRY(co_await p.ensure_cli_key());
  PH_CO_TRY(co_await p.accounts->start());
  PH_CO_TRY(co_await p.connect_sandbox());
  PH_CO_TRY(co_await p.followers->start());
  if (p.sqs_intake) p.sqs_intake->start();
  p.reconciler->start();
  PH_CO_TRY(co_await p.campaigns->resume_after_start());
  asio::co_spawn(p.runtime->executor(), p.housekeeping(), asio::detached);
  p.ready = true;
  p.log->info("server.started", {{"url", p.url()}, {"version", version()}, {"unknown_after_crash", unknown}});
  co_return Result<>();
}

Task<> Server::stop() {
  auto& p = *parts_;
  p.stopping = true;
  if (p.log) p.log->info("server.stopping");
  if (p.campaign_runner) p.campaign_runner->stop();
  if (p.accounts) co_await p.accounts->stop(kStopTimeout);
  if (p.sqs_intake && p.ready) co_await p.sqs_intake->stop();
  if (p.followers && p.ready) co_await p.followers->stop();
  if (p.http_server) p.http_server->stop();
  if (p.ready) co_await p.reconciler->stop();
  if (p.intake) co_await p.intake->stop();
  if (p.access) (void)co_await p.access->keys().save_last_used();
  if (p.sandbox_host) p.sandbox_host->stop();
  if (p.log) p.log->info("server.stopped");
}

std::string Server::url() const {
  return parts_->url();
}
const std::string& Server::data_folder() const {
  return parts_->config.data_dir;
}
bool Server::first_run() const {
  return parts_->first_run;
}

std::string Server::login_url(const std::string& next_path) {
  const auto& public_url = parts_->config.http.public_url;
  return (public_url.empty() ? url() : public_url) + parts_->access->make_login_path(Role::admin, next_path);
}

Services& Server::services() {
  return parts_->services;
}
sandbox::Sandbox* Server::sandbox() {
  return parts_->sandbox_host ? &parts_->sandbox_host->meta() : nullptr;
}

}  // namespace posthorn
