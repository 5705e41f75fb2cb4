#include "automation/automation_batch.h"

#include <algorithm>

#include <fmt/format.h>

#include "automation/automation_compose.h"
#include "automation/automation_forward.h"
#include "automation/automation_store.h"
#include "core/json.h"
#include "storage/event_log.h"

namespace posthorn::automation {
namespace {

// An effect that cannot be had, now or later; the others go on.
bool is_refusal(const Error& error) {
  return error.code == ErrorCode::invalid_argument || error.code == ErrorCode::not_found ||
         error.code == ErrorCode::conflict || error.code == ErrorCode::too_large ||
         error.code == ErrorCode::permission_denied;
}

struct Destination {
  ConversationId conversation;
  std::string reply_to;
  AccountId account;  // whose conversation it is
};

// Queues the effects of one message.
class EffectWriter {
 public:
  EffectWriter(Transaction& tx, const QueueReply& queue_reply, const BatchOptions& options,
               const Situation& s, WallTime now, BatchResult& result)
      : tx_(tx), queue_reply_(queue_reply), options_(options), s_(s), now_(now), result_(result) {}

  Result<bool> write(const Effect& effect) {
    const Result<bool> done = apply(effect);
    if (done || !is_refusal(done.error())) return done;
    result_.problems.push_back(
        fmt::format("{}, message {}: {}", effect.author, s_.message.value, done.error().message));
    return false;
  }

 private:
  Result<bool> apply(const Effect& effect) {
    switch (effect.kind) {
      case EffectKind::text: {
        PH_TRY_ASSIGN(const std::string content, compose_text(s_.channel, effect.text, effect.preview));
        return queue(effect, "text", effect.text, content, here(effect));
      }
      case EffectKind::menu: {
        PH_TRY_ASSIGN(const std::string content, compose_menu(s_.channel, effect.menu));
        return queue(effect, "interactive", effect.text, content, here(effect));
      }
      case EffectKind::echo_media:
        return list_media(effect, here(effect), effect.text, options_.echo_patience);
      case EffectKind::forward:
        return forward(effect);
      case EffectKind::react:
      case EffectKind::read:
      case EffectKind::typing:
        return signal(effect);
    }
    return false;
  }

  Destination here(const Effect& effect) const {
    return {s_.conversation, effect.quote ? s_.channel_id : std::string(), s_.account};
  }

  Result<bool> queue(const Effect& effect, std::string_view type, std::string_view text,
                     const std::string& content, const Destination& to) {
    NewReply reply;
    reply.conversation = to.conversation;
    reply.type = std::string(type);
    reply.text = std::string(text);
    reply.content = content;
    reply.author = effect.author;
    reply.reply_to = to.reply_to;
    reply.purpose = effect.author;
    PH_TRY_ASSIGN(const QueuedReply queued, queue_reply_(tx_, reply, now_));
    if (std::ranges::find(result_.wake, queued.account) == result_.wake.end())
      result_.wake.push_back(queued.account);
    ++result_.queued;
    return true;
  }

  // Idempotent effects of one message share a row.
  Result<bool> signal(const Effect& effect) {
    PH_TRY(tx_.execute(
        "INSERT INTO automation_signals (message_id, conversation_id, account_id, read_receipt, typing, "
        "emoji, "
        "next_try_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7) ON CONFLICT (message_id) DO UPDATE "
        "SET read_receipt = automation_signals.read_receipt + excluded.read_receipt, "
        "typing = automation_signals.typing + excluded.typing, "
        "emoji = CASE WHEN excluded.emoji <> '' THEN excluded.emoji ELSE automation_signals.emoji END",
        {s_.message, s_.conversation, s_.account, effect.kind == EffectKind::read,
         effect.kind == EffectKind::typing, effect.emoji, now_}));
    ++result_.signals;
    return true;
  }

  // The first of several files has the caption.
  Result<bool> list_media(const Effect& effect, const Destination& to, std::string caption,
                          Duration patience) {
    for (const AttachmentFact& attachment : s_.attachments) {
      PH_TRY(
          tx_.execute("INSERT INTO automation_media (rule_id, author, account_id, message_id, attachment_id, "
                      "conversation_id, caption, reply_to, ready, next_try_at, give_up_at, created_at) "
                      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $10)",
                      {effect.rule, effect.author, to.account, s_.message, attachment.id, to.conversation,
                       caption, to.reply_to, attachment.stored, now_, now_ + patience}));
      ++result_.media;
      caption.clear();
    }
    return !s_.attachments.empty();
  }

  // Words that fit no caption go before the files, in as many messages as they need.
  Result<bool> forward(const Effect& effect) {
    PH_TRY_ASSIGN(const ForwardTarget target, forward_target(tx_, s_, effect, now_));
    const Destination to{target.conversation, {}, target.account};
    const std::string words = forward_words(s_);
    const bool as_caption = !s_.attachments.empty() && fits_as_caption(target, s_.type, words);
    if (!as_caption) {
      for (const std::string_view part : text_parts(target.channel, words)) {
        PH_TRY_ASSIGN(const std::string content, compose_text(target.channel, part));
        PH_TRY(queue(effect, "text", part, content, to));
      }
    }
    if (s_.attachments.empty()) return true;
    return list_media(effect, to, as_caption ? words : std::string(), options_.forward_patience);
  }

