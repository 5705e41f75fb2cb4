// A whole messaging room in the simulator: database on a RAM disk, dispatcher, intake, reconciler, and a
// scripted channel that keeps the ledger. Everything but disk and ledger can be killed and started again at
// any instant.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "channels/whatsapp/template_message.h"
#include "messaging/conservation.h"
#include "messaging/dispatcher.h"
#include "messaging/intake.h"
#include "messaging/reconciler.h"
#include "messaging/send_token.h"
#include "messaging/wamid_index.h"
#include "messaging/webhook_proof.h"
#include "platform/log.h"
#include "platform/metrics.h"
#include "platform/simulated/process.h"
#include "platform/simulated/world.h"
#include "storage/simulated_database.h"
#include "storage/simulated_disk.h"

namespace posthorn::testing_house {

using namespace std::chrono_literals;

inline const Secret kKey(std::string(32, 'k'));
inline constexpr AccountId kAccount{1};

// What phones really received, by token text. Outlives every crash: it is the judge.
struct Ledger {
  std::map<std::string, int> received;  // campaign.row → times
  std::vector<MonotonicTime> instants;
  std::vector<std::string> tokens;      // in the order of arrival
  std::map<std::string, int> requests;  // campaign.row → requests that left whole
};

inline std::string row_of_token(const std::string& token) {
  const std::size_t campaign = token.find('.', token.find('.') + 1) + 1;
  const std::size_t attempt = token.find('.', token.find('.', campaign) + 1);
  return token.substr(campaign, attempt - campaign);
}

inline std::string token_of_body(const std::string& body) {
  const std::size_t at = body.find("v1.");
  return at == std::string::npos ? "" : body.substr(at, body.find('"', at) - at);
}

// Answers as the script says; the default accepts everything after 30 ms.
class ScriptedChannel : public SendChannel {
 public:
  struct Plan {
    SendAnswer answer;
    Duration delay = 30ms;
    bool delivers = true;  // the phone gets it, whatever the answer says
    bool written = true;   // the last byte leaves
  };
  using Script = std::function<Plan(const std::string& token, int attempt)>;

  ScriptedChannel(simulated::Process& process, Ledger& ledger) : process_(process), ledger_(ledger) {}
  Script script = [](const std::string&, int) { return accept(); };
  std::function<void(const std::string& token, const std::string& wamid)> on_received;

  static Plan accept() {
    Plan plan;
    plan.answer.kind = AnswerKind::accepted;
    return plan;
  }
  static Plan refuse(AnswerKind kind, int code) {
    Plan plan;
    plan.answer.kind = kind;
    plan.answer.code = code;
    plan.answer.reason = "because";
    plan.delivers = false;
    plan.written = kind != AnswerKind::not_sent;
    return plan;
  }

  void append_body(std::string& out, std::string_view payload, std::string_view token) const override {
    whatsapp::append_with_token(out, payload, token);
  }
  Task<SendAnswer> send(std::string body, int attempt, std::function<void()> on_last_byte) override {
    const std::string token = token_of_body(body);
    Plan plan = script(token, attempt);
    if (plan.written) {
      on_last_byte();
      ++ledger_.requests[row_of_token(token)];
      ledger_.instants.push_back(process_.world().now());
      ledger_.tokens.push_back(token);
    }
    const std::string wamid = "wamid." + token;
    if (plan.delivers && plan.written) {
      ++ledger_.received[row_of_token(token)];
      if (on_received) on_received(token, wamid);
    }
    co_await process_.clock().sleep_for(plan.delay);
    if (plan.answer.kind == AnswerKind::accepted) plan.answer.message_id = wamid;
    co_return plan.answer;
  }

 private:
  simulated::Process& process_;
  Ledger& ledger_;
};

// Rows 1 … total, phones 490000000 + campaign * 10^6 + row.
class ListSource : public BroadcastSource {
 public:
  explicit ListSource(CampaignId campaign) : campaign_(campaign) {}
  CampaignId campaign() const override { return campaign_; }
  SendPolicy policy() const override { return SendPolicy::at_most_once; }
  static std::uint64_t phone(CampaignId campaign, std::int64_t row) {
    return 49'000'000'000ULL + static_cast<std::uint64_t>(campaign.value) * 10'000'000 +
           static_cast<std::uint64_t>(row);
  }
  Task<Result<std::vector<BroadcastRow>>> fetch(std::vector<std::int64_t> row_nos) override {
    if (broken) co_return fail(ErrorCode::data_loss, "checksum");
    std::vector<BroadcastRow> rows;
    for (const std::int64_t row : row_nos)
      rows.push_back({row, PhoneNumber::from_digits(phone(campaign_, row)), {}, {}});
    co_return rows;
  }
  Result<> render(const BroadcastRow& row, std::string_view token, std::string& body) const override {
    if (row.row_no == unrenderable) return fail(ErrorCode::invalid_argument, "too long");
    body += fmt::format(R"({{"to":"+{}","biz_opaque_callback_data":"{}"}})", row.phone.digits(), token);
    return {};
  }
  bool broken = false;
  std::int64_t unrenderable = -1;

