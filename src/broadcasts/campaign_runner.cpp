#include "broadcasts/campaign_runner.h"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include "broadcasts/campaign_message.h"
#include "broadcasts/campaign_options.h"
#include "broadcasts/campaign_source.h"
#include "core/time_zones.h"
#include "messaging/essential_loop.h"
#include "messaging/reconciler.h"
#include "messaging/wakeup.h"

namespace posthorn {
namespace {

constexpr Duration kTick = std::chrono::seconds(1);
constexpr Duration kIdleTick =
    std::chrono::seconds(5);  // while nothing is scheduled and nobody waits for a message
constexpr Duration kHandOverAgain = std::chrono::seconds(30);
constexpr std::size_t kRateSamples = 6;  // one a tick: the rate is that of the last five seconds

struct Sample {
  MonotonicTime at;
  std::int64_t done;
};

std::int64_t done_of(const CampaignCounters& c) {
  return c.total - c.queued - c.deferred - c.intents;
}

// Somebody may look at its rate, or its time may come within the second.
bool needs_close_look(const StoredCampaign& campaign) {
  const CampaignCounters& c = campaign.counters;
  if (campaign.state == CampaignState::scheduled) return true;
  return campaign.state == CampaignState::running && c.queued + c.intents + c.deferred > 0;
}

bool is_settled(const CampaignCounters& c) {
  return c.queued + c.intents + c.deferred + c.unknown == 0;
}

Result<whatsapp::Template> template_of(const StoredCampaign& campaign) {
  auto tree = parse_json(campaign.template_json);
  if (!tree || !tree->is_object())
    return fail(ErrorCode::data_loss, "the stored template of the broadcast cannot be read");
  return whatsapp::parse_template(tree->get_object());
}

Result<std::map<std::string, whatsapp::SlotType, std::less<>>> types_of(
    const StoredCampaign& campaign, const whatsapp::Template& message_template) {
  auto tree = parse_json(campaign.mapping_json);
  if (!tree || !tree->is_object())
    return fail(ErrorCode::data_loss, "the stored mapping of the broadcast cannot be read");
  PH_TRY_ASSIGN(MessagePlan plan, plan_message(message_template, tree->get_object()));
  return std::move(plan.types);
}

}  // namespace

struct CampaignRunner::Impl : std::enable_shared_from_this<CampaignRunner::Impl> {
  explicit Impl(CampaignPorts p) : ports(std::move(p)), wake(ports.executor, ports.clock) {}

  CampaignPorts ports;
  bool stopped = false;
  Wakeup wake;              // a broadcast has just begun
  bool close_look = false;  // at the last tick
  std::map<CampaignId, std::deque<Sample>> samples;
  struct Handed {
    AccountId account;
    std::shared_ptr<CampaignSource> source;
  };
  std::map<CampaignId, Handed> handed;          // running campaigns their dispatchers have
  std::map<CampaignId, MonotonicTime> retries;  // running campaigns that could not be handed over

  Task<Result<std::shared_ptr<CampaignSource>>> open_source(StoredCampaign campaign) {
    PH_CO_TRY_ASSIGN(std::unique_ptr<FileReader> file, co_await ports.blobs.open(campaign.list_blob));
    PH_CO_TRY_ASSIGN(std::unique_ptr<RecipientListReader> list,
                     co_await RecipientListReader::open(std::move(file)));
    PH_CO_TRY_ASSIGN(whatsapp::Template message_template, template_of(campaign));
    PH_CO_TRY_ASSIGN(const auto types, types_of(campaign, message_template));
    PH_CO_TRY_ASSIGN(whatsapp::CompiledTemplateMessage message,
                     compile_message(std::move(message_template), list->slots(), types));
    PH_CO_TRY_ASSIGN(const CampaignOptions options, options_from_json(campaign.options_json));
    const SendPolicy policy = options.at_least_once ? SendPolicy::at_least_once : SendPolicy::at_most_once;
    co_return std::make_shared<CampaignSource>(campaign.id, policy, options.error_share_pause,
                                               std::move(list), std::move(message));
  }

  Task<Result<>> run(CampaignId id) {
    StoredCampaign campaign;
    auto load = [&](Transaction& tx) -> Result<bool> {
      PH_TRY_ASSIGN(campaign, campaigns::get(tx, id));
      return true;
    };
    PH_CO_TRY(co_await ports.database.read(load));
    if (campaign.state != CampaignState::running) co_return Result<>{};
    handed.erase(id);
    retries[id] = ports.clock.now() + kHandOverAgain;
    PH_CO_TRY(co_await keep_quiet_hours(campaign));
    auto source = co_await open_source(campaign);
    if (!source) {
      co_await fail_campaign(id, source.error().message);
      co_return std::unexpected(source.error());
    }
    Dispatcher* dispatcher = ports.dispatcher(campaign.account);
    if (dispatcher == nullptr)
      co_return fail(ErrorCode::conflict, "the broadcast's account cannot send; check the channel");
    handed[id] = Handed{campaign.account, *source};
    retries.erase(id);
    dispatcher->add_broadcast(std::move(*source));
    wake.notify();
    co_return Result<>{};
  }

