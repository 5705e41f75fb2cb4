#include "broadcasts/campaign_manager.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "broadcasts/campaign_checker.h"
#include "broadcasts/campaign_options.h"
#include "broadcasts/campaign_reporter.h"
#include "messaging/accounts.h"
#include "messaging/audit.h"
#include "messaging/reconciler.h"
#include "messaging/single_sends.h"
#include "messaging/template_store.h"

namespace posthorn {
namespace {

constexpr std::size_t kMostNameBytes = 200;
constexpr int kMostListed = 500;

std::string subject_of(CampaignId id) {
  return fmt::format("campaign:{}", id.value);
}

Result<> check_draft(const CampaignDraft& draft) {
  if (draft.name.empty() || draft.name.size() > kMostNameBytes) {
    return fail(ErrorCode::invalid_argument, fmt::format("the name must have 1 to {} bytes", kMostNameBytes),
                "name");
  }
  if (!draft.account) return fail(ErrorCode::invalid_argument, "choose the number to send from", "account");
  if (draft.template_name.empty()) return fail(ErrorCode::invalid_argument, "choose a template", "template");
  return {};
}

class CampaignManager final : public CampaignService {
 public:
  CampaignManager(CampaignPorts ports, CampaignDefaults defaults, CampaignRunner& runner)
      : ports_(ports),
        defaults_(std::move(defaults)),
        runner_(runner),
        checker_(ports, defaults_),
        reporter_(ports) {}

  Task<Result<>> resume_after_start() override { return runner_.start(); }

  Task<Result<CampaignId>> create(CampaignDraft draft, std::string actor) override {
    PH_CO_TRY_ASSIGN(StoredCampaign campaign, to_stored(draft));
    campaign.created_by = actor;
    const WallTime now = ports_.clock.wall_now();
    auto insert = [&](Transaction& tx) -> Result<CampaignId> {
      PH_TRY(check_references(tx, campaign));
      PH_TRY_ASSIGN(const CampaignId id, campaigns::insert(tx, campaign, now));
      PH_TRY(audit::record(tx, now, actor, "broadcast.create", subject_of(id), campaign.name));
      return id;
    };
    co_return co_await ports_.database.write(insert);
  }

  Task<Result<>> update(CampaignId id, CampaignDraft draft, std::string actor) override {
    PH_CO_TRY_ASSIGN(StoredCampaign campaign, to_stored(draft));
    campaign.id = id;
    const WallTime now = ports_.clock.wall_now();
    auto save = [&](Transaction& tx) -> Result<> {
      PH_TRY(campaigns::apply(tx, id, CampaignEvent::edited, "", now));
      PH_TRY(check_references(tx, campaign));
      PH_TRY(campaigns::save_draft(tx, campaign, now));
      return audit::record(tx, now, actor, "broadcast.update", subject_of(id));
    };
    co_return co_await ports_.database.write(save);
  }

  Task<Result<Campaign>> get(CampaignId id) override {
    auto read = [id](Transaction& tx) { return campaigns::get(tx, id); };
    PH_CO_TRY_ASSIGN(const StoredCampaign stored, co_await ports_.database.read(read));
    co_return to_public(stored);
  }

  Task<Result<std::vector<Campaign>>> list(std::int64_t before_id, int limit) override {
    if (limit < 1 || limit > kMostListed) {
      co_return fail(ErrorCode::invalid_argument, fmt::format("must be from 1 to {}", kMostListed), "limit");
    }
    auto read = [before_id, limit](Transaction& tx) { return campaigns::list(tx, before_id, limit); };
    PH_CO_TRY_ASSIGN(const std::vector<StoredCampaign> stored, co_await ports_.database.read(read));
    std::vector<Campaign> out;
    for (const StoredCampaign& c : stored) out.push_back(to_public(c));
    co_return out;
  }

