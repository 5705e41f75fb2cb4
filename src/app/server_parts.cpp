#include "app/server_parts.h"

#include <fstream>

#include <fmt/format.h>

#include "app/server_options.h"
#include "app/small_files.h"
#include "messaging/settings.h"
#include "messaging/sns_notice.h"
#include "platform/authority.h"
#include "platform/environment.h"
#include "storage/backup_database.h"

namespace posthorn {
namespace {

std::string host_for_people(const std::string& address) {
  if (address == "0.0.0.0" || address == "::") return "127.0.0.1";
  return bracketed_host(address);
}

}  // namespace

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
  options.niceness = 5;             // acknowledging comes before applying
  options.checkpoint_pages = 8000;  // long: a busy conversation's pages are written once for many messages
  of_journal.migrations = journal_migrations();
  of_journal.checkpoint_pages = 500;  // short: who waits for an acknowledgement waits for a checkpoint, too
  of_journal.readers = 1;
  of_journal.reserve_bytes = 0;  // a full disk is answered 503; nothing has to be stopped here
  SqliteOptions of_search = of_journal;
  of_search.migrations = search_migrations();
  of_search.niceness = 15;
  of_search.durable = false;
  of_search.checkpoint_pages = 2000;
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
  upload_once = std::make_unique<UploadOnce>(*database, clock, *log, executor);
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
                            *upload_once,
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
  const FollowersPorts ports{
      *database, *search_index, *blobs,    *network,           clock, random, *log, *metrics, *secrets,
      *accounts, *upload_once,  aws.get(), runtime->executor()};
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
  const Housekeeping::Ports ports{*database, *access, clock, *log, runtime->executor()};
  housekeeping = std::make_unique<Housekeeping>(ports);
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
  services.upload_once = upload_once.get();
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
  api = std::make_unique<Api>(std::move(ports), webhook_options(config));
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

std::string Server::Parts::url() const {
  return fmt::format("http://{}:{}", host_for_people(config.http.listen_address), http_server->port());
}

}  // namespace posthorn
