#include "messaging/outcome_batch.h"

#include <utility>

#include <fmt/format.h>

#include "core/json_writer.h"
#include "messaging/accounts.h"
#include "messaging/opt_outs.h"
#include "messaging/outgoing_messages.h"
#include "messaging/send_rows.h"
#include "storage/event_log.h"

namespace posthorn {
namespace {

class OutcomeCommit {
 public:
  OutcomeCommit(Transaction& tx, const OutcomeBatch& batch) : tx_(tx), batch_(batch), progress_(batch.now) {}

  Result<OutcomeResult> run() {
    for (const Outcome& outcome : batch_.outcomes) {
      PH_TRY(settle(outcome));
      if (outcome.opted_out) {
        PH_TRY(suppress(outcome));
      }
    }
    PH_TRY(stop_what_must_stop());
    PH_TRY(progress_.write(tx_));
    result_.settled = progress_.settled();
    return std::move(result_);
  }

 private:
  Result<> settle(const Outcome& outcome) {
    if (outcome.event == SendEvent::accepted && !outcome.held) {
      PH_TRY_ASSIGN(const bool done, settle_accepted(outcome));
      if (done) return {};
    }
    return settle_any(outcome);
  }

  // The common case in one statement: the row is as we left it. An echo that was faster makes it match
  // nothing.
  Result<bool> settle_accepted(const Outcome& outcome) {
    PH_TRY_ASSIGN(
        const std::int64_t changed,
        tx_.execute("UPDATE sends SET state = 2, settled_at = $4, wamid = $5, code = 0, detail = NULL "
                    "WHERE campaign_id = $1 AND row_no = $2 AND state = 1 AND attempt = $3",
                    {outcome.key.campaign.value, outcome.key.row_no, outcome.attempt, batch_.now,
                     outcome.message_id}));
    if (changed == 0) return false;
    progress_.moved(outcome.key.campaign, SendState::intent, SendState::accepted);
    if (outcome.key.campaign) return true;
    StoredSend before, after;
    before.row.state = SendState::intent;
    after.row.state = SendState::accepted;
    after.wamid = outcome.message_id;
    PH_TRY(tell_message(outcome, before, after));
    return true;
  }

  Result<> settle_any(const Outcome& outcome) {
    PH_TRY_ASSIGN(const StoredSend before, load_send(tx_, outcome.key));
    StoredSend after = before;
    const bool failed_later = (before.delivery.bits & delivery_bits::kFailed) != 0;
    if (apply_event(after, outcome.event, outcome.attempt, SendPolicy::at_most_once, batch_.now,
                    batch_.now + outcome.delay) &&
        !failed_later) {
      after.code = outcome.code;
      after.detail = outcome.detail;
    }
    if (outcome.event == SendEvent::accepted) {
      if (after.wamid.empty()) after.wamid = outcome.message_id;
      if (outcome.held) after.delivery.bits |= delivery_bits::kHeld;
    }
    if (after.row.state == SendState::deferred && before.row.state != SendState::deferred) {
      PH_TRY_ASSIGN(const bool cancelled, campaign_is_over(outcome.key.campaign));
      if (cancelled) apply_event(after, SendEvent::cancelled, 0, SendPolicy::at_most_once, batch_.now, 0);
    }
    progress_.changed(outcome.key.campaign, before, after);
    PH_TRY(save_send(tx_, outcome.key, after));
    return outcome.key.campaign ? Result<>() : tell_message(outcome, before, after);
  }

  // A single send may be a message of a conversation.
  Result<> tell_message(const Outcome& outcome, const StoredSend& before, const StoredSend& after) {
    return outgoing_messages::send_changed(tx_, outcome.key.row_no, before, after,
                                           wall_from_micros(batch_.now));
  }

  // What comes back unsent after its campaign was cancelled has nobody left to send it.
  Result<bool> campaign_is_over(CampaignId campaign) {
    if (!campaign) return false;
    const auto known = over_.find(campaign);
    if (known != over_.end()) return known->second;
    PH_TRY_ASSIGN(const CampaignProgress progress, campaign_progress(tx_, campaign));
    return over_.emplace(campaign, progress.state == "cancelled" || progress.state == "failed").first->second;
  }

  Result<> suppress(const Outcome& outcome) {
    opt_outs::Refusal refusal;
    refusal.account = batch_.account;
    refusal.send = outcome.key;
    refusal.phone = outcome.phone;
    refusal.code = outcome.code;
    refusal.at = wall_from_micros(batch_.now);
    refusal.sent_at = wall_from_micros(outcome.intent_at);
    PH_TRY(opt_outs::refused(tx_, refusal));
    return {};
  }

  Result<> stop_what_must_stop() {
    for (const auto& [campaign, reason] : batch_.pauses) {
      PH_TRY_ASSIGN(const bool paused, pause_campaign(tx_, campaign, reason, batch_.now));
      if (paused) result_.paused.emplace_back(campaign, reason);
    }
    if (batch_.block_reason.empty()) return {};
    PH_TRY(block_account());
    PH_TRY_ASSIGN(const auto campaigns,
                  pause_campaigns_of(tx_, batch_.account, batch_.block_reason, batch_.now));
    for (const CampaignId campaign : campaigns) result_.paused.emplace_back(campaign, batch_.block_reason);
    return {};
  }

  // A token that was replaced while its last requests were on their way says nothing about the new one.
  Result<> block_account() {
    const WallTime now = wall_from_micros(batch_.now);
    PH_TRY_ASSIGN(const Account account, accounts::get(tx_, batch_.account));
    if (!batch_.block_token.empty() && batch_.block_token != account.sealed_token) return {};
    PH_TRY(accounts::block(tx_, batch_.account, batch_.block, batch_.block_reason, now));
    std::string data;
    JsonWriter(data)
        .begin_object()
        .member("reason", batch_.block_reason)
        .member("kind", to_string(batch_.block))
        .end_object();
    PH_TRY(
        events::append(tx_, now, "account.blocked", fmt::format("account:{}", batch_.account.value), data));
    result_.blocked = true;
    return {};
  }

  Transaction& tx_;
  const OutcomeBatch& batch_;
  Progress progress_;
  OutcomeResult result_;
  std::map<CampaignId, bool> over_;
};

}  // namespace

Result<OutcomeResult> commit_outcomes(Transaction& tx, const OutcomeBatch& batch) {
  return OutcomeCommit(tx, batch).run();
}

}  // namespace posthorn