  Task<Result<json::object>> inspect_upload(UploadId upload, AccountId account, std::string template_name,
                                            std::string language) override {
    return checker_.inspect(upload, account, std::move(template_name), std::move(language));
  }
  Task<Result<json::array>> preview(CampaignId id, std::vector<std::int64_t> lines, int count) override {
    return checker_.preview(id, std::move(lines), count);
  }
  Task<Result<json::object>> preflight(CampaignId id, std::string actor) override {
    return checker_.preflight(id, std::move(actor));
  }

  Task<Result<std::int64_t>> send_test(CampaignId id, std::string phone, std::int64_t line,
                                       std::string actor) override {
    PH_CO_TRY_ASSIGN(const Campaign campaign, co_await get(id));
    const auto number = parse_phone(phone, defaults_.region);
    if (!number) co_return fail(ErrorCode::invalid_argument, std::string(explain(number.error())), "phone");
    SingleSend send;
    send.account = campaign.account;
    send.lane = Lane::api;
    send.phone = *number;
    send.purpose = fmt::format("test:{}", id.value);
    PH_CO_TRY_ASSIGN(send.payload, co_await checker_.render_line(id, line, *number));
    const WallTime now = ports_.clock.wall_now();
    auto enqueue = [&](Transaction& tx) -> Result<std::int64_t> {
      PH_TRY(audit::record(tx, now, actor, "broadcast.test", subject_of(id), number->to_string()));
      return enqueue_single_send(tx, send, now);
    };
    PH_CO_TRY_ASSIGN(const std::int64_t row, co_await ports_.database.write(enqueue));
    if (Dispatcher* dispatcher = ports_.dispatcher(campaign.account)) dispatcher->wake();
    co_return row;
  }

  Task<Result<Campaign>> start(CampaignId id, StartOptions options, std::string actor) override {
    const WallTime now = ports_.clock.wall_now();
    const bool later = options.at && *options.at > now;
    auto begin = [&](Transaction& tx) -> Result<CampaignState> {
      PH_TRY_ASSIGN(const StoredCampaign campaign, campaigns::get(tx, id));
      PH_TRY(next_state(campaign.state, later ? CampaignEvent::scheduled : CampaignEvent::started));
      PH_TRY(check_startable(tx, campaign, options));
      PH_TRY(audit::record(tx, now, actor, later ? "broadcast.schedule" : "broadcast.start", subject_of(id)));
      if (later) return campaigns::apply(tx, id, CampaignEvent::scheduled, "", now, options.at);
      return campaigns::apply(tx, id, CampaignEvent::started, "", now);
    };
    PH_CO_TRY_ASSIGN(const CampaignState state, co_await ports_.database.write(begin));
    if (state == CampaignState::running) {
      PH_CO_TRY(co_await runner_.run(id));
    }
    co_return co_await get(id);
  }

  Task<Result<Campaign>> pause(CampaignId id, std::string reason, std::string actor) override {
    if (reason.empty()) reason = fmt::format("paused by {}", actor);
    co_return co_await halt(id, CampaignEvent::paused, std::move(reason), "broadcast.pause", actor);
  }

  Task<Result<Campaign>> resume(CampaignId id, std::string actor) override {
    const WallTime now = ports_.clock.wall_now();
    auto go_on = [&](Transaction& tx) -> Result<CampaignState> {
      PH_TRY_ASSIGN(const StoredCampaign campaign, campaigns::get(tx, id));
      PH_TRY(next_state(campaign.state, CampaignEvent::resumed));
      if (campaign.state == CampaignState::completed) {
        return fail(ErrorCode::conflict, "the broadcast is complete; there is nothing to resume");
      }
      PH_TRY(check_account(tx, campaign.account));
      PH_TRY(check_template(tx, campaign));
      PH_TRY(audit::record(tx, now, actor, "broadcast.resume", subject_of(id)));
      return campaigns::apply(tx, id, CampaignEvent::resumed, "", now);
    };
    PH_CO_TRY(co_await ports_.database.write(go_on));
    PH_CO_TRY(co_await runner_.run(id));
    co_return co_await get(id);
  }

