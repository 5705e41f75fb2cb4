// What actions work with. Filled by the composition root; every pointer outlives every call.
#pragma once
#include <functional>
#include <string>

#include "core/result.h"
#include "core/time.h"
#include "platform/async.h"

namespace posthorn {

class AccountRuntime;
class BlobStore;
class CampaignService;
class Clock;
class Database;
class Files;
class KeyStore;
class Log;
class Mailer;
class MediaFetcher;
class MediaLinks;
class ParkedEvents;
class Random;
class Registry;
class SecretBox;
class UploadOnce;
class UploadStore;
class WebhooksOut;

struct ServerFacts {
  std::string version;
  std::string data_folder;
  std::string database_path;
  std::string graph_url;   // base URL and version
  std::string public_url;  // where Meta reaches the webhook endpoint; empty: not configured
  bool app_secret_configured = false;
  WallTime started_at;
  int quiet_from_minute = 21 * 60,
      quiet_until_minute = 8 * 60;  // for broadcasts that do not say; equal: none
};

struct Services {
  Clock* clock = nullptr;
  Random* random = nullptr;
  Log* log = nullptr;
  Files* files = nullptr;
  Database* database = nullptr;
  Database* search_index = nullptr;  // storage/migrations/search; null: there is no search
  BlobStore* blobs = nullptr;
  SecretBox* secrets = nullptr;
  CampaignService* campaigns = nullptr;
  AccountRuntime* accounts = nullptr;
  Mailer* mailer = nullptr;  // null: no mail server is configured
  KeyStore* keys = nullptr;
  UploadStore* uploads = nullptr;
  UploadOnce* upload_once = nullptr;
  ParkedEvents* parked = nullptr;
  MediaFetcher* media = nullptr;
  MediaLinks* media_links = nullptr;
  WebhooksOut* webhooks_out = nullptr;
  const Registry* registry = nullptr;
  std::function<Task<Result<>>()> check_database;  // data_loss names the first problem
  ServerFacts facts;
};

}  // namespace posthorn
