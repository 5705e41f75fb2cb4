// The sandbox's numbers and accounts, so that a server with the sandbox needs no setting up.
#pragma once
#include <string>

#include "core/result.h"
#include "core/secret.h"
#include "platform/async.h"
#include "platform/clock.h"

namespace posthorn {

class AccountRuntimes;
class Database;
class SecretBox;
struct Services;
namespace sandbox {
class Sandbox;
}

struct SandboxAccountsPorts {
  Database& database;
  SecretBox& secrets;
  Clock& clock;
  AccountRuntimes& accounts;
  Services& services;
  sandbox::Sandbox& meta;
};

// Adds those that are missing: two WhatsApp numbers with their templates, an Instagram account and a Page,
// each with its webhooks subscribed.
Task<Result<>> add_sandbox_accounts(SandboxAccountsPorts ports, std::string webhook_url, Secret verify_token);

}  // namespace posthorn
