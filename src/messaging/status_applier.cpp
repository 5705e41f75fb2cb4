#include "messaging/status_applier.h"

#include <algorithm>
#include <iterator>
#include <span>

#include "channels/whatsapp/error_table.h"
#include "messaging/opt_outs.h"
#include "messaging/outgoing_messages.h"

namespace posthorn {
namespace {

class StatusApplier {
 public:
  StatusApplier(Transaction& tx, std::int64_t now, Progress& progress, AppliedStatuses& applied)
      : tx_(tx), now_(now), progress_(progress), applied_(applied) {}

  // All facts about one row.
  Result<> apply(SendKey key, std::span<const StatusFact> facts) {
    PH_TRY_ASSIGN(const StoredSend before, load_send(tx_, key));
    StoredSend after = before;
    if (!before.exists) {
      PH_TRY_ASSIGN(const bool ours, restore(key, facts.front(), after));
      if (!ours) {
        ++applied_.foreign;
        return {};
      }
    }
    bool changed = false;
    for (const StatusFact& fact : facts) changed |= join_fact(after, fact);
    applied_.answered.push_back({after.account, key, after.intent_at});
    if (!changed) return {};
    progress_.changed(key.campaign, before, after);
    const bool fails =
        counts(before.delivery.bits).failed == 0 && delivery_word(after.delivery.bits) == "failed";
    const bool first_word = before.delivery.bits == 0;
    if (fails || first_word) ++applied_.judged[key.campaign];
    if (fails) ++applied_.failed[{key.campaign, after.delivery.failed_code}];
    PH_TRY(save_send(tx_, key, after));
    if (fails) {
      PH_TRY(obey_refusal(key, after));
    }
    if (key.campaign) return {};
    return outgoing_messages::send_changed(tx_, key.row_no, before, after, wall_from_micros(now_));
  }

 private:
  // Most refusals are told only after the message was taken (131050 in a `failed` status).
  Result<> obey_refusal(SendKey key, const StoredSend& send) {
    if (!whatsapp::find_error(send.delivery.failed_code).opt_out) return {};
    opt_outs::Refusal refusal;
    refusal.account = send.account;
    refusal.send = key;
    refusal.phone = send.phone;
    refusal.code = send.delivery.failed_code;
    refusal.at = wall_from_micros(now_);
    refusal.sent_at = wall_from_micros(send.intent_at);
    PH_TRY_ASSIGN(const bool fresh, opt_outs::refused(tx_, refusal));
    applied_.opt_outs += fresh ? 1 : 0;
    return {};
  }

  // An echo for a row that is not there: the database was put back in time. It is believed if the campaign is
  // known and has been started; a single send must still be in the queue, and leaves it.
  Result<bool> restore(SendKey key, const StatusFact& fact, StoredSend& send) {
    if (key.campaign) {
      PH_TRY_ASSIGN(
          SqlRows rows,
          tx_.query("SELECT 1 FROM campaigns WHERE id = $1 AND started_at IS NOT NULL AND total >= $2",
                    {key.campaign.value, key.row_no}));
      PH_TRY_ASSIGN(const bool known, rows.next());
      if (!known) return false;
    } else {
      PH_TRY_ASSIGN(
          const std::int64_t queued,
          tx_.execute("UPDATE single_sends SET done = 1 WHERE row_no = $1 AND done = 0", {key.row_no}));
      if (queued == 0) return false;
    }
    send.account = fact.account;
    send.phone = fact.phone;
    send.intent_at = std::min(fact.at, now_);
    ++applied_.restored;
    return true;
  }

  bool join_fact(StoredSend& send, const StatusFact& fact) {
    const StoredSend before = send;
    bool duplicate = false;
    const bool settled =
        apply_event(send, SendEvent::echo, fact.attempt, SendPolicy::at_most_once, now_, 0, &duplicate);
    if (duplicate) ++applied_.duplicates;
    if (settled && (before.row.state == SendState::unknown || before.row.state == SendState::unknown_final)) {
      ++applied_.settled_unknown;
    }
    if (settled) {
      send.code = send.delivery.failed_code;
      send.detail.clear();
    }
    if (send.wamid.empty()) send.wamid = fact.wamid;
    join(send.delivery, fact.kind, fact.at, fact.code);
    if (send.delivery.failed_code != before.delivery.failed_code) {
      send.code = send.delivery.failed_code;
      send.detail = fact.detail;
    }
    return settled || !(send.delivery == before.delivery) || send.wamid != before.wamid;
  }

  Transaction& tx_;
  std::int64_t now_;
  Progress& progress_;
  AppliedStatuses& applied_;
};

}  // namespace

Result<> apply_statuses(Transaction& tx, const std::vector<StatusFact>& facts, std::int64_t now,
                        Progress& progress, AppliedStatuses& applied) {
  StatusApplier applier(tx, now, progress, applied);
  for (auto first = facts.begin(); first != facts.end();) {
    const auto last =
        std::find_if(first, facts.end(), [&](const StatusFact& fact) { return fact.key != first->key; });
    PH_TRY(applier.apply(first->key, std::span(first, last)));
    first = last;
  }
  return {};
}

}  // namespace posthorn
