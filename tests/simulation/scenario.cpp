#include "scenario.h"

#include <algorithm>
#include <memory>
#include <stdexcept>

#include <fmt/format.h>

#include "judge.h"
#include "operator.h"
#include "platform/log.h"
#include "platform/simulated/wire.h"
#include "platform/simulated/world.h"
#include "product.h"
#include "sandbox/sandbox.h"

namespace posthorn::simulation {
namespace {

using sandbox::FaultKind;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::string_view kTemplate =
    R"({"id":"900001","name":"simulation_offer","language":"en_US","status":"APPROVED","category":"MARKETING",)"
    R"("parameter_format":"POSITIONAL","components":[{"type":"BODY","text":"Hello {{1}}, your code is {{2}} today.",)"
    R"("example":{"body_text":[["Ann","X1"]]}}]})";

// What befalls the broadcast besides random faults.
enum class Story { plain, pause, cancel, token, paused_template };
constexpr std::string_view kStories[] = {"", "pause and resume", "cancel", "token expires",
                                         "template paused"};

constexpr FaultKind kAnswerFaults[] = {FaultKind::error,         FaultKind::http_500_empty,
                                       FaultKind::http_502_html, FaultKind::garbage_200,
                                       FaultKind::truncated_200, FaultKind::error_200,
                                       FaultKind::lost_reply,    FaultKind::reset_before,
                                       FaultKind::hang,          FaultKind::slow};

// The product's log as lines with virtual time.
class PrintedLog final : public Log {
 public:
  explicit PrintedLog(const simulated::World& world) : world_(world) {}
  void write(LogLevel, std::string_view event, std::initializer_list<LogField> fields) override {
    fmt::print("{:12.6f} {}", std::chrono::duration<double>(world_.now().time_since_epoch()).count(), event);
    for (const LogField& field : fields) {
      std::visit([&](const auto& value) { fmt::print(" {}={}", field.name, value); }, field.value);
    }
    fmt::print("\n");
  }

 private:
  const simulated::World& world_;
};

// One life of the world.
class Scenario {
 public:
  Scenario(std::uint64_t seed, const ScenarioOptions& options)
      : options_(options), world_(seed), dice_(world_.random("scenario")), machine_(seed), log_(world_) {
    constexpr int kRates[] = {20, 80, 200, 1000};
    config_.rate = kRates[dice_->below(4)];
    config_.sender_id = std::string(sandbox::kDefaultNumber);
    config_.business_id = std::string(sandbox::kDefaultWaba);
    if (options.log) config_.log = &log_;
    exercised(fmt::format("{}/s", config_.rate));
    start_meta();
  }

  ~Scenario() {
    end_product();
    meta_process_->crash();
    meta_server_.reset();
    meta_.reset();
    meta_client_.reset();
  }

  ScenarioResult run() {
    start_product();
    if (start_one()) {
      const Duration faulty = sending_time() * 2 + seconds(20);
      set_faults();
      plan_crashes(faulty);
      plan_story();
      run_while_restarting(faulty);
      end_faults();
      run_to_completion();
      judge_campaign();
      if (result_.violations.empty() && dice_->below(4) == 0) second_campaign();
    }
    Judge(machine_.disk, *meta_, result_).pace(config_.sender_id, config_.rate);
    result_.trace_hash = world_.trace_hash();
    result_.handlers = world_.handlers_run();
    return std::move(result_);
  }

 private:
  Duration sending_time() const {
    return Duration(static_cast<std::int64_t>(options_.recipients * 1e6 / config_.rate));
  }
  Duration some(Duration most) {
    return Duration(static_cast<std::int64_t>(dice_->below(static_cast<std::uint64_t>(most.count()) + 1)));
  }
  bool one_in(std::uint64_t n) { return dice_->below(n) == 0; }
  void violation(std::string text) { result_.violations.push_back(std::move(text)); }
  void exercised(std::string text) { result_.exercised.push_back(std::move(text)); }

