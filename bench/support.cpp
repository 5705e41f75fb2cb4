#include "support.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include "actions/account_runtime.h"
#include "actions/services.h"
#include "app/run.h"
#include "broadcasts/campaign_service.h"
#include "broadcasts/sample_data.h"
#include "storage/database.h"

namespace posthorn::bench {
namespace {

constexpr std::string_view kSecretsOfTheSandbox[][2] = {
    {"whatsapp.app_secret", sandbox::kDefaultAppSecret},
    {"whatsapp.verify_token", sandbox::kDefaultVerifyToken}};

sandbox::SandboxConfig limitless() {
  auto config = sandbox::default_config();
  config.limits.throughput = false;
  config.limits.pair = false;
  config.limits.portfolio_daily_users = 0;
  config.phones.reply = 0;
  config.phones.opt_out = 0;
  config.phones.reply_stop = 0;
  return config;
}

Task<> run_body(Server& server, std::function<Task<Result<>>(Product)> body, std::string data_dir, bool& ok) {
  auto& runtime = server.runtime();
  Result<> outcome = co_await server.start();
  if (outcome) {
    ClientOptions where;
    where.server = server.url();
    where.data_dir = data_dir;
    RealNetwork network(runtime.executor());
    RealClock clock(runtime.executor());
    auto target = find_server(where);
    if (target) {
      Client client(network, clock, runtime.executor(), *std::move(target));
      outcome = co_await body(Product{&server, &client});
    } else {
      outcome = std::unexpected(target.error());
    }
  }
  if (!outcome) fmt::print(stderr, "failed: {} {}\n", outcome.error().message, outcome.error().field);
  ok = outcome.has_value();
  co_await server.stop();
  runtime.stop();
}

// No rate that Meta grants is unlimited, so the actions do not offer it.
Task<Result<>> lift_limit(Services& services, std::int64_t account) {
  auto write = [account](Transaction& tx) {
    return tx.execute("UPDATE accounts SET throughput = 0 WHERE id = $1", {account});
  };
  PH_CO_TRY(co_await services.database->write(std::move(write)));
  co_return co_await services.accounts->refresh(AccountId{account});
}

}  // namespace

void print_figure(const Figure& f) {
  fmt::print("| {} | {} | {} | {} | {} |\n", f.name, f.measured, f.baseline, f.ratio, f.goal);
  std::fflush(stdout);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double percentile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto at = static_cast<std::size_t>(share * static_cast<double>(values.size()));
  return values[std::min(at, values.size() - 1)];
}

double median(std::vector<double> values) {
  return percentile(values, 0.5);
}

double resident_mb(int pid, std::string_view field) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field)) return std::stod(line.substr(field.size() + 1)) / 1024;
  }
  return 0;
}

void reset_peak(int pid) {
  std::ofstream(fmt::format("/proc/{}/clear_refs", pid)) << "5";
}