  Task<> fail_campaign(CampaignId id, std::string reason) {
    const WallTime now = ports.clock.wall_now();
    auto end = [&](Transaction& tx) -> Result<> {
      PH_TRY(campaigns::apply(tx, id, CampaignEvent::damaged, reason, now));
      PH_TRY(cancel_deferred(tx, id, now));
      return {};
    };
    const auto done = co_await ports.database.write_urgent(end);  // it must stop on a full disk, too
    ports.log.error("campaign.failed",
                    {{"campaign", id.value}, {"reason", reason}, {"stored", done.has_value()}});
  }

  // --- Ticking: schedule, quiet hours, rates, completion
  // -----------------------------------------------------------------

  static Task<> tick_forever(std::shared_ptr<Impl> self) {
    while (!self->stopped) {
      const auto ticked = co_await self->tick();
      if (!ticked) self->ports.log.warning("campaign.tick_failed", {{"error", ticked.error().message}});
      const Duration pause = self->close_look ? kTick : kIdleTick;
      co_await self->wake.wait_until(self->ports.clock.now() + pause);
    }
  }

  Task<Result<>> tick() {
    std::vector<StoredCampaign> active;
    auto load = [&](Transaction& tx) -> Result<bool> {
      PH_TRY_ASSIGN(active, campaigns::in_states(tx, {CampaignState::scheduled, CampaignState::running,
                                                      CampaignState::paused}));
      return true;
    };
    PH_CO_TRY(co_await ports.database.read(load));
    forget_all_except(active);
    close_look = std::any_of(active.begin(), active.end(), needs_close_look);
    for (const StoredCampaign& campaign : active) {
      if (campaign.state == CampaignState::scheduled) {
        PH_CO_TRY(co_await start_if_due(campaign));
      } else {
        sample(campaign);
        if (campaign.state == CampaignState::running) {
          PH_CO_TRY(co_await keep_going(campaign));
        }
        if (is_settled(campaign.counters)) {
          PH_CO_TRY(co_await complete_if_settled(campaign.id));
        }
      }
    }
    co_return Result<>{};
  }

  Task<Result<>> start_if_due(StoredCampaign campaign) {
    const WallTime now = ports.clock.wall_now();
    if (!campaign.start_at || *campaign.start_at > now) co_return Result<>{};
    auto begin = [&](Transaction& tx) {
      return campaigns::apply(tx, campaign.id, CampaignEvent::start_time_reached, "", now);
    };
    PH_CO_TRY(co_await ports.database.write(begin));
    ports.log.info("campaign.started", {{"campaign", campaign.id.value}, {"by", "schedule"}});
    co_return co_await run(campaign.id);
  }

  // A campaign that says running but has not reached its dispatcher (no token, disk full) is tried again.
  Task<Result<>> keep_going(StoredCampaign campaign) {
    if (handed.contains(campaign.id)) co_return co_await keep_quiet_hours(campaign);
    const auto retry = retries.find(campaign.id);
    if (retry != retries.end() && ports.clock.now() < retry->second) co_return Result<>{};
    const auto running = co_await run(campaign.id);
    if (!running)
      ports.log.warning("campaign.not_resumed",
                        {{"campaign", campaign.id.value}, {"error", running.error().message}});
    co_return Result<>{};
  }

  // Closes segments that have entered their recipients' quiet hours until those end, and tells the
  // dispatcher.
  Task<Result<>> keep_quiet_hours(StoredCampaign campaign) {
    PH_CO_TRY_ASSIGN(const CampaignOptions options, options_from_json(campaign.options_json));
    if (!options.local_time) co_return Result<>{};
    const WallTime now = ports.clock.wall_now();
    bool moved = false;
    auto close = [&](Transaction& tx) -> Result<bool> {
      moved = false;
      PH_TRY_ASSIGN(const std::vector<SegmentRow> rows, campaigns::segments(tx, campaign.id));
      for (const SegmentRow& s : rows) {
        if (s.not_before > now) continue;
        const WallTime opens = next_allowed_send(now, s.utc_offset_minutes, options.quiet);
        if (opens <= now) continue;
        PH_TRY(campaigns::set_not_before(tx, campaign.id, s.segment, opens));
        moved = moved || s.next_row <= s.last_row;  // retries of a finished segment ask the database
      }
      return true;
    };
    PH_CO_TRY(co_await ports.database.write(close));
    // The dispatcher reads positions and times anew when it is given the broadcast again.
    const auto found = handed.find(campaign.id);
    Dispatcher* dispatcher = ports.dispatcher(campaign.account);
    if (moved && dispatcher != nullptr && found != handed.end())
      dispatcher->add_broadcast(found->second.source);
    co_return Result<>{};
  }