  // --- Meta ------------------------------------------------------------------------------------------------

  sandbox::SandboxConfig meta_config() {
    sandbox::SandboxConfig config = sandbox::default_config();
    for (sandbox::NumberConfig& number : config.numbers) number.messages_per_second = config_.rate;
    config.templates.emplace_back(kTemplate);
    config.limits.portfolio_daily_users = 0;
    config.phones.opt_out = 0.03;
    config.phones.reply_stop = 0.03;
    config.webhooks.batch_max = 1 + dice_->below(100);
    config.webhooks.millisecond_timestamps = one_in(2);
    config.webhooks.retry_max = seconds(30);
    config.answer_delay_min = milliseconds(1 + dice_->below(50));
    config.answer_delay_max = config.answer_delay_min + milliseconds(dice_->below(400));
    return config;
  }

  void start_meta() {
    meta_process_ = std::make_unique<simulated::Process>(world_, kMetaHost);
    simulated::Process& p = *meta_process_;
    meta_client_ = std::make_unique<HttpClient>(p.network(), p.clock(), p.executor());
    meta_ =
        std::make_unique<sandbox::Sandbox>(meta_config(), p.clock(), p.random(), *meta_client_, p.executor());
    auto listener = p.network().listen("0.0.0.0", 80);
    if (!listener) throw std::runtime_error(listener.error().message);
    auto handler = [this](HttpExchange& exchange) { return meta_->handle(exchange); };
    meta_server_ = std::make_unique<HttpServer>(std::move(*listener), p.clock(), p.executor(), handler);
    meta_->set_callback(fmt::format("http://{}:{}/webhooks/whatsapp", kProductHost, config_.webhook_port));
    meta_->start();
    meta_server_->start();
  }

  sandbox::Fault fault(FaultKind kind, double most) {
    sandbox::Fault f;
    f.kind = kind;
    f.rate = one_in(2) ? 0 : dice_->unit() * most;
    f.max_delay = seconds(15);
    f.processed = one_in(2);
    return f;
  }

  void set_faults() {
    sandbox::Chaos& chaos = meta_->chaos();
    for (const auto& [kind, most] : {std::pair{FaultKind::lost_reply, 0.2},
                                     {FaultKind::reset_before, 0.1},
                                     {FaultKind::hang, 0.05},
                                     {FaultKind::slow, 0.2},
                                     {FaultKind::http_500_empty, 0.1},
                                     {FaultKind::http_502_html, 0.05},
                                     {FaultKind::garbage_200, 0.05},
                                     {FaultKind::truncated_200, 0.1},
                                     {FaultKind::error_200, 0.05}}) {
      chaos.add(fault(kind, most));
    }
    constexpr int kCodes[] = {1, 2, 131000, 131016, 131026, 130429, 131056, 131049, 131057};
    sandbox::Fault error = fault(FaultKind::error, 0.2);
    error.code = kCodes[dice_->below(std::size(kCodes))];
    if (error.rate > 0) exercised(fmt::format("code {}", error.code));
    chaos.add(error);
    chaos.webhooks.drop = one_in(3) ? dice_->unit() * 0.2 : 0;
    statuses_lost_ = chaos.webhooks.drop > 0;
    if (statuses_lost_) exercised("lost webhooks");
    chaos.webhooks.duplicate = dice_->unit() * 0.5;
    chaos.webhooks.reorder = dice_->unit() * 0.5;
    if (one_in(2)) set_bad_link();
  }

