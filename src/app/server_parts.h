// What a running server consists of, and how each part is made.
#pragma once
#include "actions/runner.h"
#include "actions/services.h"
#include "api/api.h"
#include "api/parked_desk.h"
#include "api/sns_routes.h"
#include "app/account_runtimes.h"
#include "app/followers.h"
#include "app/housekeeping.h"
#include "app/observer.h"
#include "app/sandbox_host.h"
#include "app/server.h"
#include "broadcasts/campaign_manager.h"
#include "channels/aws/services.h"
#include "messaging/reconciler.h"
#include "messaging/sqs_intake.h"
#include "messaging/upload_once.h"
#include "platform/real_clock.h"
#include "platform/real_files.h"
#include "platform/real_log.h"
#include "platform/real_network.h"
#include "platform/real_random.h"
#include "platform/runtime.h"
#include "storage/sqlite_database.h"

namespace posthorn {

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
  std::unique_ptr<UploadOnce> upload_once;
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
  std::unique_ptr<Housekeeping> housekeeping;
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

  // In this order.
  Result<> open_log();
  Result<> open_network();
  Result<> start_sandbox();
  Task<Result<>> open_storage();
  void make_messaging();
  Task<Result<>> make_broadcasts();
  Result<> make_aws();
  Result<> make_followers();
  Result<> make_access();
  Result<> fill_services();
  Result<> listen();

  std::string url() const;

 private:
  Task<Result<Secret>> load_key(std::string name);
};

}  // namespace posthorn