  Transaction& tx_;
  const QueueReply& queue_reply_;
  const BatchOptions& options_;
  const Situation& s_;
  WallTime now_;
  BatchResult& result_;
};

class BatchRun {
 public:
  BatchRun(Transaction& tx, const QueueReply& queue_reply, const BatchOptions& options, WallTime now)
      : tx_(tx), queue_reply_(queue_reply), options_(options), now_(now) {}

  Result<BatchResult> run() {
    PH_TRY_ASSIGN(const bool idle, load_rules());
    PH_TRY_ASSIGN(EventId position, events::cursor(tx_, kCursor));
    PH_TRY_ASSIGN(const EventId end, events::last_position(tx_));
    std::vector<LoggedEvent> log;
    if (!idle) {
      PH_TRY_ASSIGN(log, events::read_after(tx_, position, options_.events, "message."));
      for (const LoggedEvent& event : log) {
        PH_TRY(handle(event));
      }
    }
    result_.more = static_cast<int>(log.size()) >= options_.events;
    position = result_.more ? log.back().id : std::max(position, end);
    PH_TRY(events::move_cursor(tx_, kCursor, position));
    return std::move(result_);
  }

 private:
  // True if no event can change anything.
  Result<bool> load_rules() {
    PH_TRY_ASSIGN(RuleList list, list_rules(tx_));
    rules_ = std::move(list.rules);
    std::erase_if(rules_, [](const Rule& rule) { return !rule.enabled; });
    result_.problems = std::move(list.problems);
    PH_TRY_ASSIGN(auto menus, list_menus(tx_));
    std::erase_if(menus, [](const StoredMenu& menu) { return !menu.enabled && !menu.account; });
    menus_ = MenuBook(std::move(menus));
    if (!rules_.empty() || !menus_.empty()) return false;
    PH_TRY_ASSIGN(SqlRows waiting, tx_.query("SELECT 1 FROM automation_media WHERE ready = 0 LIMIT 1"));
    PH_TRY_ASSIGN(const bool any, waiting.next());
    return !any;
  }

  Result<> handle(const LoggedEvent& event) {
    const bool received = event.kind == "message.received";
    if (!received && event.kind != "message.attachment") return {};
    const Result<json::value> data = parse_json(event.data);
    if (!data) {
      result_.problems.push_back(fmt::format("event {}: {}", event.id.value, data.error().message));
      return {};
    }
    const JsonView view(*data);
    return received ? message(view) : attachment(view);
  }

  Result<> message(const JsonView& data) {
    if (data["standby"].boolean_or(false)) return {};
    const AccountId account{data["account_id"].integer_or(0)};
    if (!worth_a_look(rules_, menus_, account, data["type"].string_or(""))) return {};
    PH_TRY_ASSIGN(const auto situation,
                  load_situation(tx_, MessageId{data["message_id"].integer_or(0)}, now_));
    if (!situation) return {};
    ++result_.messages;
    PH_TRY_ASSIGN(const auto runs, list_runs(tx_, situation->conversation));
    const Decision decision = decide(*situation, rules_, runs, menus_, options_.limits, now_);
    EffectWriter writer(tx_, queue_reply_, options_, *situation, now_, result_);
    for (const Effect& effect : decision.effects) {
      PH_TRY(writer.write(effect));
    }
    for (const RuleId rule : decision.acted) {
      PH_TRY(record_run(tx_, situation->conversation, {rule, situation->message, now_}));
    }
    return {};
  }

  // What waits for the attachment goes on, or never will.
  Result<> attachment(const JsonView& data) {
    const AttachmentId id{data["attachment_id"].integer_or(0)};
    const std::string_view state = data["state"].string_or("");
    if (state == "stored") {
      PH_TRY_ASSIGN(const auto ready, tx_.execute("UPDATE automation_media SET ready = 1, next_try_at = $2 "
                                                  "WHERE attachment_id = $1 AND ready = 0",
                                                  {id, now_}));
      result_.media += ready;
    } else if (state == "lost" || state == "refused") {
      PH_TRY_ASSIGN(const auto gone,
                    tx_.execute("DELETE FROM automation_media WHERE attachment_id = $1", {id}));
      if (gone > 0)
        result_.problems.push_back(fmt::format("attachment {} is {} and goes nowhere", id.value, state));
    }
    return {};
  }

  Transaction& tx_;
  const QueueReply& queue_reply_;
  const BatchOptions& options_;
  WallTime now_;
  std::vector<Rule> rules_;
  MenuBook menus_;
  BatchResult result_;
};

}  // namespace

Result<> begin_at_end(Transaction& tx) {
  PH_TRY(events::begin_at_end(tx, kCursor));
  return {};
}

Result<bool> has_news(Transaction& tx) {
  PH_TRY_ASSIGN(const EventId position, events::cursor(tx, kCursor));
  PH_TRY_ASSIGN(const EventId end, events::last_position(tx));
  return end > position;
}

Result<BatchResult> run_batch(Transaction& tx, const QueueReply& queue_reply, const BatchOptions& options,
                              WallTime now) {
  return BatchRun(tx, queue_reply, options, now).run();
}

Result<std::string> skip_event(Transaction& tx) {
  PH_TRY_ASSIGN(const EventId position, events::cursor(tx, kCursor));
  PH_TRY_ASSIGN(const auto log, events::read_after(tx, position, 1, "message."));
  if (log.empty()) return std::string();
  PH_TRY(events::move_cursor(tx, kCursor, log.front().id));
  return fmt::format("event {} ({})", log.front().id.value, log.front().subject);
}

}  // namespace posthorn::automation