  Task<Result<Campaign>> cancel(CampaignId id, std::string actor) override {
    co_return co_await halt(id, CampaignEvent::cancelled, fmt::format("cancelled by {}", actor),
                            "broadcast.cancel", actor);
  }

  Task<Result<std::int64_t>> resend_unknown(CampaignId id, bool accept_duplicate_risk,
                                            std::string actor) override {
    if (!accept_duplicate_risk) {
      co_return fail(
          ErrorCode::invalid_argument,
          "these recipients may have the message already; set accept_duplicate_risk to true to send it again",
          "accept_duplicate_risk");
    }
    const WallTime now = ports_.clock.wall_now();
    bool restart = false;
    auto requeue = [&](Transaction& tx) -> Result<std::int64_t> {
      PH_TRY_ASSIGN(const StoredCampaign campaign, campaigns::get(tx, id));
      const bool may_send = campaign.state == CampaignState::running ||
                            campaign.state == CampaignState::paused ||
                            campaign.state == CampaignState::completed;
      if (!may_send) {
        return fail(
            ErrorCode::conflict,
            "the broadcast is over and sends nothing any more; create a new one for these recipients");
      }
      PH_TRY_ASSIGN(const std::int64_t rows, requeue_unknown_final(tx, id, now));
      PH_TRY(audit::record(tx, now, actor, "broadcast.resend_unknown", subject_of(id),
                           fmt::format("{} rows, duplicate risk accepted", rows)));
      restart = rows > 0 && campaign.state == CampaignState::completed;
      if (restart) {
        PH_TRY(campaigns::apply(tx, id, CampaignEvent::resumed, "", now));
      }
      return rows;
    };
    PH_CO_TRY_ASSIGN(const std::int64_t rows, co_await ports_.database.write(requeue));
    if (rows > 0) {
      PH_CO_TRY(co_await runner_.run(id));
    }
    co_return rows;
  }

  Task<Result<json::object>> report(CampaignId id) override { return reporter_.report(id); }
  Task<Result<std::vector<RecipientRow>>> recipients(CampaignId id, std::int64_t after_row, int limit,
                                                     std::string state) override {
    return reporter_.recipients(id, after_row, limit, std::move(state));
  }
  Task<Result<>> export_csv(CampaignId id, ChunkSink write) override {
    return reporter_.export_csv(id, std::move(write));
  }
  Task<Result<>> export_problems_csv(CampaignId id, ChunkSink write) override {
    return reporter_.export_problems_csv(id, std::move(write));
  }

 private:
  Result<StoredCampaign> to_stored(const CampaignDraft& draft) const {
    PH_TRY(check_draft(draft));
    PH_TRY_ASSIGN(const CampaignOptions options, check_options(draft, defaults_.region));
    StoredCampaign out;
    out.name = draft.name;
    out.account = draft.account;
    out.upload = draft.upload;
    out.template_name = draft.template_name;
    out.template_language = draft.template_language;
    out.mapping_json = json::serialize(draft.mapping);
    out.options_json = to_json_text(options);
    return out;
  }

  // Account, template and upload exist: said at once, not at pre-flight.
  static Result<> check_references(Transaction& tx, const StoredCampaign& campaign) {
    PH_TRY_ASSIGN(const Account account, accounts::get(tx, campaign.account));
    PH_TRY(templates::get(tx, account.business_id, campaign.template_name, campaign.template_language));
    if (campaign.upload) {
      PH_TRY(campaigns::upload(tx, campaign.upload));
    }
    return {};
  }

  static Result<> check_account(Transaction& tx, AccountId id) {
    PH_TRY_ASSIGN(const Account account, accounts::get(tx, id));
    if (!account.blocked()) return {};
    return fail(ErrorCode::conflict,
                fmt::format("the number {} cannot send: {}", account.name, account.blocked_reason),
                "account");
  }

