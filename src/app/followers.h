// Everything that works on what has arrived: search, media, profiles, automation, notifications, webhooks
// out. Each reads behind a position of its own, so that none can hold up the intake or another.
#pragma once
#include <memory>
#include <string>

#include "app/account_runtimes.h"
#include "automation/automation.h"
#include "automation/notifications.h"
#include "automation/webhook_dispatcher.h"
#include "messaging/event_feed.h"
#include "messaging/media_fetcher.h"
#include "messaging/media_links.h"
#include "messaging/profiles.h"
#include "messaging/search_indexer.h"
#include "messaging/upload_once.h"
#include "platform/config.h"
#include "platform/mailer.h"

namespace posthorn {

namespace aws {
class Services;
}

struct FollowersPorts {
  Database& database;
  Database& search_index;
  BlobStore& blobs;
  Network& network;
  Clock& clock;
  Random& random;
  Log& log;
  Metrics& metrics;
  SecretBox& secrets;
  AccountRuntimes& accounts;
  UploadOnce& uploads;
  aws::Services* aws;  // null: nothing of AWS is configured
  Executor executor;
};

class Followers {
 public:
  // `link_key` signs links to attachments; `address`: where people reach the server. invalid_argument names
  // the setting.
  static Result<std::unique_ptr<Followers>> create(FollowersPorts ports, const Config& config,
                                                   Secret link_key, std::string address);
  ~Followers();

  Task<Result<>> start();
  Task<> stop();
  void disconnect();          // gives up connections; before the network goes, after stop()
  void something_happened();  // events, messages or attachments were committed

  EventFeed& feed();
  MediaLinks& links();
  MediaFetcher& media();
  WebhooksOut& webhooks_out();
  Mailer* mailer();  // null: no mail server is configured

 private:
  struct Parts;
  explicit Followers(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace posthorn
