#include <memory>
#include <optional>

#include <fmt/format.h>

#include "automation/automation_compose.h"
#include "automation/automation_rounds.h"
#include "automation/automation_store.h"
#include "messaging/attachments.h"
#include "messaging/essential_loop.h"
#include "messaging/media_uploads.h"

namespace posthorn::automation {
namespace {

// One attachment on its way to one conversation.
struct Transfer {
  std::int64_t id = 0;
  std::string author, caption, reply_to;
  AccountId account;
  ConversationId conversation;
  channels::Channel channel = channels::Channel::whatsapp;
  int attempts = 0;
  std::string kind, mime_type, file_name, blob;
  std::uint64_t size = 0;
  std::string media_id;  // known already, or got in this round
  std::string hopeless;  // why it will never go; empty: it may
};

// Columns: id, author, caption, reply_to, account_id, conversation_id, attempts, then those of the
// attachment.
Transfer transfer_from(SqlRows& rows) {
  Transfer t;
  t.id = rows.integer(0);
  t.author = std::string(rows.text(1));
  t.caption = std::string(rows.text(2));
  t.reply_to = std::string(rows.text(3));
  t.account = AccountId{rows.integer(4)};
  t.conversation = ConversationId{rows.integer(5)};
  t.attempts = static_cast<int>(rows.integer(6));
  t.kind = std::string(rows.text(7));
  t.mime_type = std::string(rows.text(8));
  t.file_name = std::string(rows.text(9));
  t.blob = std::string(rows.text(10));
  t.size = static_cast<std::uint64_t>(rows.integer(11));
  if (static_cast<AttachmentState>(rows.integer(12)) != AttachmentState::stored)
    t.hopeless = "the file is gone";
  return t;
}

Result<> examine(Transaction& tx, Transfer& t, WallTime now) {
  const Result<Situation> there = conversation_situation(tx, t.conversation, now);
  if (!there && there.error().code == ErrorCode::not_found) t.hopeless = there.error().message;
  if (!there) return t.hopeless.empty() ? Result<>(std::unexpected(there.error())) : Result<>();
  t.channel = there->channel;
  if (!messaging_window(there->window).open(now)) t.hopeless = explain(Verdict::window_closed);
  if (media_kind(t.channel, {t.kind, t.mime_type, "", "", "", t.size}).empty())
    t.hopeless = fmt::format("the channel takes no file of type '{}' and {} bytes", t.mime_type, t.size);
  PH_TRY_ASSIGN(const auto upload, media_uploads::find(tx, t.account, t.blob, now));
  if (upload) t.media_id = upload->media_id;
  return {};
}

Result<std::vector<Transfer>> load_due(Transaction& tx, WallTime now, int limit) {
  std::vector<Transfer> transfers;
  {
    PH_TRY_ASSIGN(
        SqlRows rows,
        tx.query("SELECT x.id, x.author, x.caption, x.reply_to, x.account_id, x.conversation_id, x.attempts, "
                 "f.kind, f.mime_type, f.file_name, f.blob, f.size, coalesce(f.state, 4) "
                 "FROM automation_media x LEFT JOIN attachments f ON f.id = x.attachment_id "
                 "WHERE x.ready = 1 AND x.next_try_at <= $1 ORDER BY x.next_try_at, x.id LIMIT $2",
                 {now, limit}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      transfers.push_back(transfer_from(rows));
    }
  }
  for (Transfer& t : transfers) {
    if (t.hopeless.empty()) {
      PH_TRY(examine(tx, t, now));
    }
  }
  return transfers;
}

Result<> strike_out(Transaction& tx, std::int64_t id) {
  PH_TRY(tx.execute("DELETE FROM automation_media WHERE id = $1", {id}));
  return {};
}

// The message is queued exactly when its row leaves the list.
Result<std::optional<QueuedReply>> queue(Transaction& tx, const QueueReply& queue_reply, const Transfer& t,
                                         bool uploaded, WallTime now) {
  PH_TRY_ASSIGN(const auto listed, tx.execute("DELETE FROM automation_media WHERE id = $1", {t.id}));
  if (listed == 0) return std::nullopt;
  if (uploaded) {
    PH_TRY(media_uploads::record(tx, t.account, t.blob, {t.media_id, t.mime_type, now}));
  }
  const OutgoingMedia media{t.kind, t.mime_type, t.media_id, t.caption, t.file_name, t.size};
  NewReply reply;
  PH_TRY_ASSIGN(reply.content, compose_media(t.channel, media));
  reply.conversation = t.conversation;
  reply.type = std::string(media_kind(t.channel, media));
  reply.text = t.caption;
  reply.author = t.author;
  reply.reply_to = t.reply_to;
  reply.purpose = t.author;
  PH_TRY_ASSIGN(QueuedReply queued, queue_reply(tx, reply, now));
  return queued;
}

bool is_passing(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::resource_exhausted ||
         error.code == ErrorCode::deadline_exceeded;
}

class Sender {
 public:
  Sender(AutomationPorts& ports, std::shared_ptr<RoundResult> result)
      : ports_(ports), result_(std::move(result)) {}

  // What one of them throws delays that one.
  Task<> send(Transfer t) {
    Task<> sending = upload_and_queue(t);
    const Result<> sent = co_await contained(std::move(sending));
    if (sent) co_return;
    Task<> delaying = later(t, sent.error().message);
    const Result<> delayed = co_await contained(std::move(delaying));
    if (!delayed)
      ports_.log.error("automation.media_stuck", {{"id", t.id}, {"error", delayed.error().message}});
  }

 private:
  Task<> upload_and_queue(Transfer t) {
    bool uploaded = false;
    if (t.hopeless.empty() && t.media_id.empty()) {
      const MediaFile file{t.account, t.blob, t.mime_type, t.file_name, t.size};
      Result<std::string> id = co_await ports_.uploader.upload(file);
      if (!id && is_passing(id.error())) {
        co_await later(t, id.error().message);
        co_return;
      }
      if (id) t.media_id = *std::move(id);
      if (!id) t.hopeless = id.error().message;
      uploaded = t.hopeless.empty();
    }
    if (t.hopeless.empty()) {
      co_await queue_or_drop(t, uploaded);
    } else {
      co_await drop(t);
    }
  }

  Task<> queue_or_drop(Transfer t, bool uploaded) {
    const WallTime now = ports_.clock.wall_now();
    auto write = [queue_reply = ports_.queue_reply, t, uploaded, now](Transaction& tx) {
      return queue(tx, queue_reply, t, uploaded, now);
    };
    const Result<std::optional<QueuedReply>> queued = co_await ports_.database.write(std::move(write));
    if (queued) {
      if (*queued) ports_.wake_dispatcher((*queued)->account);
      ++result_->done;
    } else if (is_passing(queued.error()) || queued.error().code == ErrorCode::internal) {
      co_await later(t, queued.error().message);
    } else {
      t.hopeless = queued.error().message;
      co_await drop(t);
    }
  }

  Task<> drop(Transfer t) {
    ports_.log.warning("automation.media_dropped",
                       {{"author", t.author}, {"id", t.id}, {"reason", t.hopeless}});
    ++result_->given_up;
    auto write = [id = t.id](Transaction& tx) { return strike_out(tx, id); };
    co_await ports_.database.write(std::move(write));
  }

  Task<> later(Transfer t, std::string why) {
    ports_.log.warning("automation.media_delayed", {{"author", t.author}, {"id", t.id}, {"error", why}});
    const WallTime next = ports_.clock.wall_now() + retry_delay(t.attempts);
    auto write = [id = t.id, next](Transaction& tx) {
      return tx.execute("UPDATE automation_media SET attempts = attempts + 1, next_try_at = $2 WHERE id = $1",
                        {id, next});
    };
    co_await ports_.database.write(std::move(write));
  }

  AutomationPorts& ports_;
  std::shared_ptr<RoundResult> result_;
};

// What nobody will want any more, ready or not.
Result<std::int64_t> give_up_old(Transaction& tx, WallTime now) {
  return tx.execute("DELETE FROM automation_media WHERE give_up_at <= $1", {now});
}
Result<bool> any_old(Transaction& tx, WallTime now) {
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT 1 FROM automation_media WHERE give_up_at <= $1 LIMIT 1", {now}));
  return rows.next();
}

Result<bool> any_ready(Transaction& tx) {
  PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT 1 FROM automation_media WHERE ready = 1 LIMIT 1"));
  return rows.next();
}

}  // namespace

Task<Result<RoundResult>> send_media(AutomationPorts& ports, RoundOptions options) {
  const WallTime now = ports.clock.wall_now();
  const auto result = std::make_shared<RoundResult>();
  auto look = [now](Transaction& tx) { return any_old(tx, now); };
  PH_CO_TRY_ASSIGN(const bool old, co_await ports.database.read(std::move(look)));
  if (old) {
    auto write = [now](Transaction& tx) { return give_up_old(tx, now); };
    PH_CO_TRY_ASSIGN(const std::int64_t gone, co_await ports.database.write(std::move(write)));
    result->given_up += gone;
    ports.log.warning("automation.media_given_up", {{"count", gone}});
  }
  auto read = [now, limit = options.files](Transaction& tx) { return load_due(tx, now, limit); };
  PH_CO_TRY_ASSIGN(std::vector<Transfer> due, co_await ports.database.read(std::move(read)));
  if (due.empty()) {
    auto ready = [](Transaction& tx) { return any_ready(tx); };
    PH_CO_TRY_ASSIGN(result->waiting, co_await ports.database.read(std::move(ready)));
    co_return *result;
  }
  result->waiting = true;  // the next round looks
  Sender sender(ports, result);
  std::vector<Task<>> tasks;
  for (Transfer& t : due) tasks.push_back(sender.send(std::move(t)));
  result->more = static_cast<int>(due.size()) >= options.files;
  co_await run_together(ports.executor, ports.clock, std::move(tasks));
  co_return *result;
}

}  // namespace posthorn::automation
