#include "scenario.h"

#include <map>
#include <memory>
#include <set>
#include <stdexcept>

#include <fmt/format.h>

#include "messaging/conservation.h"
#include "messaging/send_state.h"
#include "messaging/single_sends.h"
#include "platform/simulated/wire.h"
#include "platform/simulated/world.h"
#include "product.h"
#include "sandbox/sandbox.h"

namespace posthorn::simulation {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::string_view kTemplateName = "simulation_offer";
constexpr std::string_view kTemplate =
    R"({"id":"900001","name":"simulation_offer","language":"en_US","status":"APPROVED","category":"MARKETING",)"
    R"("parameter_format":"POSITIONAL","components":[{"type":"BODY","text":"Hello {{1}}, your code is {{2}} today.",)"
    R"("example":{"body_text":[["Ann","X1"]]}}]})";

std::string recipient_file(int recipients) {
  std::string csv = "phone,name,code\r\n";
  for (int i = 0; i < recipients; ++i) csv += fmt::format("+4915{:09},Person {},C{}\r\n", 100000000 + i * 7, i, i);
  return csv;
}

// One life of the world.
class Scenario {
 public:
  Scenario(std::uint64_t seed, const ScenarioOptions& options)
      : options_(options), world_(seed), dice_(world_.random("scenario")), machine_(seed) {
    constexpr int kRates[] = {20, 80, 200, 1000};
    config_.rate = kRates[dice_->below(4)];
    config_.sender_id = std::string(sandbox::kDefaultNumber);
    config_.business_id = std::string(sandbox::kDefaultWaba);
    start_meta();
  }

  ScenarioResult run() {
    start_product();
    if (!prepare_campaign()) return finish("the campaign could not be prepared");
    const Duration faulty = sending_time() * 2 + seconds(20);
    set_faults(true);
    plan_crashes(faulty);
    run_while_restarting(faulty);
    set_faults(false);
    if (!product_) start_product();
    run_to_completion();
    judge();
    return finish({});
  }

 private:
  Duration sending_time() const { return Duration(static_cast<std::int64_t>(options_.recipients * 1e6 / config_.rate)); }

  void violation(std::string text) { result_.violations.push_back(std::move(text)); }

  // --- Meta -------------------------------------------------------------------------------------------------------------

  void start_meta() {
    meta_process_ = std::make_unique<simulated::Process>(world_, kMetaHost);
    meta_client_ = std::make_unique<HttpClient>(meta_process_->network(), meta_process_->clock(), meta_process_->executor());
    sandbox::SandboxConfig config = sandbox::default_config();
    for (sandbox::NumberConfig& number : config.numbers) number.messages_per_second = config_.rate;
    config.templates.emplace_back(kTemplate);
    config.limits.portfolio_daily_users = 0;
    config.webhooks.batch_max = 1 + dice_->below(100);
    config.webhooks.millisecond_timestamps = dice_->below(2) == 0;
    config.webhooks.retry_max = seconds(30);
    config.answer_delay_min = milliseconds(1 + dice_->below(50));
    config.answer_delay_max = config.answer_delay_min + milliseconds(dice_->below(400));
    meta_ = std::make_unique<sandbox::Sandbox>(std::move(config), meta_process_->clock(), meta_process_->random(), *meta_client_,
                                               meta_process_->executor());
    auto listener = meta_process_->network().listen("0.0.0.0", 80);
    if (!listener) throw std::runtime_error(listener.error().message);
    meta_server_ = std::make_unique<HttpServer>(std::move(*listener), meta_process_->clock(), meta_process_->executor(),
                                                [this](HttpExchange& exchange) { return meta_->handle(exchange); });
    meta_->set_callback(fmt::format("http://{}:{}/webhooks/whatsapp", kProductHost, config_.webhook_port));
    meta_->start();
    meta_server_->start();
  }

  sandbox::Fault fault(sandbox::FaultKind kind, double most) {
    sandbox::Fault f;
    f.kind = kind;
    f.rate = dice_->below(2) == 0 ? 0 : dice_->unit() * most;
    f.max_delay = seconds(15);
    f.processed = dice_->below(2) == 0;
    return f;
  }