 private:
  CampaignId campaign_;
};

struct Observed : MessagingObserver {
  std::vector<std::pair<CampaignId, std::string>> paused;
  std::vector<CampaignId> settled;
  std::vector<AccountId> accounts;
  Dispatcher* dispatcher = nullptr;
  void campaign_paused(CampaignId id, const std::string& reason) override { paused.emplace_back(id, reason); }
  void deliveries_failed(CampaignId id, int code, int rows, int judged) override {
    if (dispatcher != nullptr) dispatcher->deliveries_failed(id, code, rows, judged);
  }
  void campaign_settled(CampaignId id) override { settled.push_back(id); }
  void account_changed(AccountId id) override { accounts.push_back(id); }
};

// One life of the process.
struct Life {
  Life(simulated::World& world, simulated::Disk& disk, Ledger& ledger, DispatcherAccount account,
       DispatcherOptions options, Duration commit_latency)
      : process(world, "posthorn"), channel(process, ledger) {
    simulated::DatabaseOptions database_options;
    database_options.commit_latency = commit_latency;
    database_options.post_after = [this](Duration d, std::move_only_function<void()> f) {
      process.post_after(d, std::move(f));
    };
    simulated::DatabaseOptions journal_options = database_options;
    journal_options.file_name = "journal.db";
    journal_options.migrations = journal_migrations();
    database = std::move(simulated::open_database(disk, database_options).value());
    journal = std::move(simulated::open_database(disk, journal_options).value());
    wamids = std::make_unique<WamidIndex>(*database, process.clock());
    dispatcher = std::make_unique<Dispatcher>(
        DispatcherPorts{*database, process.clock(), process.random(), null_log(), *metrics, channel, *wamids,
                        proof, observed, process.executor()},
        account, kKey, options);
    observed.dispatcher = dispatcher.get();
    intake = std::make_unique<Intake>(IntakePorts{*database, *journal, process.clock(), null_log(), *metrics,
                                                  *wamids, proof, observed, process.executor()},
                                      kKey);
    reconciler = std::make_unique<Reconciler>(
        ReconcilerPorts{*database, process.clock(), null_log(), *metrics, *wamids, proof, observed,
                        process.executor(), [this](AccountId) { dispatcher->wake(); }});
  }
  ~Life() {
    if (process.alive()) process.crash();
  }

  simulated::Process process;
  std::unique_ptr<Metrics> metrics = make_metrics();
  ScriptedChannel channel;
  WebhookProof proof;
  Observed observed;
  std::unique_ptr<Database> database;
  std::unique_ptr<Database> journal;
  std::unique_ptr<WamidIndex> wamids;
  std::unique_ptr<Dispatcher> dispatcher;
  std::unique_ptr<Intake> intake;
  std::unique_ptr<Reconciler> reconciler;
};

class House {
 public:
  explicit House(std::uint64_t seed) : world(seed), disk(seed) {}

  simulated::World world;
  simulated::Disk disk;
  Ledger ledger;
  DispatcherAccount account{kAccount, "waba", 0, false};
  DispatcherOptions options{.window = 64};
  Duration commit_latency = 200us;
  std::unique_ptr<Life> life;

  Life& open() {
    life = std::make_unique<Life>(world, disk, ledger, account, options, commit_latency);
    return *life;
  }
  // Recovers and starts all parts; returns when they run.
  void start() {
    run([](House* h) -> Task<> {
      const Result<std::int64_t> recovered =
          co_await recover_sends(*h->life->database, h->life->process.clock().wall_now(), h->options.hold);
      if (!recovered) throw std::runtime_error(recovered.error().message);
      const Result<> started = co_await h->life->intake->start();
      if (!started) throw std::runtime_error(started.error().message);
      h->life->dispatcher->start();
      h->life->reconciler->start();
    });
  }
  void crash(simulated::CrashLoss loss = simulated::CrashLoss::random) {
    life.reset();
    disk.crash(loss);
  }

  // Runs one coroutine of the process to its end.
  void run(Task<> (*body)(House*)) {
    auto done = std::make_shared<bool>(false);
    auto wrapped = [](House* house, Task<> (*inner)(House*), std::shared_ptr<bool> flag) -> Task<> {
      co_await inner(house);
      *flag = true;
    };
    life->process.spawn(wrapped(this, body, done));
    if (!world.run_until([&] { return *done; }, 24h))
      throw std::runtime_error("a step of the test did not end");
  }