  Task<Result<>> complete_if_settled(CampaignId id) {
    const WallTime now = ports.clock.wall_now();
    bool completed = false;
    auto complete = [&](Transaction& tx) -> Result<bool> {
      completed = false;
      PH_TRY_ASSIGN(const StoredCampaign campaign, campaigns::get(tx, id));
      if (!is_settled(campaign.counters)) return true;
      if (campaign.state != CampaignState::running && campaign.state != CampaignState::paused) return true;
      PH_TRY(campaigns::apply(tx, id, CampaignEvent::all_settled, "", now));
      completed = true;
      return true;
    };
    PH_CO_TRY(co_await ports.database.write(complete));
    if (completed) ports.log.info("campaign.completed", {{"campaign", id.value}});
    co_return Result<>{};
  }

  static Task<> complete_later(std::shared_ptr<Impl> self, CampaignId id) {
    (void)co_await self->complete_if_settled(id);
  }

  // --- Rates
  // ---------------------------------------------------------------------------------------------------------------

  void sample(const StoredCampaign& campaign) {
    std::deque<Sample>& list = samples[campaign.id];
    list.push_back({ports.clock.now(), done_of(campaign.counters)});
    if (list.size() > kRateSamples) list.pop_front();
  }

  void forget_all_except(const std::vector<StoredCampaign>& active) {
    const auto gone = [&](const auto& entry) {
      return std::none_of(active.begin(), active.end(),
                          [&](const StoredCampaign& c) { return c.id == entry.first; });
    };
    std::erase_if(samples, gone);
    std::erase_if(handed, gone);
    std::erase_if(retries, gone);
  }
};

CampaignRunner::CampaignRunner(CampaignPorts ports) : impl_(std::make_shared<Impl>(std::move(ports))) {}
CampaignRunner::~CampaignRunner() {
  stop();
}

void CampaignRunner::stop() {
  impl_->stopped = true;
}

Task<Result<>> CampaignRunner::start() {
  std::vector<StoredCampaign> interrupted, running;
  const WallTime now = impl_->ports.clock.wall_now();
  auto load = [&](Transaction& tx) -> Result<bool> {
    PH_TRY_ASSIGN(interrupted, campaigns::in_states(tx, {CampaignState::preflighting}));
    for (const StoredCampaign& c : interrupted) {
      PH_TRY(campaigns::apply(tx, c.id, CampaignEvent::preflight_failed,
                              "pre-flight was interrupted by a restart; run it again", now));
    }
    PH_TRY_ASSIGN(running, campaigns::in_states(tx, {CampaignState::running}));
    return true;
  };
  PH_CO_TRY(co_await impl_->ports.database.write(load));
  for (const StoredCampaign& campaign : running) {
    const auto resumed = co_await impl_->run(campaign.id);
    if (!resumed) {
      impl_->ports.log.error("campaign.not_resumed",
                             {{"campaign", campaign.id.value}, {"error", resumed.error().message}});
    }
  }
  spawn_essential(impl_->ports.executor, "running broadcasts", Impl::tick_forever(impl_));
  co_return Result<>{};
}

Task<Result<>> CampaignRunner::run(CampaignId id) {
  return impl_->run(id);
}

void CampaignRunner::halt(CampaignId id, AccountId account) {
  if (Dispatcher* dispatcher = impl_->ports.dispatcher(account)) dispatcher->remove_broadcast(id);
}

double CampaignRunner::rate(CampaignId id) const {
  const auto found = impl_->samples.find(id);
  if (found == impl_->samples.end() || found->second.size() < 2) return 0;
  const Sample& first = found->second.front();
  const Sample& last = found->second.back();
  const double seconds = std::chrono::duration<double>(last.at - first.at).count();
  return seconds > 0 ? static_cast<double>(last.done - first.done) / seconds : 0;
}

void CampaignRunner::campaign_paused(CampaignId id, const std::string& reason) {
  impl_->ports.log.warning("campaign.paused", {{"campaign", id.value}, {"reason", reason}});
}

void CampaignRunner::deliveries_failed(CampaignId id, int code, int rows, int judged) {
  const auto found = impl_->handed.find(id);
  if (found == impl_->handed.end()) return;
  if (Dispatcher* dispatcher = impl_->ports.dispatcher(found->second.account))
    dispatcher->deliveries_failed(id, code, rows, judged);
}

void CampaignRunner::campaign_settled(CampaignId id) {
  asio::co_spawn(impl_->ports.executor, Impl::complete_later(impl_, id), asio::detached);
}

}  // namespace posthorn
