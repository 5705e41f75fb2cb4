// Webhooks out in the simulator: the real database on a RAM disk, and receivers that answer as the test says.
// Everything but the disk and the receivers' memory can be killed and started again.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "automation/webhook_deliveries.h"
#include "automation/webhook_dispatcher.h"
#include "automation/webhook_dispatcher_core.h"
#include "automation/webhook_signature.h"
#include "messaging/event_feed.h"
#include "platform/crypto.h"
#include "platform/log.h"
#include "platform/metrics.h"
#include "platform/simulated/process.h"
#include "platform/simulated/world.h"
#include "storage/event_log.h"
#include "storage/simulated_database.h"
#include "storage/simulated_disk.h"

namespace posthorn::webhook_testing {

using namespace std::chrono_literals;

struct Received {
  std::string url, id, body, signature;
  std::int64_t timestamp = 0;
  MonotonicTime at;
  int status = 0;  // what was answered
};

// Outlives every crash: what the world outside saw.
struct Outside {
  std::vector<Received> requests;
  bool throws = false;  // the next requests end in an exception on our side
  std::function<WebhookAnswer(const Received&)> script = [](const Received&) { return answer(200); };
  std::function<Duration(const std::string& url)> delay = [](const std::string&) { return Duration(5ms); };

  static WebhookAnswer answer(int status, std::string retry_after = {}) {
    WebhookAnswer out;
    out.status = status;
    out.retry_after = std::move(retry_after);
    if (status == 0) out.error = "connect: refused";
    return out;
  }
  // Bodies as a receiver that remembers webhook-id takes them: each once, those it answered with 2xx.
  std::vector<std::string> taken(const std::string& url = {}) const {
    std::vector<std::string> bodies;
    std::set<std::string> ids;
    for (const auto& one : requests) {
      if (!url.empty() && one.url != url) continue;
      if (one.status / 100 == 2 && ids.insert(one.id).second) bodies.push_back(one.body);
    }
    return bodies;
  }
  std::size_t successes() const {
    return static_cast<std::size_t>(std::count_if(requests.begin(), requests.end(),
                                                  [](const Received& r) { return r.status / 100 == 2; }));
  }
};

class ScriptedSender final : public WebhookSender {
 public:
  ScriptedSender(simulated::Process& process, Outside& outside) : process_(process), outside_(outside) {}
  Result<> check(const std::string& url) const override {
    if (url.starts_with("https://")) return {};
    return fail(ErrorCode::invalid_argument, "not https", "url");
  }
  Task<WebhookAnswer> post(std::string url, HttpHeaders headers, std::string body) override {
    Received got{url,
                 std::string(headers.get("webhook-id")),
                 body,
                 std::string(headers.get("webhook-signature")),
                 std::stoll(std::string(headers.get("webhook-timestamp"))),
                 process_.world().now()};
    co_await process_.clock().sleep_for(outside_.delay(url) / 2);
    if (outside_.throws) throw std::runtime_error("a bug");
    auto answer = outside_.script(got);
    got.status = answer.status;
    outside_.requests.push_back(std::move(got));
    co_await process_.clock().sleep_for(outside_.delay(url) / 2);
    answer.took = outside_.delay(url);
    co_return answer;
  }

 private:
  simulated::Process& process_;
  Outside& outside_;
};

struct Life {
  Life(simulated::World& world, simulated::Disk& disk, Outside& outside)
      : process(world, "posthorn"), sender(process, outside) {
    simulated::DatabaseOptions options;
    options.post_after = [this](Duration d, std::move_only_function<void()> f) {
      process.post_after(d, std::move(f));
    };
    database = std::move(simulated::open_database(disk, std::move(options)).value());
    box = std::make_unique<SecretBox>(Secret(std::string(32, 'm')), process.random());
    feed = std::make_unique<EventFeed>(EventFeedPorts{*database, process.clock(), process.executor()}, 1h);
    out = std::make_unique<WebhooksOut>(WebhooksOutPorts{*database, process.clock(), process.random(),
                                                         null_log(), *metrics, *box, sender, *feed,
                                                         process.executor()});
  }
  ~Life() {
    if (process.alive()) process.crash();
  }
  simulated::Process process;
  ScriptedSender sender;
  std::unique_ptr<Metrics> metrics = make_metrics();
  std::unique_ptr<Database> database;
  std::unique_ptr<SecretBox> box;
  std::unique_ptr<EventFeed> feed;
  std::unique_ptr<WebhooksOut> out;
};

class WebhookHouse {
 public:
  explicit WebhookHouse(std::uint64_t seed = 1) : world(seed), disk(seed) {}

  // The log's end is looked up on notice only: days of polling would take minutes.
  void start() {
    life = std::make_unique<Life>(world, disk, outside);
    life->feed->start();
    const auto started = run(life->out->start());
    if (!started) throw std::runtime_error(started.error().message);
  }
  void crash() {
    life.reset();
    disk.crash(simulated::CrashLoss::random);
  }