  void set_bad_link() {
    simulated::LinkConfig link;
    link.cut = dice_->unit() * 0.1;
    link.cut_within = 1 + dice_->below(200'000);
    link.refuse = dice_->unit() * 0.1;
    link.dribble = dice_->unit() * 0.05;
    world_.wire().set_link(link);
    bad_link_ = true;
    exercised("bad link");
  }

  // Everything outside of the product works again; people put right what stopped the broadcast
  // (run_to_completion).
  void end_faults() {
    sandbox::Chaos& chaos = meta_->chaos();
    for (const FaultKind kind : kAnswerFaults) result_.faults += chaos.injected(kind);
    chaos.clear();
    chaos.webhooks = {};
    world_.wire().set_link(simulated::LinkConfig{});
    machine_.disk.set_capacity(0);
    repair_meta();
    wish_ = wish_ == Wish::pause ? Wish::none : wish_;
  }

  void repair_meta() {
    if (story_ == Story::token) meta_->restore_tokens();
    if (story_ == Story::paused_template) {
      (void)meta_->set_template_status(kTemplateName, kTemplateLanguage, "APPROVED");
    }
  }

  // --- Posthorn --------------------------------------------------------------------------------------------

  void start_product() {
    process_ = std::make_unique<simulated::Process>(world_, kProductHost);
    process_->let_time_pass(std::chrono::microseconds(1));
    product_ = std::make_unique<Product>(*process_, machine_, config_);
    asked_ = false;
  }

  void end_product() {
    if (process_ && process_->alive()) process_->crash();
    product_.reset();
    process_.reset();
  }

  void crash_product() {
    end_product();
    constexpr simulated::CrashLoss kLosses[] = {simulated::CrashLoss::none, simulated::CrashLoss::all,
                                                simulated::CrashLoss::random};
    constexpr std::string_view kNames[] = {"killed", "power loss", "torn power loss"};
    const std::uint64_t loss = dice_->below(3);
    machine_.disk.crash(kLosses[loss]);
    machine_.files.crash();
    ++result_.crashes;
    exercised(std::string(kNames[loss]));
    Judge(machine_.disk, *meta_, result_).books("after a crash", auto_window(config_.rate));
  }

  bool wait_until_up() {
    return world_.run_until([this] { return product_->up() || product_->dead(); }, minutes(5)) &&
           product_->up();
  }

  bool start_one() {
    if (!wait_until_up()) {
      violation("the product does not come up");
      return false;
    }
    Answer& answer = start_answer_;
    answer = {};
    process_->spawn(
        start_broadcast(product_.get(), options_.recipients, options_.at_least_once, &campaign_, &answer));
    if (!world_.run_until([&] { return answer.done; }, minutes(5))) answer.problem = "hangs";
    if (!answer.problem.empty()) violation("the broadcast cannot be started: " + answer.problem);
    return answer.problem.empty();
  }

  // --- Faults in time
  // ----------------------------------------------------------------------------------------

  void plan_crashes(Duration within) {
    for (std::uint64_t n = dice_->below(static_cast<std::uint64_t>(options_.most_crashes) + 1); n > 0; --n) {
      world_.after(some(within), [this] { crash_wanted_ = true; });
    }
    if (one_in(3)) {
      exercised("disk full");
      world_.after(within / 4, [this] {
        machine_.disk.set_capacity(machine_.disk.used_bytes() + dice_->below(200'000));
      });
      world_.after(within / 2, [this] { machine_.disk.set_capacity(0); });
    }
    if (one_in(4)) {
      const Duration step = one_in(2) ? Duration(hours(24)) : -Duration(hours(24));
      exercised(step > Duration(0) ? "clock +1 day" : "clock -1 day");
      const bool comes_back = one_in(2);
      // Not within seconds: a step is noticed by looking every five.
      const Duration back = seconds(10) + some(within);
      world_.after(within / 3, [this, step, comes_back, back] { jump_clock(step, comes_back, back); });
    }
  }

  // The clock of a new process is right again: somebody set it while the machine was down.
  void jump_clock(Duration step, bool comes_back, Duration back) {
    if (!process_ || !process_->alive()) return;
    process_->jump_wall_clock(step);
    const std::uint64_t same = process_->id();
    if (!comes_back) return;
    world_.after(back, [this, step, same] {
      if (process_ && process_->alive() && process_->id() == same) process_->jump_wall_clock(-step);
    });
  }

  void plan_story() {
    const std::uint64_t drawn = dice_->below(10);
    story_ = drawn < 1 || drawn > 4 ? Story::plain : static_cast<Story>(drawn);
    if (story_ == Story::plain) return;
    exercised(std::string(kStories[drawn]));
    world_.after(some(sending_time()), [this] { begin_story(); });
  }

  void begin_story() {
    const Duration later = some(seconds(30));
    switch (story_) {
      case Story::plain:
        break;
      case Story::pause:
        wish_ = Wish::pause;
        break;
      case Story::cancel:
        wish_ = Wish::cancel;
        break;
      case Story::token:
        meta_->expire_tokens();
        break;
      case Story::paused_template:
        (void)meta_->set_template_status(kTemplateName, kTemplateLanguage, "PAUSED", "LOW_QUALITY");
        break;
    }
    if (story_ == Story::pause || story_ == Story::cancel) return;
    world_.after(later, [this] {
      repair_meta();
      wish_ = Wish::resume;
    });
  }

  // Lets the operator have what he wants, again after each crash until it is done.
  void serve_wishes() {
    if (wish_ == Wish::none || !product_->up() || product_->dead()) return;
    if (!asked_) {
      asked_ = true;
      operator_answer_ = {};
      process_->spawn(fulfil(product_.get(), campaign_, wish_, &operator_answer_));
    } else if (operator_answer_.done) {
      asked_ = false;
      if (operator_answer_.problem.empty()) wish_fulfilled();
    }
  }

  void wish_fulfilled() {
    const Wish done = std::exchange(wish_, Wish::none);
    if (done == Wish::cancel) {
      cancelled_ = true;
      cancelled_at_ = world_.wall_now();
    }
    if (done == Wish::pause) {
      world_.after(some(seconds(20)), [this] { wish_ = Wish::resume; });
    }
  }

  void run_while_restarting(Duration span) {
    const MonotonicTime end = world_.now() + span;
    while (world_.now() < end) {
      const MonotonicTime look =
          std::min<MonotonicTime>(end, world_.now() + milliseconds(wish_ == Wish::none ? 1000 : 50));
      const auto broken = [this] { return crash_wanted_ || product_->dead(); };
      if (world_.run_until(broken, look - world_.now()))
        restart();
      else
        world_.run_for(look - world_.now());
      serve_wishes();
    }
  }

  void restart() {
    crash_product();
    world_.run_for(some(seconds(3)));  // down for a while: webhooks meet a closed door
    crash_wanted_ = false;
    start_product();
  }

  // --- The end
  // -----------------------------------------------------------------------------------------------

  bool may_be_paused() const { return story_ != Story::plain && story_ != Story::cancel; }

  static bool open_rows(const CampaignCounters& c) { return c.intents + c.deferred + c.unknown > 0; }

  // Liveness (I29): once faults stop, the broadcast ends within sending time, hold and some slack.
  void run_to_completion() {
    if (!wait_until_up()) return violation("the product does not come up after the faults have stopped");
    Campaign& seen = seen_;
    seen = Campaign{};
    seen.state = CampaignState::running;
    const MonotonicTime end = world_.now() + sending_time() * 2 + config_.hold * 2 + minutes(30);
    for (int batch = 0; world_.now() < end; ++batch) {
      if (seen.counters.unknown > 0 && batch < 12) process_->spawn(send_traffic(product_.get(), batch_++));
      for (int i = 0; i < 30; ++i) {
        world_.run_for(seconds(1));
        serve_wishes();
      }
      if (product_->dead()) return violation("the product died without a fault");
      process_->spawn(look(product_.get(), campaign_, &seen));
      world_.run_for(milliseconds(10));
      if (is_terminal(seen.state) && !open_rows(seen.counters)) break;
      if (seen.state == CampaignState::paused && may_be_paused()) wish_ = Wish::resume;
    }
    const CampaignState due = cancelled_ ? CampaignState::cancelled : CampaignState::completed;
    if (seen.state != due) {
      const DispatcherStats d = product_->dispatcher().stats();
      violation(
          fmt::format("{} instead of {} after the faults stopped: {} [open {}, ready {}, in flight {}{}{}]",
                      to_string(seen.state), to_string(due), seen.state_reason, d.open, d.ready, d.in_flight,
                      d.unreachable ? ", unreachable" : "", d.store_full ? ", store full" : ""));
    }
    world_.run_until([this] { return meta_->idle(); }, minutes(30));
    world_.run_for(seconds(30));
  }

  void judge_campaign() {
    end_product();
    machine_.disk.crash(simulated::CrashLoss::none);
    Circumstances c;
    c.campaign = campaign_;
    c.recipients = options_.recipients;
    c.at_least_once = options_.at_least_once && !options_.judge_at_most_once;
    c.statuses_lost = statuses_lost_;
    c.cancelled = cancelled_;
    c.cancelled_at = cancelled_at_;
    c.opted_out = opted_out_;
    if (!bad_link_) {
      c.most_unknown =
          auto_window(config_.rate) * result_.crashes + static_cast<std::int64_t>(result_.faults);
    }
    Judge judge(machine_.disk, *meta_, result_);
    judge.books("at the end", auto_window(config_.rate));
    judge.broadcast(c);
  }

  // Phones that said stop to the first broadcast hear nothing of a second one.
  void second_campaign() {
    for (std::size_t i = 0; i < meta_->ledger().size(); ++i) {
      const std::uint64_t phone = meta_->ledger().at(static_cast<sandbox::MessageId>(i)).phone;
      if (meta_->phones().opted_out(phone) && !statuses_lost_) opted_out_.push_back(phone);
    }
    std::sort(opted_out_.begin(), opted_out_.end());
    exercised(fmt::format("second broadcast, {} had said stop", opted_out_.size()));
    story_ = Story::plain;
    cancelled_ = false;
    start_product();
    if (!start_one()) return;
    run_to_completion();
    judge_second();
  }

  void judge_second() {
    end_product();
    machine_.disk.crash(simulated::CrashLoss::none);
    Circumstances c;
    c.campaign = campaign_;
    c.recipients = -1;
    c.most_unknown = 0;
    c.opted_out = opted_out_;
    Judge judge(machine_.disk, *meta_, result_);
    judge.books("after the second broadcast", auto_window(config_.rate));
    judge.broadcast(c);
  }

  ScenarioOptions options_;
  simulated::World world_;
  std::unique_ptr<simulated::SeededRandom> dice_;
  Machine machine_;
  PrintedLog log_;
  ProductConfig config_;
  std::unique_ptr<simulated::Process> meta_process_, process_;
  std::unique_ptr<HttpClient> meta_client_;
  std::unique_ptr<sandbox::Sandbox> meta_;
  std::unique_ptr<HttpServer> meta_server_;
  std::unique_ptr<Product> product_;
  CampaignId campaign_;
  Story story_ = Story::plain;
  Wish wish_ = Wish::none;
  bool asked_ = false;  // the present process works on the wish
  Answer operator_answer_, start_answer_;
  Campaign seen_;
  bool crash_wanted_ = false, statuses_lost_ = false, bad_link_ = false, cancelled_ = false;
  WallTime cancelled_at_{};
  std::vector<std::uint64_t> opted_out_;
  int batch_ = 0;
  ScenarioResult result_;
};

}  // namespace

ScenarioResult run_scenario(std::uint64_t seed, const ScenarioOptions& options) {
  return Scenario(seed, options).run();
}

}  // namespace posthorn::simulation
