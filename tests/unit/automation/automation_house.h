// Automation in the simulator: a database on a RAM disk, signals and uploads that keep a ledger. Everything
// but disk and ledger can be killed and started again at any instant.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "automation/automation.h"
#include "automation/automation_store.h"
#include "platform/log.h"
#include "platform/metrics.h"
#include "platform/simulated/process.h"
#include "platform/simulated/world.h"
#include "storage/event_log.h"
#include "storage/simulated_database.h"
#include "storage/simulated_disk.h"

namespace posthorn::automation {

using namespace std::chrono_literals;

// What the world saw, whoever died in between.
struct Ledger {
  std::vector<std::string> calls;  // "read:wamid.1", "typing:wamid.1", "react:wamid.1:👍", "upload:<blob>"
  std::map<std::string, int> failures;  // call → how often it still fails
  ErrorCode failure = ErrorCode::unavailable;
  std::map<std::string, int> bugs;  // call → how often it throws
  Duration delay = 300us;

  Result<> call(std::string what) {
    calls.push_back(what);
    if (bugs[what] > 0) {
      --bugs[what];
      throw std::runtime_error("a bug in " + what);
    }
    const auto planned = failures.find(what);
    if (planned == failures.end() || planned->second == 0) return {};
    --planned->second;
    return fail(failure, what + " failed");
  }
  int count(std::string_view what) const {
    return static_cast<int>(
        std::ranges::count_if(calls, [&](const std::string& c) { return c.starts_with(what); }));
  }
};

class LedgerSignals final : public ConversationSignals {
 public:
  LedgerSignals(simulated::Process& process, Ledger& ledger) : process_(process), ledger_(ledger) {}
  Task<Result<>> mark_read(SignalTarget t) override { return call("read:" + t.message_id); }
  Task<Result<>> typing(SignalTarget t) override { return call("typing:" + t.message_id); }
  Task<Result<>> react(SignalTarget t, std::string emoji) override {
    return call("react:" + t.message_id + ":" + emoji + ":" + t.phone);
  }

 private:
  Task<Result<>> call(std::string what) {
    co_await process_.clock().sleep_for(ledger_.delay);
    co_return ledger_.call(std::move(what));
  }
  simulated::Process& process_;
  Ledger& ledger_;
};

class LedgerUploader final : public MediaUploader {
 public:
  LedgerUploader(simulated::Process& process, Ledger& ledger) : process_(process), ledger_(ledger) {}
  Task<Result<std::string>> upload(MediaFile file) override {
    co_await process_.clock().sleep_for(ledger_.delay);
    PH_CO_TRY(ledger_.call("upload:" + file.blob));
    co_return fmt::format("4711{}", file.account.value);
  }

 private:
  simulated::Process& process_;
  Ledger& ledger_;
};

struct Life {
  Life(simulated::World& world, simulated::Disk& disk, Ledger& ledger, const AutomationOptions& options,
       QueueReply queue)
      : process(world, "posthorn"), signals(process, ledger), uploader(process, ledger) {
    simulated::DatabaseOptions database_options;
    database_options.post_after = [this](Duration d, std::move_only_function<void()> f) {
      process.post_after(d, std::move(f));
    };
    database = std::move(simulated::open_database(disk, database_options).value());
    automation = std::make_unique<Automation>(
        AutomationPorts{*database, process.clock(), null_log(), *metrics, signals, uploader, std::move(queue),
                        [this](AccountId account) { woken.push_back(account); }, process.executor()},
        options);
  }
  ~Life() {
    if (process.alive()) process.crash();
  }

  simulated::Process process;
  std::unique_ptr<Metrics> metrics = make_metrics();
  LedgerSignals signals;
  LedgerUploader uploader;
  std::vector<AccountId> woken;
  std::unique_ptr<Database> database;
  std::unique_ptr<Automation> automation;
};

// A message that arrives.
struct Arrival {
  int person = 1;
  std::string text = "Hello";
  std::string type = "text";
  std::string payload = {};
  Duration age{};
  int flags = 0;
  bool standby = false;
  int direction = 0;
  std::string attachment = {};  // a blob key: it has one, which is waiting
  std::string kind = "message.received";
};

class House {
 public:
  explicit House(std::uint64_t seed = 1) : disk(seed), world(seed) {
    options.limits.stop_keywords = {"STOP"};
    options.poll = 5min;  // settle() wakes it
  }

  simulated::Disk disk;
  simulated::World world;
  Ledger ledger;
  AutomationOptions options;
  QueueReply queue = outgoing_messages::queue_reply;
  std::unique_ptr<Life> life;

  void open() { life = std::make_unique<Life>(world, disk, ledger, options, queue); }
  void start() {
    auto begin = [](Automation* automation) -> Task<> {
      const Result<> started = co_await automation->start();
      if (!started) throw std::runtime_error(started.error().message);
    };
    life->process.spawn(begin(life->automation.get()));
    world.run_for(2ms);
  }
  void crash(simulated::CrashLoss loss = simulated::CrashLoss::random) {
    life.reset();
    disk.crash(loss);
  }
  void restart() {
    crash();
    open();
    start();
  }