  template <class T>
  T run(Task<T> task) {
    auto out = std::make_shared<std::optional<T>>();
    life->process.spawn(keep(std::move(task), out));
    if (!world.run_until([out] { return out->has_value(); }, 1h))
      throw std::runtime_error("a step did not end");
    return std::move(**out);
  }
  template <class F>
  auto sql(F work) -> std::invoke_result_t<F&, Transaction&> {
    return run(life->database->write(std::move(work)));
  }
  std::int64_t number(const std::string& query) {
    return sql([query](Transaction& tx) -> Result<std::int64_t> {
             PH_TRY_ASSIGN(SqlRows rows, tx.query(query, {}));
             PH_TRY(rows.next());
             return rows.integer(0);
           })
        .value();
  }
  std::string text(const std::string& query) {
    return sql([query](Transaction& tx) -> Result<std::string> {
             PH_TRY_ASSIGN(SqlRows rows, tx.query(query, {}));
             PH_TRY(rows.next());
             return std::string(rows.text(0));
           })
        .value();
  }
  void execute(const std::string& statement) {
    const auto done =
        sql([statement](Transaction& tx) -> Result<std::int64_t> { return tx.execute(statement, {}); });
    if (!done) throw std::runtime_error(done.error().message);
  }

  WebhookEndpointId add_endpoint(const std::string& url, std::vector<std::string> kinds = {"*"},
                                 const std::string& business = {}) {
    WebhookEndpoint endpoint;
    endpoint.id = sql([](Transaction& tx) { return webhook_endpoints::next_id(tx); }).value();
    endpoint.url = url;
    endpoint.kinds = std::move(kinds);
    endpoint.business_id = business;
    endpoint.sealed_secret = seal_webhook_secret(*life->box, endpoint.id, secret);
    const WallTime now = life->process.clock().wall_now();
    const auto added =
        sql([endpoint, now](Transaction& tx) { return webhook_endpoints::add(tx, endpoint, now); });
    life->out->wake();
    world.run_for(1ms);
    return added.value().id;
  }
  WebhookEndpoint endpoint(WebhookEndpointId id) {
    return sql([id](Transaction& tx) { return webhook_endpoints::get(tx, id); }).value();
  }
  // Events of kind message.received; data is {"n": number}.
  void happen(const std::string& subject, int n, const std::string& kind = "message.received") {
    const WallTime now = life->process.clock().wall_now();
    const auto data = fmt::format(R"({{"n":{}}})", n);
    (void)sql([=](Transaction& tx) { return events::append(tx, now, kind, subject, data); }).value();
    life->feed->notify();
  }
  // A message and the event that it came.
  void say(std::int64_t id, const std::string& text) {
    execute(
        "INSERT OR IGNORE INTO conversations (id, account_id, person_id, created_at) VALUES (1, 1, 1, 0)");
    execute(fmt::format(
        "INSERT INTO messages (id, conversation_id, direction, at, received_at, type, text, content) "
        "VALUES ({}, 1, 0, 1, 1, 'image', '{}', '{{\"caption\":\"{}\"}}')",
        id, text, text));
    execute(fmt::format(
        "INSERT INTO attachments (message_id, position, account_id, kind, state, size, file_name) "
        "VALUES ({}, 0, 1, 'image', 1, 5, '{}.jpg')",
        id, text));
    tell(id, "message.received");
  }
  // As the intake does: content is gone before the event is there.
  void unsend(std::int64_t id) {
    execute(fmt::format("UPDATE messages SET text = '', content = '{{}}', deleted_at = 5 WHERE id = {}", id));
    execute(
        fmt::format("UPDATE attachments SET state = 4, size = 0, file_name = '' WHERE message_id = {}", id));
    tell(id, "message.deleted");
  }
  void tell(std::int64_t message, const std::string& kind) {
    const WallTime now = life->process.clock().wall_now();
    const auto data = fmt::format(R"({{"message_id":{},"conversation_id":1}})", message);
    (void)sql([=](Transaction& tx) { return events::append(tx, now, kind, "conversation:1", data); }).value();
    life->feed->notify();
  }
  bool wait_for(std::function<bool()> done, Duration limit = 10min) { return world.run_until(done, limit); }

  simulated::World world;
  simulated::Disk disk;
  Outside outside;
  Secret secret{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"};
  std::unique_ptr<Life> life;

 private:
  template <class T>
  static Task<> keep(Task<T> task, std::shared_ptr<std::optional<T>> out) {
    out->emplace(co_await std::move(task));
  }
};

// The "n" of a body's data.
inline int n_of(const std::string& body) {
  const auto parsed = parse_json(body);
  return parsed ? static_cast<int>(JsonView(*parsed)["data"]["n"].integer_or(-1)) : -1;
}
inline std::string subject_of(const std::string& body) {
  const auto parsed = parse_json(body);
  return parsed ? std::string(JsonView(*parsed)["data"]["subject"].string_or("")) : std::string();
}

}  // namespace posthorn::webhook_testing
