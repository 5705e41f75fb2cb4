// The API over a simulated database, without sockets: requests are values, answers are kept.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "actions/registry.h"
#include "actions/runner.h"
#include "actions/services.h"
#include "api/api.h"
#include "messaging/accounts.h"
#include "platform/metrics.h"
#include "platform/simulated/process.h"
#include "platform/simulated/simulated_files.h"
#include "platform/simulated/world.h"
#include "storage/simulated_database.h"
#include "storage/simulated_disk.h"

namespace posthorn::api_testing {

class FakeExchange final : public HttpExchange {
 public:
  FakeExchange(std::string method, std::string target, std::string body = {}) : body_(std::move(body)) {
    request_.method = std::move(method);
    request_.target = std::move(target);
    request_.headers.set("Host", "posthorn.test");
  }
  FakeExchange& header(std::string_view name, std::string value) {
    request_.headers.set(name, std::move(value));
    return *this;
  }
  FakeExchange& key(const std::string& key) { return header("Authorization", "Bearer " + key); }
  FakeExchange& json() { return header("Content-Type", "application/json"); }

  const HttpRequest& request() const override { return request_; }
  std::string peer_address() const override { return peer; }
  Task<Result<std::string>> read_body(std::size_t limit) override {
    body_was_read = true;
    if (body_.size() > limit) co_return fail(ErrorCode::too_large, "too large");
    co_return body_;
  }
  Task<Result<std::size_t>> read_body_some(std::span<char> out) override {
    body_was_read = true;
    if (offset_ >= break_off_at) co_return fail(ErrorCode::unavailable, "the client is gone");
    const auto n = std::min({out.size(), body_.size() - offset_, piece});
    std::copy_n(body_.data() + offset_, n, out.data());
    offset_ += n;
    largest_piece = std::max(largest_piece, n);
    co_return n;
  }
  Task<Result<>> respond(HttpResponse r) override {
    EXPECT_FALSE(response) << "answered twice";
    response = std::move(r);
    co_return Result<>();
  }
  Task<Result<>> begin_stream(HttpResponse head) override {
    EXPECT_FALSE(response) << "answered twice";
    response = std::move(head);
    co_return Result<>();
  }
  Task<Result<>> write_chunk(std::string_view bytes) override {
    if (chunks++ >= chunks_until_gone) co_return fail(ErrorCode::unavailable, "the client is gone");
    response->body += bytes;
    co_return Result<>();
  }
  int status() const { return response ? response->status : 0; }
  json::value answer() const { return parse_json(response->body).value_or(json::value(nullptr)); }
  std::string error_code() const {
    return std::string(JsonView(answer_ = answer())["error"]["code"].string_or(""));
  }
  std::string error_field() const {
    return std::string(JsonView(answer_ = answer())["error"]["field"].string_or(""));
  }

  std::optional<HttpResponse> response;
  std::string peer = "203.0.113.5";
  bool body_was_read = false;
  std::size_t piece = 1000, largest_piece = 0, break_off_at = SIZE_MAX;
  int chunks = 0, chunks_until_gone = 1'000'000;

 private:
  HttpRequest request_;
  std::string body_;
  std::size_t offset_ = 0;
  mutable json::value answer_;
};

// One broadcast with the number 7; counts what it is asked to do.
class FakeCampaigns final : public CampaignService {
 public:
  Campaign seven;
  int creations = 0, starts = 0;
  std::function<Task<>()> before_start;
  CampaignDraft draft;
  std::vector<std::int64_t> lines;
  std::string actor;