double processor_seconds(int pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text(std::istreambuf_iterator<char>(file), {});
  std::istringstream rest(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) rest >> skipped;
  double user = 0;
  double system = 0;
  rest >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

ThreadTime thread_time() {
  std::ifstream file(fmt::format("/proc/self/task/{}/schedstat", ::gettid()));
  ThreadTime time;
  file >> time.running >> time.waiting;
  return {time.running / 1e9, time.waiting / 1e9};
}

TemporaryFolder::TemporaryFolder() {
  const char* base = ::getenv("POSTHORN_BENCH_DIR");  // a disk to be measured; /tmp may be memory
  path_ = fmt::format("{}/posthorn-bench-XXXXXX", base != nullptr ? base : "/tmp");
  if (::mkdtemp(path_.data()) == nullptr)
    throw std::runtime_error("no temporary folder can be made at " + path_);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

StaticServer::StaticServer(std::string body)
    : body_(std::move(body)),
      server_(*network_.listen("127.0.0.1", 0), clock_, runtime_.executor(),
              [this](HttpExchange& x) { return answer(x); }) {
  server_.start();
  thread_ = std::thread([this] { runtime_.run(); });
}

StaticServer::~StaticServer() {
  runtime_.stop();
  thread_.join();
}

Task<> StaticServer::answer(HttpExchange& exchange) {
  const auto body = co_await exchange.read_body(1 << 20);
  HttpResponse response;
  response.status = body ? 200 : 400;
  response.headers.add("Content-Type", "application/json");
  response.body = body_;
  (void)co_await exchange.respond(std::move(response));
}

MetaThread::MetaThread() {
  const SandboxPorts ports{network_, clock_, random_, http_, runtime_.executor()};
  host_ = *SandboxHost::create(ports, limitless(), "127.0.0.1", 0);
  thread_ = std::thread([this] { runtime_.run(); });
}

MetaThread::~MetaThread() {
  stop();
}

void MetaThread::set_callback(std::string url) {
  asio::post(runtime_.executor(), [this, url = std::move(url)] { host_->meta().set_callback(url); });
}

void MetaThread::stop() {
  if (!thread_.joinable()) return;
  asio::post(runtime_.executor(), [this] {
    host_->stop();
    runtime_.stop();
  });
  thread_.join();
}

bool run_product(const ProductOptions& options, std::function<Task<Result<>>(Product)> body) {
  auto settings = options.settings;
  settings.insert(settings.begin(), {{"data_dir", options.data_dir},
                                     {"http.port", "0"},
                                     {"graph.base_url", options.graph_url},
                                     {"log.file", options.data_dir + "/posthorn.log"},
                                     {"log.level", "warning"}});
  for (const auto& [key, value] : kSecretsOfTheSandbox) settings.emplace_back(key, value);
  auto config = load_config(std::nullopt, settings);
  if (!config) {
    fmt::print(stderr, "failed: {}\n", config.error().message);
    return false;
  }
  ServerOptions server_options;
  server_options.config = *std::move(config);
  Server server(std::move(server_options));
  bool ok = false;
  asio::co_spawn(server.runtime().executor(), run_body(server, std::move(body), options.data_dir, ok),
                 asio::detached);
  server.runtime().run();
  return ok;
}

namespace {

Task<> run_with_client(Runtime& runtime, Client& client, std::function<Task<Result<>>(Client&)> body,
                       bool& ok) {
  const Result<> done = co_await body(client);
  if (!done) fmt::print(stderr, "failed: {} {}\n", done.error().message, done.error().field);
  ok = done.has_value();
  runtime.stop();
}

}  // namespace

bool run_client_of(const std::string& data_dir, std::function<Task<Result<>>(Client&)> body) {
  ClientOptions where;
  where.data_dir = data_dir;
  Runtime runtime;
  RealClock clock(runtime.executor());
  RealNetwork network(runtime.executor());
  auto target = find_server(where);
  if (!target) {
    fmt::print(stderr, "failed: {}\n", target.error().message);
    return false;
  }
  Client client(network, clock, runtime.executor(), *std::move(target));
  bool ok = false;
  asio::co_spawn(runtime.executor(), run_with_client(runtime, client, std::move(body), ok), asio::detached);
  runtime.run();
  return ok;
}

Result<> write_sample_file(const std::string& path, std::uint64_t recipients) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  SampleShape shape;
  shape.accepted = recipients;
  auto write = [&file](std::string_view piece) -> Result<> {
    file.write(piece.data(), static_cast<std::streamsize>(piece.size()));
    if (file) return {};
    return fail(ErrorCode::resource_exhausted, "the sample cannot be written");
  };
  return write_sample_recipients(shape, write);
}

json::object sample_draft(std::int64_t upload_id, std::string_view account) {
  json::object mapping;
  mapping["header.text"] = json::object{{"constant", "Spring Sale"}};
  mapping["body.1"] = json::object{{"column", "name"}, {"fallback", "there"}};
  mapping["body.2"] = json::object{{"constant", "the end of the month"}};
  mapping["body.3"] = json::object{{"column", "voucher"}, {"fallback", "SPRING"}};
  mapping["body.4"] = json::object{{"column", "amount"}, {"fallback", "10 %"}};
  json::object draft;
  draft["name"] = "benchmark";
  draft["account"] = account;
  draft["upload_id"] = upload_id;
  draft["template_name"] = "spring_sale";
  draft["default_region"] = "DE";
  draft["mapping"] = std::move(mapping);
  return draft;
}

Task<Result<std::int64_t>> prepare_broadcast(Product product, std::string folder, std::uint64_t recipients) {
  json::object number;
  number["name"] = "number";
  number["business_id"] = sandbox::kDefaultWaba;
  number["phone_number_id"] = sandbox::kDefaultFastNumber;
  number["token"] = sandbox::kDefaultToken;
  PH_CO_TRY_ASSIGN(const json::value channel,
                   co_await product.client->call("add_channel", std::move(number)));
  PH_CO_TRY(co_await lift_limit(product.server->services(), JsonView(channel)["id"].integer_or(0)));
  const std::string path = folder + "/recipients.csv";
  PH_CO_TRY(write_sample_file(path, recipients));
  PH_CO_TRY_ASSIGN(const json::value upload, co_await product.client->upload(path));
  auto draft = sample_draft(JsonView(upload)["id"].integer_or(0), "number");
  PH_CO_TRY_ASSIGN(const json::value created,
                   co_await product.client->call("create_broadcast", std::move(draft)));
  const std::int64_t id = JsonView(created)["id"].integer_or(0);
  PH_CO_TRY(co_await product.client->call("preflight_broadcast", json::object{{"id", id}}));
  co_return id;
}

Task<Result<>> start_broadcast(Product product, std::int64_t id) {
  json::object start{{"id", id}, {"acknowledge_warnings", true}};
  PH_CO_TRY(co_await product.client->call("start_broadcast", std::move(start)));
  co_return Result<>();
}

Task<Result<double>> wait_for_end(Product product, std::int64_t id,
                                  std::chrono::steady_clock::time_point since) {
  auto& campaigns = *product.server->services().campaigns;
  while (seconds_since(since) < 60) {
    PH_CO_TRY_ASSIGN(const Campaign now, co_await campaigns.get(CampaignId{id}));
    if (now.state == CampaignState::completed) co_return seconds_since(since);
    if (now.state != CampaignState::running) {
      co_return fail(ErrorCode::internal, fmt::format("the broadcast stopped: {}", now.state_reason));
    }
    co_await product.client->clock().sleep_for(std::chrono::milliseconds(10));
  }
  co_return fail(ErrorCode::unavailable, "the broadcast did not end within a minute");
}

}  // namespace posthorn::bench