  static Result<> check_template(Transaction& tx, const StoredCampaign& campaign) {
    PH_TRY_ASSIGN(const Account account, accounts::get(tx, campaign.account));
    PH_TRY_ASSIGN(const StoredTemplate stored, templates::get(tx, account.business_id, campaign.template_name,
                                                              campaign.template_language));
    if (stored.status == "APPROVED") return {};
    return fail(
        ErrorCode::conflict,
        fmt::format("the template {} is {} since pre-flight and cannot be sent", stored.name, stored.status),
        "template");
  }

  static Result<> check_startable(Transaction& tx, const StoredCampaign& campaign,
                                  const StartOptions& options) {
    PH_TRY(check_account(tx, campaign.account));
    PH_TRY(check_template(tx, campaign));
    PH_TRY_ASSIGN(const json::value summary, parse_json(campaign.preflight_json));
    const JsonView warnings = JsonView(summary)["warnings"];
    if (warnings.size() > 0 && !options.acknowledge_warnings) {
      return fail(ErrorCode::conflict,
                  fmt::format("pre-flight warned: {}; set acknowledge_warnings (--acknowledge-warnings) to "
                              "start all the same",
                              warnings[0]["message"].string_or("see its summary")),
                  "acknowledge_warnings");
    }
    return {};
  }

  Task<Result<Campaign>> halt(CampaignId id, CampaignEvent event, std::string reason, std::string action,
                              std::string actor) {
    const WallTime now = ports_.clock.wall_now();
    AccountId account;
    auto stop = [&](Transaction& tx) -> Result<CampaignState> {
      PH_TRY_ASSIGN(const StoredCampaign campaign, campaigns::get(tx, id));
      account = campaign.account;
      PH_TRY_ASSIGN(const CampaignState state, campaigns::apply(tx, id, event, reason, now));
      if (event == CampaignEvent::cancelled) {
        PH_TRY(cancel_deferred(tx, id, now));
      }
      PH_TRY(audit::record(tx, now, actor, action, subject_of(id), reason));
      return state;
    };
    // Stopping must work on a full disk too: it may spend the reserve.
    PH_CO_TRY(co_await ports_.database.write_urgent(stop));
    runner_.halt(id, account);
    co_return co_await get(id);
  }

  Campaign to_public(const StoredCampaign& c) const {
    Campaign out;
    out.id = c.id;
    out.name = c.name;
    out.account = c.account;
    out.state = c.state;
    out.state_reason = c.state_reason;
    out.template_name = c.template_name;
    out.template_language = c.template_language;
    out.counters = c.counters;
    out.start_at = c.start_at;
    out.started_at = c.started_at;
    out.finished_at = c.finished_at;
    out.created_at = c.created_at;
    out.updated_at = c.updated_at;
    if (auto tree = parse_json(c.preflight_json); tree && tree->is_object())
      out.preflight = std::move(tree->get_object());
    if (c.state == CampaignState::running) {
      out.rate_per_second = runner_.rate(c.id);
      const double left = static_cast<double>(c.counters.queued + c.counters.deferred);
      if (out.rate_per_second > 0) {
        out.time_left = Duration(static_cast<std::int64_t>(left / out.rate_per_second * 1e6));
      }
    }
    return out;
  }

  CampaignPorts ports_;
  CampaignDefaults defaults_;
  CampaignRunner& runner_;
  CampaignChecker checker_;
  CampaignReporter reporter_;
};

}  // namespace

std::unique_ptr<CampaignService> make_campaign_service(CampaignPorts ports, CampaignDefaults defaults,
                                                       CampaignRunner& runner) {
  return std::make_unique<CampaignManager>(std::move(ports), std::move(defaults), runner);
}

}  // namespace posthorn
