// What the configuration means for each part of the server.
#pragma once
#include "api/webhook_routes.h"
#include "messaging/dispatcher.h"
#include "messaging/intake.h"
#include "messaging/reconciler.h"
#include "platform/config.h"
#include "platform/http_client.h"
#include "platform/real_log.h"

namespace posthorn {

LogOptions log_options(const Config& config);
HttpClientLimits client_limits(const Config& config);
DispatcherOptions dispatcher_options(const Config& config);
IntakeOptions intake_options(const Config& config);
ReconcilerOptions reconciler_options(const Config& config);
WebhookOptions webhook_options(const Config& config);

}  // namespace posthorn
