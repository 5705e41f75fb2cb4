#include "app/server.h"

#include <fmt/format.h>

#include "app/sandbox_accounts.h"
#include "app/server_parts.h"
#include "app/small_files.h"

namespace posthorn {
namespace {

constexpr Duration kStopTimeout = std::chrono::seconds(10);
constexpr std::string_view kCliKeyName = "command line of this machine";

}  // namespace

std::string_view version() {
  return POSTHORN_VERSION;
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
  PH_CO_TRY(co_await p.access->load());
  p.first_run = !p.access->keys().any();
  PH_CO_TRY(co_await p.intake->start());
  PH_CO_TRY(p.listen());
  PH_CO_TRY(co_await ensure_cli_key());
  PH_CO_TRY(co_await p.accounts->start());
  PH_CO_TRY(co_await connect_sandbox());
  PH_CO_TRY(co_await p.followers->start());
  if (p.sqs_intake) p.sqs_intake->start();
  p.reconciler->start();
  PH_CO_TRY(co_await p.campaigns->resume_after_start());
  p.housekeeping->start();
  p.ready = true;
  p.log->info("server.started", {{"url", p.url()}, {"version", version()}, {"unknown_after_crash", unknown}});
  co_return Result<>();
}

// The command line on this machine works without anybody typing a key: its key lies in the data folder,
// readable by its owner.
Task<Result<>> Server::ensure_cli_key() {
  auto& p = *parts_;
  const auto path = p.config.data_dir + "/cli.key";
  PH_CO_TRY(co_await write_small_file(*p.files, p.config.data_dir + "/server.url", url() + "\n"));
  const auto existing = co_await read_small_file(*p.files, path);
  if (existing && p.access->keys().find(std::string_view(*existing).substr(0, existing->find('\n'))))
    co_return Result<>();
  auto name = fmt::format("{} {}", kCliKeyName, random_token(p.random).substr(0, 6));
  PH_CO_TRY_ASSIGN(const auto created, co_await p.access->create_key(std::move(name), Role::admin));
  co_return co_await write_small_file(*p.files, path, created.key.reveal() + "\n");
}

Task<Result<>> Server::connect_sandbox() {
  auto& p = *parts_;
  if (!p.sandbox_host) co_return Result<>();
  const SandboxAccountsPorts ports{*p.database, *p.secrets, p.clock,
                                   *p.accounts, p.services, p.sandbox_host->meta()};
  co_return co_await add_sandbox_accounts(ports, p.url() + "/webhooks/whatsapp",
                                          p.config.whatsapp.verify_token);
}

Task<> Server::stop() {
  auto& p = *parts_;
  p.stopping = true;
  if (p.housekeeping) p.housekeeping->stop();
  if (p.log) p.log->info("server.stopping");
  if (p.campaign_runner) p.campaign_runner->stop();
  if (p.accounts) co_await p.accounts->stop(kStopTimeout);
  if (p.sqs_intake && p.ready) co_await p.sqs_intake->stop();
  if (p.followers && p.ready) co_await p.followers->stop();
  if (p.http_server) p.http_server->stop();
  if (p.ready) co_await p.reconciler->stop();
  if (p.intake) co_await p.intake->stop();
  if (p.access) (void)co_await p.access->save_last_used();
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
  return (public_url.empty() ? url() : public_url) +
         parts_->access->make_login_path(Role::admin, next_path, {});
}

Services& Server::services() {
  return parts_->services;
}
sandbox::Sandbox* Server::sandbox() {
  return parts_->sandbox_host ? &parts_->sandbox_host->meta() : nullptr;
}

}  // namespace posthorn