  FakeCampaigns() {
    seven.id = CampaignId{7};
    seven.name = "Autumn sale";
    seven.state = CampaignState::running;
    seven.counters.total = 10;
  }
  Task<Result<Campaign>> give(CampaignId id) {
    if (id != seven.id) co_return fail(ErrorCode::not_found, "there is no such broadcast", "id");
    co_return seven;
  }
  Task<Result<>> resume_after_start() override { co_return Result<>(); }
  Task<Result<CampaignId>> create(CampaignDraft given, std::string by) override {
    ++creations;
    draft = std::move(given);
    actor = by;
    co_return seven.id;
  }
  Task<Result<>> update(CampaignId, CampaignDraft, std::string) override { co_return Result<>(); }
  Task<Result<Campaign>> get(CampaignId id) override { return give(id); }
  Task<Result<std::vector<Campaign>>> list(std::int64_t, int) override {
    co_return std::vector<Campaign>{seven};
  }
  Task<Result<json::object>> inspect_upload(UploadId, AccountId, std::string, std::string) override {
    co_return json::object();
  }
  Task<Result<json::array>> preview(CampaignId, std::vector<std::int64_t> asked, int) override {
    lines = std::move(asked);
    co_return json::array();
  }
  Task<Result<json::object>> preflight(CampaignId, std::string) override { co_return json::object(); }
  Task<Result<std::int64_t>> send_test(CampaignId, std::string, std::int64_t, std::string) override {
    co_return 1;
  }
  Task<Result<Campaign>> start(CampaignId id, StartOptions, std::string) override {
    ++starts;
    if (before_start) co_await before_start();
    co_return co_await give(id);
  }
  Task<Result<Campaign>> pause(CampaignId id, std::string, std::string) override { return give(id); }
  Task<Result<Campaign>> resume(CampaignId id, std::string) override { return give(id); }
  Task<Result<Campaign>> cancel(CampaignId id, std::string) override { return give(id); }
  Task<Result<std::int64_t>> resend_unknown(CampaignId, bool, std::string) override { co_return 0; }
  Task<Result<json::object>> report(CampaignId) override { co_return json::object(); }
  Task<Result<std::vector<RecipientRow>>> recipients(CampaignId, std::int64_t, int, std::string) override {
    co_return std::vector<RecipientRow>();
  }
  Task<Result<>> export_csv(CampaignId id, ChunkSink write) override {
    if (id != seven.id) co_return fail(ErrorCode::not_found, "there is no such broadcast", "id");
    PH_CO_TRY(co_await write("row,phone\r\n"));
    co_return co_await write("1,491701234567\r\n");
  }
  Task<Result<>> export_problems_csv(CampaignId, ChunkSink) override { co_return Result<>(); }
};

class ApiHouse : public ::testing::Test {
 protected:
  ApiHouse() {
    simulated::DatabaseOptions options;
    options.post_after = [this](Duration delay, std::move_only_function<void()> action) {
      process.post_after(delay, std::move(action));
    };
    database = *simulated::open_database(disk, std::move(options));
    blobs = std::make_unique<BlobStore>(files, "blobs");
    EXPECT_TRUE(blobs->prepare());
    access = std::make_unique<Access>(*database, process.clock(), process.random(), null_log());
    UploadLimits limits;
    limits.max_bytes = 5'000'000;
    uploads = std::make_unique<Uploads>(*database, *blobs, process.clock(), limits);
    services.clock = &process.clock();
    services.random = &process.random();
    services.log = &null_log();
    services.files = &files;
    services.database = database.get();
    services.blobs = blobs.get();
    services.campaigns = &campaigns;
    services.keys = access.get();
    services.uploads = uploads.get();
    services.registry = &registry;
    services.facts.version = "test";
    make_api();
  }
  ~ApiHouse() override { process.crash(); }

  void make_api() {
    ApiPorts ports{
        runner,
        *access,
        *uploads,
        campaigns,
        process.clock(),
        null_log(),
        *metrics,
        [this](std::string body, std::string source) { return accept(std::move(body), std::move(source)); },
        [this]() -> Result<> { return ready; },
        "test"};
    WebhookOptions webhooks;
    webhooks.app_secrets = {{"whatsapp", Secret("new secret")}, {"whatsapp_previous", Secret("old secret")}};
    webhooks.verify_token = Secret("verify me");
    api = std::make_unique<Api>(std::move(ports), std::move(webhooks));
  }

  Task<Result<JournalId>> accept(std::string body, std::string) {
    if (!store) co_return std::unexpected(store.error());
    accepted.push_back(std::move(body));
    co_return JournalId{static_cast<std::int64_t>(accepted.size())};
  }

  template <class T>
  T run(Task<T> task) {
    std::optional<T> out;
    process.spawn(keep(std::move(task), out));
    EXPECT_TRUE(world.run_until([&out] { return out.has_value(); }, std::chrono::minutes(10)));
    return std::move(*out);
  }
  FakeExchange& send(FakeExchange& exchange) {
    bool done = false;
    process.spawn(answer(exchange, done));
    EXPECT_TRUE(world.run_until([&done] { return done; }, std::chrono::hours(2)));
    return exchange;
  }
  std::string new_key(Role role) {
    return run(access->create_key(std::string(to_string(role)) + std::to_string(++keys_made), role))
        ->key.reveal();
  }

  // Posts JSON to an action with a fresh exchange.
  FakeExchange call(const std::string& key, const std::string& action, const std::string& body,
                    const std::string& idempotency = {}) {
    FakeExchange exchange("POST", "/api/actions/" + action, body);
    exchange.key(key).json();
    if (!idempotency.empty()) exchange.header("Idempotency-Key", idempotency);
    send(exchange);
    return exchange;
  }

  simulated::World world{42};
  simulated::Disk disk{42};
  simulated::SimulatedFiles files;
  simulated::Process process{world, "server"};
  std::unique_ptr<Metrics> metrics = make_metrics();
  std::unique_ptr<Database> database;
  std::unique_ptr<BlobStore> blobs;
  std::unique_ptr<Access> access;
  std::unique_ptr<Uploads> uploads;
  FakeCampaigns campaigns;
  Registry registry = make_registry();
  Services services;
  ActionRunner runner{registry, services};
  std::unique_ptr<Api> api;
  Result<> ready, store;
  std::vector<std::string> accepted;

 private:
  template <class T>
  static Task<> keep(Task<T> task, std::optional<T>& out) {
    out.emplace(co_await std::move(task));
  }
  Task<> answer(FakeExchange& exchange, bool& done) {
    co_await api->handle(exchange);
    done = true;
  }
  int keys_made = 0;
};

}  // namespace posthorn::api_testing
