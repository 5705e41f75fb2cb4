// E-mail notifications: a consumer of the event log with a cursor and a durable queue of its own. Every
// message is told to everybody who wants it once; only a crash between the server's word and our commit tells
// it again, with the same Message-ID. One address that bounces holds up nobody else.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "automation/notification_queue.h"
#include "messaging/event_feed.h"
#include "messaging/media_links.h"
#include "platform/async.h"
#include "platform/clock.h"
#include "platform/log.h"
#include "platform/mailer.h"
#include "platform/metrics.h"
#include "storage/blob_store.h"
#include "storage/database.h"

namespace posthorn {

struct NotificationsOptions {
  Duration gather = std::chrono::minutes(1);        // between two mails to one person
  Duration link_life = std::chrono::hours(24 * 7);  // of links to attachments
  std::uint64_t most_attached = 10ULL << 20;        // bytes of files in one mail; larger ones become links
  std::string domain = "posthorn.invalid";          // right part of Message-IDs
  std::string conversation_url;                     // "https://…/conversations/"; empty: no links
  int concurrency = 4;                              // mails on their way at once
};

struct NotificationsPorts {
  Database& database;
  BlobStore& blobs;
  Mailer& mailer;
  EventFeed& feed;
  MediaLinks* links;  // null: attachments are named only
  Clock& clock;
  Log& log;
  Metrics& metrics;
  Executor executor;
};

class Notifications {
 public:
  explicit Notifications(NotificationsPorts ports, NotificationsOptions options = {});
  ~Notifications();

  void start();
  Task<> stop();              // mails on their way are waited for
  Task<Result<>> run_once();  // collects, composes and sends what is due; for tests

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// One mail that only says that mails arrive.
Mail test_mail(std::string address, WallTime now);

}  // namespace posthorn