  void sql(std::function<Result<>(Transaction&)> work) {
    auto result = std::make_shared<std::optional<Result<>>>();
    auto task = [](Database* db, std::function<Result<>(Transaction&)> f,
                   std::shared_ptr<std::optional<Result<>>> out) -> Task<> {
      auto closure = [f](Transaction& tx) { return f(tx); };
      *out = co_await db->write(closure);
    };
    life->process.spawn(task(life->database.get(), std::move(work), result));
    world.run_until([&] { return result->has_value(); }, 1min);
    if (!**result) throw std::runtime_error((*result)->error().message);
  }
  void execute(std::string statement) {
    sql([statement](Transaction& tx) -> Result<> {
      PH_TRY(tx.execute(statement));
      return {};
    });
  }
  std::vector<std::string> texts(std::string query) {
    std::vector<std::string> out;
    sql([&out, query](Transaction& tx) -> Result<> {
      PH_TRY_ASSIGN(SqlRows rows, tx.query(query));
      while (true) {
        PH_TRY_ASSIGN(const bool more, rows.next());
        if (!more) return {};
        out.emplace_back(rows.text(0));
      }
    });
    return out;
  }
  std::int64_t number(std::string query) { return std::stoll(texts(std::move(query)).at(0)); }

  // Account 1 and persons 1 … n with conversations of the same numbers, phones 49170000000<n>.
  void furnish(int people = 2, std::string channel = "whatsapp") {
    execute(
        "INSERT INTO accounts (id, channel, name, business_id, sender_id, sealed_token, created_at, "
        "updated_at) VALUES "
        "(1, '" +
        channel + "', 'Shop', 'waba', '1065', 'x', 0, 0)");
    for (int n = 1; n <= people; ++n) {
      execute(
          fmt::format("INSERT INTO people (id, portfolio, name, created_at, updated_at) VALUES ({}, 'waba', "
                      "'Ada {}', 0, 0)",
                      n, n));
      const bool phone = channel == "whatsapp";
      execute(fmt::format(
          "INSERT INTO person_addresses (kind, scope, value, person_id, shown, valid_from) VALUES "
          "({}, '{}', '49170000000{}', {}, '49170000000{}', 0)",
          phone ? 1 : 4, phone ? "waba" : "1065", n, n, n));
      execute(fmt::format(
          "INSERT INTO conversations (id, account_id, person_id, created_at) VALUES ({}, 1, {}, 0)", n, n));
    }
  }

  RuleId add_rule(std::string name, std::string definition, bool enabled = true) {
    RuleId id;
    sql([&](Transaction& tx) -> Result<> {
      PH_TRY_ASSIGN(const json::value parsed, parse_json(definition));
      Rule rule;
      rule.name = name;
      rule.enabled = enabled;
      PH_TRY_ASSIGN(rule.definition, parse_rule(parsed));
      PH_TRY_ASSIGN(id, save_rule(tx, rule, wall_from_micros(0)));
      return {};
    });
    return id;
  }
  void add_menu(std::string name, std::string definition) {
    sql([&](Transaction& tx) -> Result<> {
      PH_TRY_ASSIGN(const json::value parsed, parse_json(definition));
      PH_TRY_ASSIGN(Menu menu, parse_menu(name, parsed));
      return save_menu(tx, {AccountId{}, true, std::move(menu)}, wall_from_micros(0));
    });
  }

  // As intake stores it, event included; channel id "wamid.<id>". Returns the message's id.
  std::int64_t arrive(const Arrival& a) {
    const WallTime now = world.wall_now();
    std::int64_t id = 0;
    sql([&, now](Transaction& tx) -> Result<> { return store(tx, a, now, id); });
    return id;
  }
  void stored(std::int64_t message, std::string state = "stored") {
    const WallTime now = world.wall_now();
    sql([=](Transaction& tx) -> Result<> {
      const int number = state == "stored" ? 1 : state == "lost" ? 2 : 3;
      PH_TRY(tx.execute("UPDATE attachments SET state = $2 WHERE message_id = $1", {message, number}));
      PH_TRY(events::append(
          tx, now, "message.attachment", "conversation:1",
          fmt::format(R"({{"message_id":{},"conversation_id":1,"attachment_id":{},"state":"{}"}})", message,
                      message, state)));
      return {};
    });
  }
  void settle(Duration span = 3s) {
    life->automation->wake();
    world.run_for(span);
  }
  // What automation said, oldest first: "<conversation> <text>".
  std::vector<std::string> said() {
    return texts(
        "SELECT conversation_id || ' ' || text FROM messages WHERE direction = 1 AND author LIKE "
        "'automation:%' "
        "ORDER BY id");
  }

 private:
  static Result<> store(Transaction& tx, const Arrival& a, WallTime now, std::int64_t& id) {
    PH_TRY_ASSIGN(
        SqlRows made,
        tx.query(
            "INSERT INTO messages (conversation_id, direction, at, received_at, type, text, payload, flags) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
            {a.person, a.direction, now - a.age, now, a.type, a.text, a.payload, a.flags}));
    PH_TRY(made.next());
    id = made.integer(0);
    PH_TRY(
        tx.execute("UPDATE messages SET channel_id = $2 WHERE id = $1", {id, "wamid." + std::to_string(id)}));
    PH_TRY(
        tx.execute("UPDATE conversations SET last_inbound_at = $2, last_action_at = $2, last_message_id = $3 "
                   "WHERE id = $1",
                   {a.person, now - a.age, id}));
    if (!a.attachment.empty()) {
      PH_TRY(
          tx.execute("INSERT INTO attachments (id, message_id, position, account_id, kind, state, blob, "
                     "size, mime_type, "
                     "file_name) VALUES ($1, $1, 0, 1, $2, 0, $3, 1000, $4, 'a.bin')",
                     {id, a.type, a.attachment, a.type == "sticker" ? "image/webp" : "image/jpeg"}));
    }
    const std::string standby = a.standby ? R"(,"standby":true)" : "";
    PH_TRY(events::append(
        tx, now, a.kind, fmt::format("conversation:{}", a.person),
        fmt::format(R"({{"message_id":{},"conversation_id":{},"account_id":1,"person_id":{},"type":"{}",)"
                    R"("channel":"whatsapp"{}}})",
                    id, a.person, a.person, a.type, standby)));
    return {};
  }
};

}  // namespace posthorn::automation
