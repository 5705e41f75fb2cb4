#include "messaging/event_batch.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>

#include <fmt/format.h>

#include "channels/parse_webhook.h"
#include "core/json_writer.h"
#include "messaging/conversation_applier.h"
#include "messaging/directory_events.h"
#include "messaging/early_changes.h"
#include "messaging/messages.h"
#include "messaging/outgoing_messages.h"
#include "messaging/settings.h"

namespace posthorn {
namespace {

constexpr std::size_t kDetailBytes = 500;

std::optional<DeliveryKind> kind_of(const whatsapp::StatusEvent& status) {
  if (!status.type.empty() && status.type != "message") return std::nullopt;
  switch (status.status) {
    case whatsapp::MessageStatus::sent:
      return DeliveryKind::sent;
    case whatsapp::MessageStatus::delivered:
      return DeliveryKind::delivered;
    case whatsapp::MessageStatus::read:
      return DeliveryKind::read;
    case whatsapp::MessageStatus::played:
      return DeliveryKind::played;
    case whatsapp::MessageStatus::failed:
      return DeliveryKind::failed;
    case whatsapp::MessageStatus::deleted:
    case whatsapp::MessageStatus::other:
      return std::nullopt;
  }
  return std::nullopt;
}

std::uint64_t digits(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

StatusFact fact_of(whatsapp::StatusEvent& status, DeliveryKind kind, std::int64_t now) {
  StatusFact fact;
  fact.kind = kind;
  fact.at = to_micros(status.at) > 0 ? to_micros(status.at) : now;
  fact.phone = digits(status.recipient_id);
  fact.wamid = std::move(status.wamid);
  if (!status.errors.empty()) {
    fact.code = status.errors.front().code;
    fact.detail = status.errors.front().summary().substr(0, kDetailBytes);
  }
  return fact;
}

void add_status(EventBatch& batch, TokenMint& mint, const WamidIndex& index, PendingEvent pending) {
  auto& status = std::get<whatsapp::StatusEvent>(pending.event.body);
  const std::optional<DeliveryKind> kind = kind_of(status);
  if (!kind) {
    if (pending.parked_id != 0) batch.matched_parked.push_back(pending.parked_id);
    return;
  }
  const std::optional<SendToken> token = mint.verify(status.token);
  StatusFact fact = fact_of(status, *kind, batch.now);
  if (token) {
    fact.key = {token->campaign, token->row_no};
    fact.account = token->account;
    fact.attempt = token->attempt;
    batch.facts.push_back(std::move(fact));
    if (pending.parked_id != 0) batch.matched_parked.push_back(pending.parked_id);
    return;
  }
  std::vector<SendKey> candidates = index.pending(wamid_hash(fact.wamid));
  batch.statuses.push_back({pending.journal_id, pending.position, pending.parked_id, std::move(fact),
                            std::move(candidates), pending.event.raw});
}

class EventCommit {
 public:
  EventCommit(Transaction& tx, const EventBatch& batch)
      : tx_(tx), batch_(batch), progress_(batch.now), conversations_(tx, batch, result_) {}

  Result<EventBatchResult> run() {
    PH_TRY(batch_.people->begin(tx_));
    PH_TRY(apply_statuses(tx_, batch_.facts, batch_.now, progress_, result_.statuses));
    result_.foreign += result_.statuses.foreign;
    for (const PendingEvent& pending : batch_.others) {
      PH_TRY(apply_other(pending));
    }
    for (const PendingStatus& status : batch_.statuses) {  // after the messages they may be about
      PH_TRY(match(status));
    }
    for (const std::int64_t parked : batch_.matched_parked) {
      PH_TRY(unpark(parked));
    }
    PH_TRY(progress_.write(tx_));
    result_.settled = progress_.settled();
    result_.opt_outs += result_.statuses.opt_outs;
    if (batch_.cursor != 0) {
      PH_TRY(settings::set(tx_, kIntakeCursor, std::to_string(batch_.cursor)));
    }
    PH_TRY_ASSIGN(result_.people_transaction, batch_.people->end(tx_));
    return std::move(result_);
  }

 private:
  // A status without our token is ours if we know its wamid.
  Result<> match(const PendingStatus& status) {
    std::vector<SendKey> candidates = status.candidates;
    PH_TRY_ASSIGN(const std::vector<SendKey> written, WamidIndex::find(tx_, wamid_hash(status.fact.wamid)));
    candidates.insert(candidates.end(), written.begin(), written.end());
    for (const SendKey key : candidates) {
      PH_TRY_ASSIGN(const StoredSend send, load_send(tx_, key));
      if (!send.exists || send.wamid != status.fact.wamid) continue;
      StatusFact fact = status.fact;
      fact.key = key;
      fact.account = send.account;
      PH_TRY(apply_statuses(tx_, {fact}, batch_.now, progress_, result_.statuses));
      return unpark(status.parked_id);
    }
    PH_TRY_ASSIGN(const bool of_message, match_message(status));
    return of_message ? unpark(status.parked_id) : park_unmatched(status);
  }

  // What the owner sent from the phone has statuses too.
  Result<bool> match_message(const PendingStatus& status) {
    const StatusFact& fact = status.fact;
    PH_TRY_ASSIGN(const std::optional<MessageId> message, messages::find_by_channel_id(tx_, fact.wamid));
    if (!message) return false;
    PH_TRY(outgoing_messages::join_delivery(tx_, *message, fact.kind, wall_from_micros(fact.at), fact.code,
                                            wall_from_micros(batch_.now)));
    return true;
  }

  Result<> park_unmatched(const PendingStatus& status) {
    if (status.parked_id == 0) {
      ++result_.unmatched;
      return park(status.journal_id, status.position, kUnmatched, status.raw);
    }
    PH_TRY(tx_.execute("UPDATE parked_events SET attempts = attempts + 1 WHERE id = $1", {status.parked_id}));
    PH_TRY_ASSIGN(const std::int64_t dropped,
                  tx_.execute("DELETE FROM parked_events WHERE id = $1 AND attempts >= $2",
                              {status.parked_id, batch_.unmatched_tries}));
    if (dropped > 0) {
      PH_TRY(keep_for_its_message(status.fact));
    }
    result_.foreign += dropped;
    result_.last_reason = "No message of ours has this id.";
    return {};
  }

  // Of another program that sends for the number, or of what the owner wrote on the phone: its echo may be
  // days late.
  Result<> keep_for_its_message(const StatusFact& fact) {
    EarlyChange status;
    status.key = wamid_hash(fmt::format("status/{}/{}/{}", fact.wamid, static_cast<int>(fact.kind), fact.at));
    status.kind = kEarlyStatus;
    JsonWriter(status.data)
        .begin_object()
        .member("delivery", static_cast<int>(fact.kind))
        .member("at", fact.at)
        .member("code", fact.code)
        .end_object();
    return early_changes::keep(tx_, wamid_hash(fact.wamid), status, wall_from_micros(batch_.now));
  }

  Result<> apply_other(const PendingEvent& pending) {
    if (const auto* malformed = std::get_if<channels::MalformedEvent>(&pending.event.body)) {
      return park_again(pending, malformed->reason);
    }
    // Messages are found again by their own id: no second index on the busiest path.
    const bool is_message = std::holds_alternative<channels::MessageEvent>(pending.event.body);
    if (!is_message) {
      PH_TRY_ASSIGN(const std::int64_t fresh,
                    tx_.execute("INSERT INTO applied_events (key, applied_at) VALUES ($1, $2) "
                                "ON CONFLICT (key) DO NOTHING",
                                {pending.hash, batch_.now}));
      if (fresh == 0) return repeated(pending);
    }
    bool fresh = true;
    const Result<> applied = ConversationApplier::takes(pending.event)
                                 ? conversations_.apply(pending, fresh)
                                 : apply_directory_event(tx_, batch_, pending.event, result_);
    if (applied) return fresh ? unpark(pending.parked_id) : repeated(pending);
    const ErrorCode code = applied.error().code;
    if (code != ErrorCode::invalid_argument && code != ErrorCode::not_found) return applied;
    if (!is_message) {
      PH_TRY(tx_.execute("DELETE FROM applied_events WHERE key = $1", {pending.hash}));
    }
    return park_again(pending, applied.error().message);
  }

  Result<> repeated(const PendingEvent& pending) {
    ++result_.repeated;
    return unpark(pending.parked_id);
  }

  Result<> park_again(const PendingEvent& pending, std::string_view reason) {
    ++result_.parked;
    result_.last_reason = reason;
    if (pending.parked_id == 0) return park(pending.journal_id, pending.position, reason, pending.event.raw);
    PH_TRY(tx_.execute("UPDATE parked_events SET attempts = attempts + 1, reason = $2 WHERE id = $1",
                       {pending.parked_id, reason}));
    return {};
  }

  Result<> park(std::int64_t journal_id, int position, std::string_view reason, std::string_view raw) {
    PH_TRY_ASSIGN(SqlRows rows,
                  tx_.query("SELECT 1 FROM parked_events WHERE journal_id = $1 AND position = $2 LIMIT 1",
                            {journal_id, position}));
    PH_TRY_ASSIGN(const bool there, rows.next());
    if (there) return {};
    PH_TRY(
        tx_.execute("INSERT INTO parked_events (journal_id, position, reason, body, parked_at) VALUES ($1, "
                    "$2, $3, $4, $5)",
                    {journal_id, position, reason, raw, batch_.now}));
    return {};
  }

  Result<> unpark(std::int64_t parked_id) {
    if (parked_id == 0) return {};
    PH_TRY(tx_.execute("DELETE FROM parked_events WHERE id = $1", {parked_id}));
    return {};
  }

  Transaction& tx_;
  const EventBatch& batch_;
  Progress progress_;
  EventBatchResult result_;
  ConversationApplier conversations_;
};

}  // namespace

void add_event(EventBatch& batch, TokenMint& mint, const WamidIndex& index, PendingEvent pending) {
  const auto* message = std::get_if<channels::MessageEvent>(&pending.event.body);
  if (message == nullptr) {
    const bool parks = std::holds_alternative<channels::MalformedEvent>(pending.event.body);
    if (!parks) pending.hash = wamid_hash(pending.event.natural_key());
  } else {
    pending.hash = wamid_hash(message->id);
    if (message->direction == channels::Direction::out) {
      if (!message->metadata.empty()) pending.token = mint.verify(message->metadata);
      pending.candidates = index.pending(pending.hash);
    }
  }
  batch.others.push_back(std::move(pending));
}

void add_events(EventBatch& batch, TokenMint& mint, const WamidIndex& index, std::int64_t parked_id,
                int only_position) {
  const JournalBody& body = batch.bodies.back();
  std::vector<channels::WebhookEvent> events =
      channels::parse_webhook(body.source, body.body, batch.unwrapped);
  for (int position = 0; position < static_cast<int>(events.size()); ++position) {
    if (only_position >= 0 && only_position != position) continue;
    PendingEvent pending;
    pending.journal_id = body.id;
    pending.position = position;
    pending.parked_id = parked_id;
    pending.received_at = body.received_at;
    pending.event = std::move(events[static_cast<std::size_t>(position)]);
    if (std::holds_alternative<whatsapp::StatusEvent>(pending.event.body)) {
      add_status(batch, mint, index, std::move(pending));
    } else {
      add_event(batch, mint, index, std::move(pending));
    }
  }
}

void sort_facts(EventBatch& batch) {
  std::sort(batch.facts.begin(), batch.facts.end(), [](const StatusFact& a, const StatusFact& b) {
    return std::tie(a.key, a.attempt, a.kind, a.at) < std::tie(b.key, b.attempt, b.kind, b.at);
  });
}

Result<EventBatchResult> commit_events(Transaction& tx, const EventBatch& batch) {
  return EventCommit(tx, batch).run();
}

}  // namespace posthorn
