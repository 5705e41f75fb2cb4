// Posthorn inside a simulated process: the same dispatcher, intake, reconciler and broadcast room as in the
// server, over simulated ports. Created at every (re)start, thrown away by a crash.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "broadcasts/campaign_manager.h"
#include "broadcasts/campaign_runner.h"
#include "messaging/dispatcher.h"
#include "messaging/intake.h"
#include "messaging/reconciler.h"
#include "messaging/whatsapp_channel.h"
#include "platform/http_server.h"
#include "platform/log.h"
#include "platform/simulated/process.h"
#include "platform/simulated/simulated_files.h"
#include "storage/simulated_database.h"

namespace posthorn::simulation {

// What outlives a crash.
struct Machine {
  explicit Machine(std::uint64_t seed) : disk(seed) {}
  simulated::Disk disk;
  simulated::SimulatedFiles files;
};

struct ProductConfig {
  std::string sender_id;  // the sandbox's phone number id
  std::string business_id;
  int rate = 80;
  Duration hold = std::chrono::minutes(2);
  std::uint16_t webhook_port = 8080;
  Log* log = nullptr;  // none: silent
};

inline constexpr const char* kMetaHost = "meta";
inline constexpr const char* kProductHost = "posthorn";

class Product {
 public:
  // Opens, migrates and recovers; the account exists afterwards. Throws when the start-up fails for another
  // reason than a stopped disk.
  Product(simulated::Process& process, Machine& machine, const ProductConfig& config);
  ~Product();

  bool up() const { return up_; }      // recovered and sending
  bool dead() const { return dead_; }  // met an error after which a process must exit (I20)
  CampaignService& campaigns() { return *service_; }
  Database& database() { return *database_; }
  BlobStore& blobs() { return blobs_; }
  Dispatcher& dispatcher() { return *dispatcher_; }
  AccountId account() const { return account_; }
  DispatcherAccount sender() const { return {account_, config_.business_id, config_.rate, false}; }
  simulated::Process& process() { return process_; }

 private:
  Task<> boot();
  Task<Result<>> open_account();
  Task<> webhook(HttpExchange& exchange);

  simulated::Process& process_;
  Log& log_;
  ProductConfig config_;
  std::unique_ptr<Metrics> metrics_;
  BlobStore blobs_;
  HttpClient http_;
  std::unique_ptr<whatsapp::GraphClient> graph_;
  std::unique_ptr<WhatsAppChannel> channel_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Database> journal_;
  std::unique_ptr<WamidIndex> wamids_;
  std::unique_ptr<UploadOnce> uploads_;
  WebhookProof proof_;
  std::unique_ptr<CampaignRunner> runner_;
  std::unique_ptr<CampaignService> service_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<Reconciler> reconciler_;
  std::unique_ptr<HttpServer> server_;
  AccountId account_;
  bool up_ = false;
  bool dead_ = false;
};

}  // namespace posthorn::simulation
