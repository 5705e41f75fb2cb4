// Everything the HTTP server answers, in one handler.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "api/action_routes.h"
#include "api/broadcast_routes.h"
#include "api/event_stream_routes.h"
#include "api/media_routes.h"
#include "api/sns_routes.h"
#include "api/webhook_routes.h"

namespace posthorn {

struct ApiPorts {
  ActionRunner& runner;
  Access& access;
  Uploads& uploads;
  CampaignService& campaigns;
  Clock& clock;
  Log& log;
  Metrics& metrics;
  WebhookRoutes::Accept accept_webhook;
  std::function<Result<>()> ready;  // an error says what is not ready
  std::string version;
  // Both or none: without them there is no GET /events.
  Database* database = nullptr;
  EventFeed* feed = nullptr;
  // Both and `database`, or none: without them there is no GET /media/{id}.
  BlobStore* blobs = nullptr;
  MediaLinks* media_links = nullptr;
  SnsRoutes* sns = nullptr;  // null: nothing comes through AWS
};

class Api {
 public:
  Api(ApiPorts ports, WebhookOptions webhooks);
  Task<> handle(HttpExchange& exchange);  // for HttpServer

 private:
  Task<> healthz(HttpExchange& exchange);
  Task<> readyz(HttpExchange& exchange);
  Task<> metrics(HttpExchange& exchange);

  std::function<Result<>()> ready_;
  Metrics& metrics_;
  Guard guard_;
  ActionRoutes actions_;
  BroadcastRoutes broadcasts_;
  WebhookRoutes webhooks_;
  std::optional<EventStreamRoutes> events_;
  std::optional<MediaRoutes> media_;
  Router router_;
};

}  // namespace posthorn