  void set_faults(bool on) {
    sandbox::Chaos& chaos = meta_->chaos();
    chaos.clear();
    chaos.webhooks = {};
    world_.wire().set_link(simulated::LinkConfig{});
    machine_.disk.set_capacity(0);
    if (!on) return;
    using sandbox::FaultKind;
    for (const auto& [kind, most] : {std::pair{FaultKind::lost_reply, 0.2}, {FaultKind::reset_before, 0.1}, {FaultKind::hang, 0.05},
                                     {FaultKind::slow, 0.2}, {FaultKind::http_500_empty, 0.1}, {FaultKind::http_502_html, 0.05},
                                     {FaultKind::garbage_200, 0.05}, {FaultKind::truncated_200, 0.1}, {FaultKind::error_200, 0.05}}) {
      chaos.add(fault(kind, most));
    }
    constexpr int kCodes[] = {1, 2, 131000, 131016, 131026, 130429, 131056, 131049, 131057};
    sandbox::Fault error = fault(FaultKind::error, 0.2);
    error.code = kCodes[dice_->below(std::size(kCodes))];
    chaos.add(error);
    chaos.webhooks.drop = dice_->below(3) == 0 ? dice_->unit() * 0.2 : 0;
    drops_webhooks_ = chaos.webhooks.drop > 0;
    chaos.webhooks.duplicate = dice_->unit() * 0.5;
    chaos.webhooks.reorder = dice_->unit() * 0.5;
    if (options_.network_faults && dice_->below(2) == 0) {
      simulated::LinkConfig link;
      link.cut = dice_->unit() * 0.1;
      link.cut_within = 1 + dice_->below(200'000);
      link.refuse = dice_->unit() * 0.1;
      link.dribble = dice_->unit() * 0.05;
      world_.wire().set_link(link);
    }
  }

  // --- Posthorn ----------------------------------------------------------------------------------------------------------

  void start_product() {
    process_ = std::make_unique<simulated::Process>(world_, kProductHost);
    product_ = std::make_unique<Product>(*process_, machine_, config_);
  }

  void crash_product() {
    if (!process_) return;
    if (process_->alive()) process_->crash();
    product_.reset();
    process_.reset();
    constexpr simulated::CrashLoss kLosses[] = {simulated::CrashLoss::none, simulated::CrashLoss::all, simulated::CrashLoss::random};
    machine_.disk.crash(kLosses[dice_->below(3)]);
    machine_.files.crash();
    ++result_.crashes;
    check_conservation_on_disk("after a crash");
  }

  bool wait_until_up() {
    return world_.run_until([this] { return product_->up() || product_->dead(); }, minutes(5)) && product_->up();
  }

  static Task<> prepare(Product* product, const ScenarioOptions* options, CampaignId* id, std::string* problem, bool* done) {
    *problem = co_await prepare_steps(product, options, id);
    *done = true;
  }

  static Task<std::string> prepare_steps(Product* product, const ScenarioOptions* options, CampaignId* id) {
    const std::string csv = recipient_file(options->recipients);
    auto blob = co_await product->blobs().put(csv);
    if (!blob) co_return blob.error().message;
    UploadId upload;
    auto store = [&](Transaction& tx) -> Result<> {
      PH_TRY_ASSIGN(SqlRows rows, tx.query("INSERT INTO uploads (file_name, blob, size, created_by, created_at) VALUES ('r.csv', $1, "
                                           "$2, 'simulation', 0) RETURNING id",
                                           {blob->key, static_cast<std::int64_t>(blob->size)}));
      PH_TRY(rows.next());
      upload = UploadId{rows.integer(0)};
      return {};
    };
    const auto stored = co_await product->database().write(store);
    if (!stored) co_return stored.error().message;
    CampaignDraft draft;
    draft.name = "simulated";
    draft.account = product->account();
    draft.upload = upload;
    draft.template_name = kTemplateName;
    draft.mapping["body.1"] = "name";
    draft.mapping["body.2"] = "code";
    draft.at_least_once = options->at_least_once;
    auto made = co_await product->campaigns().create(draft, "simulation");
    if (!made) co_return made.error().message;
    *id = *made;
    auto checked = co_await product->campaigns().preflight(*id, "simulation");
    if (!checked) co_return checked.error().message;
    StartOptions start;
    start.acknowledge_warnings = true;
    auto started = co_await product->campaigns().start(*id, start, "simulation");
    if (!started) co_return started.error().message;
    co_return std::string();
  }

  bool prepare_campaign() {
    if (!wait_until_up()) return false;
    bool done = false;
    std::string problem;
    process_->spawn(prepare(product_.get(), &options_, &campaign_, &problem, &done));
    if (!world_.run_until([&] { return done; }, minutes(5))) problem = "preparing hangs";
    if (!problem.empty()) violation("prepare: " + problem);
    return problem.empty();
  }

  // --- Faults in time ------------------------------------------------------------------------------------------------------

  void plan_crashes(Duration within) {
    if (!options_.crashes) return;
    for (std::uint64_t n = dice_->below(5); n > 0; --n) {
      const Duration at(static_cast<std::int64_t>(dice_->below(static_cast<std::uint64_t>(within.count()))));
      world_.after(at, [this] { crash_wanted_ = true; });
    }
    if (options_.disk_faults && dice_->below(3) == 0) {
      world_.after(within / 4, [this] { machine_.disk.set_capacity(machine_.disk.used_bytes() + dice_->below(200'000)); });
      world_.after(within / 2, [this] { machine_.disk.set_capacity(0); });
    }
    if (dice_->below(4) == 0) {
      world_.after(within / 3, [this] {
        if (process_ && process_->alive()) process_->jump_wall_clock(dice_->below(2) == 0 ? Duration(hours(24)) : -Duration(hours(24)));
      });
    }
  }

  void run_while_restarting(Duration span) {
    const MonotonicTime end = world_.now() + span;
    while (world_.now() < end) {
      world_.run_until([this] { return crash_wanted_ || product_->dead(); }, end - world_.now());
      if (!crash_wanted_ && !product_->dead()) break;
      crash_wanted_ = false;
      crash_product();
      world_.run_for(milliseconds(dice_->below(3000)));  // down for a while: webhooks meet a closed door
      crash_wanted_ = false;
      start_product();
    }
  }

  // --- The end --------------------------------------------------------------------------------------------------------------

  // Other traffic of the number: it proves that webhooks arrive, without which nothing unknown may be given up.
  static Task<> send_traffic(Product* product, int batch) {
    auto enqueue = [product, batch](Transaction& tx) -> Result<> {
      for (int i = 0; i < 30; ++i) {
        SingleSend send;
        send.account = product->account();
        send.phone = PhoneNumber::from_digits(491600000000ULL + static_cast<std::uint64_t>(batch * 100 + i));
        send.payload = fmt::format(R"({{"messaging_product":"whatsapp","to":"{}","type":"template","template":{{"name":"{}",)"
                                   R"("language":{{"code":"en_US"}},"components":[{{"type":"body","parameters":[)"
                                   R"({{"type":"text","text":"A"}},{{"type":"text","text":"B"}}]}}]}}}})",
                                   send.phone.to_digits(), kTemplateName);
        send.purpose = "action:traffic";
        PH_TRY(enqueue_single_send(tx, send, WallTime{}));
      }
      return {};
    };
    (void)co_await product->database().write(enqueue);
    product->dispatcher().wake();
  }

  static Task<> poll(Product* product, CampaignId id, CampaignState* state) {
    const auto campaign = co_await product->campaigns().get(id);
    if (campaign) *state = campaign->state;
  }

  // Liveness (I29): once faults stop, the campaign ends within sending time, hold and some slack.
  void run_to_completion() {
    if (!wait_until_up()) {
      violation("the product does not come up after the faults have stopped");
      return;
    }
    CampaignState state = CampaignState::running;
    const Duration limit = sending_time() * 2 + config_.hold * 2 + minutes(60);
    const MonotonicTime end = world_.now() + limit;
    for (int batch = 0; world_.now() < end && !is_terminal(state); ++batch) {
      if (batch < 10) process_->spawn(send_traffic(product_.get(), batch));
      world_.run_for(seconds(30));
      if (product_->dead()) {
        violation("the product died without a fault");
        return;
      }
      process_->spawn(poll(product_.get(), campaign_, &state));
      world_.run_for(milliseconds(10));
    }
    if (state != CampaignState::completed) violation(fmt::format("not completed but {} after the faults stopped", to_string(state)));
    world_.run_until([this] { return meta_->idle(); }, minutes(30));
    world_.run_for(seconds(30));
  }

  // --- The judge -------------------------------------------------------------------------------------------------------------

  void check_conservation_on_disk(std::string_view when) {
    std::vector<std::string> problems;
    const auto looked = simulated::inspect(machine_.disk, [&](Transaction& tx) -> Result<> {
      PH_TRY_ASSIGN(problems, check_conservation(tx));
      return {};
    });
    if (!looked) violation(fmt::format("{}: the database cannot be read: {}", when, looked.error().message));
    for (const std::string& problem : problems) violation(fmt::format("{}: {}", when, problem));
  }

  // How often each row of the campaign was really taken, by the token's row field.
  std::map<std::int64_t, int> taken() {
    std::map<std::int64_t, int> out;
    for (std::size_t i = 0; i < meta_->ledger().size(); ++i) {
      const std::string token(meta_->ledger().at(static_cast<sandbox::MessageId>(i)).token);
      long long account = 0, campaign = 0, row = 0;
      if (std::sscanf(token.c_str(), "v1.%lld.%lld.%lld.", &account, &campaign, &row) != 3) {
        violation("the ledger has a message without a token of ours: " + token);
      } else if (campaign == campaign_.value) {
        ++out[row];
      }
    }
    return out;
  }

  void judge() {
    if (process_ && process_->alive()) process_->crash();
    product_.reset();
    process_.reset();
    machine_.disk.crash(simulated::CrashLoss::none);
    check_conservation_on_disk("at the end");
    const auto ledger = taken();
    std::int64_t rows = 0, twice = 0;
    const auto read = simulated::inspect(machine_.disk, [&](Transaction& tx) -> Result<> {
      PH_TRY_ASSIGN(SqlRows sends, tx.query("SELECT row_no, state FROM sends WHERE campaign_id = $1 ORDER BY row_no", {campaign_.value}));
      while (true) {
        PH_TRY_ASSIGN(const bool more, sends.next());
        if (!more) return {};
        ++rows;
        judge_row(sends.integer(0), static_cast<SendState>(sends.integer(1)), ledger);
      }
    });
    if (!read) violation("sends cannot be read: " + read.error().message);
    if (rows != options_.recipients) violation(fmt::format("{} of {} recipients have a fate", rows, options_.recipients));
    for (const auto& [row, times] : ledger) twice += times > 1 ? 1 : 0;
    if (!options_.at_least_once && twice > 0) violation(fmt::format("{} recipients were sent to twice", twice));
    judge_pace();
    result_.lost_replies = meta_->chaos().injected(sandbox::FaultKind::lost_reply);
  }

  void judge_row(std::int64_t row, SendState state, const std::map<std::int64_t, int>& ledger) {
    const auto found = ledger.find(row);
    const bool taken = found != ledger.end();
    switch (state) {
      case SendState::accepted:
        ++result_.accepted;
        if (!taken) violation(fmt::format("row {} is accepted but Meta never took it", row));
        break;
      case SendState::rejected:
        ++result_.rejected;
        if (taken) violation(fmt::format("row {} is rejected but Meta took it", row));
        break;
      case SendState::unknown_final:
        ++result_.unknown_final;
        if (taken && !drops_webhooks_) violation(fmt::format("row {} stayed unknown although its statuses were delivered", row));
        break;
      case SendState::suppressed: break;
      default: violation(fmt::format("row {} ended as {}", row, to_string(state)));
    }
  }

  void judge_pace() {
    const auto& pace = meta_->pace(config_.sender_id);
    if (pace.max_window > static_cast<std::uint64_t>(config_.rate)) {
      violation(fmt::format("{} messages in one second at a limit of {}", pace.max_window, config_.rate));
    }
  }

  ScenarioResult finish(std::string problem) {
    if (!problem.empty()) violation(std::move(problem));
    result_.trace_hash = world_.trace_hash();
    result_.handlers = world_.handlers_run();
    return std::move(result_);
  }

 public:
  ~Scenario() {
    if (process_ && process_->alive()) process_->crash();
    if (meta_process_ && meta_process_->alive()) meta_process_->crash();
    product_.reset();
    meta_server_.reset();
    meta_.reset();
    meta_client_.reset();
  }

 private:
  ScenarioOptions options_;
  simulated::World world_;
  std::unique_ptr<simulated::SeededRandom> dice_;
  Machine machine_;
  ProductConfig config_;
  std::unique_ptr<simulated::Process> meta_process_, process_;
  std::unique_ptr<HttpClient> meta_client_;
  std::unique_ptr<sandbox::Sandbox> meta_;
  std::unique_ptr<HttpServer> meta_server_;
  std::unique_ptr<Product> product_;
  CampaignId campaign_;
  bool crash_wanted_ = false;
  bool drops_webhooks_ = false;
  ScenarioResult result_;
};

}  // namespace

ScenarioResult run_scenario(std::uint64_t seed, const ScenarioOptions& options) { return Scenario(seed, options).run(); }

}  // namespace posthorn::simulation