  // Of the main database unless another is given.
  Result<> sql(std::function<Result<>(Transaction&)> work, Database* database = nullptr) {
    auto result = std::make_shared<std::optional<Result<>>>();
    auto task = [](Database* db, std::function<Result<>(Transaction&)> f,
                   std::shared_ptr<std::optional<Result<>>> out) -> Task<> {
      auto closure = [f](Transaction& tx) { return f(tx); };
      *out = co_await db->write(closure);
    };
    life->process.spawn(task(database != nullptr ? database : life->database.get(), std::move(work), result));
    world.run_until([&] { return result->has_value(); }, 1min);
    return result->value();
  }
  std::int64_t number(std::string query, Database* database = nullptr) {
    std::int64_t value = -1;
    const Result<> done = sql(
        [&value, query](Transaction& tx) -> Result<> {
          PH_TRY_ASSIGN(SqlRows rows, tx.query(query, {}));
          PH_TRY(rows.next());
          value = rows.integer(0);
          return {};
        },
        database);
    if (!done) throw std::runtime_error(done.error().message);
    return value;
  }
  std::int64_t journal_number(std::string query) { return number(std::move(query), life->journal.get()); }
  void execute(std::string statement) {
    const Result<> done = sql([statement](Transaction& tx) -> Result<> {
      PH_TRY(tx.execute(statement, {}));
      return {};
    });
    if (!done) throw std::runtime_error(done.error().message);
  }
  std::int64_t rows(CampaignId campaign, SendState state) {
    return number(fmt::format("SELECT COUNT(*) FROM sends WHERE campaign_id = {} AND state = {}",
                              campaign.value, static_cast<int>(state)));
  }

  void add_account() {
    execute(
        "INSERT INTO accounts (id, channel, name, business_id, sender_id, sealed_token, created_at, "
        "updated_at, display_number) "
        "VALUES (1, 'whatsapp', 'main', 'waba', '106540352242922', 'x', 0, 0, '15550783881')");
  }
  void add_campaign(CampaignId id, std::int64_t total) {
    execute(
        fmt::format("INSERT INTO campaigns (id, account_id, name, state, template_name, template_language, "
                    "total, created_by, "
                    "created_at, updated_at, started_at) VALUES ({}, 1, 'c', 'running', 'offer', 'en_US', "
                    "{}, 't', 0, 0, 1)",
                    id.value, total));
    execute(
        fmt::format("INSERT INTO campaign_segments (campaign_id, segment, first_row, last_row, next_row) "
                    "VALUES ({}, 0, 1, {}, 1)",
                    id.value, total));
  }
  std::string problems() {
    std::string text;
    const Result<> done = sql([&text](Transaction& tx) -> Result<> {
      PH_TRY_ASSIGN(const std::vector<std::string> found, check_conservation(tx));
      for (const std::string& one : found) text += one + "\n";
      return {};
    });
    return done ? text : done.error().message;
  }
  // A status webhook for a token, accepted by intake some time later.
  void post_status(const std::string& token, const std::string& wamid, const std::string& status,
                   Duration after, int code = 0);
};

inline std::string status_body(const std::string& token, const std::string& wamid, const std::string& status,
                               std::int64_t seconds, int code = 0) {
  const std::string callback = token.empty() ? "" : fmt::format(R"(,"biz_opaque_callback_data":"{}")", token);
  const std::string errors =
      code == 0 ? ""
                : fmt::format(
                      R"(,"errors":[{{"code":{},"title":"t","message":"m","error_data":{{"details":"d"}}}}])",
                      code);
  return fmt::format(
      R"({{"object":"whatsapp_business_account","entry":[{{"id":"waba","changes":[{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550783881","phone_number_id":"106540352242922"}},"statuses":[{{"id":"{}","status":"{}","timestamp":"{}","recipient_id":"491701234567"{}{}}}]}}}}]}}]}})",
      wamid, status, seconds, callback, errors);
}

inline Task<> deliver(Life* life, std::string body) {
  co_await life->intake->accept(std::move(body), "whatsapp");
}

inline void House::post_status(const std::string& token, const std::string& wamid, const std::string& status,
                               Duration after, int code) {
  const std::int64_t seconds = to_micros(world.wall_now()) / 1'000'000;
  life->process.post_after(after, [this, body = status_body(token, wamid, status, seconds, code)]() mutable {
    life->process.spawn(deliver(life.get(), std::move(body)));
  });
}

}  // namespace posthorn::testing_house
