#include "automation/notifications.h"

#include <fmt/format.h>

#include "messaging/essential_loop.h"
#include "messaging/event_patience.h"
#include "messaging/wakeup.h"

namespace posthorn {
namespace {

constexpr int kEventsAtOnce = 500;
constexpr int kMailsAtOnce = 20;
constexpr Duration kLongestWait = std::chrono::seconds(30);
constexpr Duration kAfterTrouble = std::chrono::seconds(5);
constexpr Duration kKeepMails = std::chrono::hours(24 * 30);

}  // namespace

struct Notifications::Impl : std::enable_shared_from_this<Impl> {
  Impl(NotificationsPorts p, NotificationsOptions o)
      : ports(p),
        options(std::move(o)),
        stop_wake(p.executor, p.clock),
        done_wake(p.executor, p.clock),
        patience(kNotificationCursor, p.log, p.metrics),
        sent(p.metrics.counter("posthorn_notification_mails_total", "E-mails by outcome",
                               {{"outcome", "sent"}})),
        refused(p.metrics.counter("posthorn_notification_mails_total", "E-mails by outcome",
                                  {{"outcome", "refused"}})),
        failed(p.metrics.counter("posthorn_notification_mails_total", "E-mails by outcome",
                                 {{"outcome", "failed"}})) {}

  Task<> loop() {
    EventId seen;
    while (!stopping) {
      const Result<> done = co_await round();
      if (stopping) break;
      if (!done) {
        ports.log.warning("notifications.failed", {{"error", done.error().message}});
        co_await ports.clock.sleep_for(kAfterTrouble);
        continue;
      }
      const Result<MonotonicTime> next = co_await next_look();
      const MonotonicTime until = next.value_or(ports.clock.now() + kLongestWait);
      seen = co_await ports.feed.wait_beyond(seen, until);
    }
    running = false;
    stop_wake.notify();
  }

  // Events that cannot be collected (yet) do not keep what was collected from going.
  Task<Result<>> round() {
    const WallTime now = ports.clock.wall_now();
    const Result<> collected = co_await collect(now);
    PH_CO_TRY(co_await compose_and_send(now));
    co_return collected;
  }

  Task<Result<>> collect(WallTime now) {
    bool more = true;
    while (more && !stopping) {
      auto work = [now, pass_over = patience.exhausted()](Transaction& tx) {
        return notification_queue::collect(tx, now, kEventsAtOnce, pass_over);
      };
      const auto collected = co_await ports.database.write(std::move(work));
      if (!collected) {
        patience.failed(collected.error());
        co_return std::unexpected(collected.error());
      }
      patience.succeeded(collected->passed_over);
      more = collected->events == kEventsAtOnce;
    }
    co_return Result<>();
  }

  Task<Result<>> compose_and_send(WallTime now) {
    auto compose = [now, gather = options.gather](Transaction& tx) -> Result<int> {
      PH_TRY(notification_queue::prune(tx, now - kKeepMails));
      return notification_queue::compose(tx, now, gather);
    };
    PH_CO_TRY(co_await ports.database.write(std::move(compose)));
    co_return co_await send_due(now);
  }

  // All that is due, a few at a time; returns when each has an outcome.
  Task<Result<>> send_due(WallTime now) {
    auto read = [now](Transaction& tx) { return notification_queue::due(tx, now, kMailsAtOnce); };
    PH_CO_TRY_ASSIGN(const auto mails, co_await ports.database.read(std::move(read)));
    for (const DueMail& mail : mails) {
      while (under_way >= options.concurrency) co_await done_wake.wait();
      if (stopping) break;
      ++under_way;
      auto run = [](std::shared_ptr<Impl> impl, DueMail one) -> Task<> {
        const Result<> delivered = co_await contained(impl->deliver(one));
        if (!delivered) co_await impl->settle_as_failed(one, delivered.error());
        --impl->under_way;
        impl->done_wake.notify();
      };
      spawn_essential(ports.executor, "sending notifications", run(shared_from_this(), mail));
    }
    while (under_way > 0) co_await done_wake.wait();
    co_return Result<>();
  }

  Task<> deliver(DueMail mail) {
    auto read = [mail](Transaction& tx) { return notification_queue::content(tx, mail); };
    auto content = co_await ports.database.read(std::move(read));
    if (!content) {
      ports.log.warning("notifications.unreadable", {{"mail", mail.id}, {"error", content.error().message}});
      co_return co_await settle(mail, unwritten(content.error()));
    }
    if (!*content) co_return co_await settle(mail, std::nullopt);
    auto whole = co_await contained_value(write_mail(mail, **std::move(content)));
    if (!whole) co_return co_await settle(mail, unwritten(whole.error()));
    const MailAnswer answer = co_await ports.mailer.send(*std::move(whole));
    co_await settle(mail, answer);
  }

  // Later, like one that the server did not take: it must not be in the others' way.
  static MailAnswer unwritten(const Error& why) {
    MailAnswer answer;
    answer.outcome = MailOutcome::failed;
    answer.detail = fmt::format("{}{}", notification_queue::kUnwritten, why.message);
    return answer;
  }

  // An exception while a mail was sent: whether it left is not known, so it goes again later.
  Task<> settle_as_failed(DueMail mail, Error why) {
    MailAnswer answer;
    answer.outcome = MailOutcome::failed;
    answer.detail = std::move(why.message);
    co_await settle(mail, std::move(answer));
  }

  Task<Mail> write_mail(DueMail due, MailContent content) {
    Mail mail;
    mail.to = content.recipient.address;
    mail.to_name = content.recipient.name;
    mail.message_id = due.message_ref + "@" + options.domain;
    mail.date = ports.clock.wall_now();
    const MailFiles files = content.recipient.settings.files;
    std::uint64_t room = options.most_attached;
    std::vector<NotifiedMessage> told;
    for (MailMessage& one : content.messages) {
      if (!options.conversation_url.empty())
        one.message.link = options.conversation_url + std::to_string(one.conversation.value);
      for (const MailMessage::File& file : one.files) {
        NotifiedFile shown{file.name, file.kind, {}};
        const bool fits = files == MailFiles::files && !file.blob.empty() && file.size <= room;
        if (fits) {
          const bool attached = co_await attach(mail, file);
          if (attached) room -= file.size;
        } else if (files != MailFiles::none && !file.blob.empty() && ports.links != nullptr) {
          shown.link = ports.links->link(file.id, mail.date + options.link_life);
        }
        one.message.files.push_back(std::move(shown));
      }
      told.push_back(std::move(one.message));
    }
    MailText text = notification_mail(told, content.left_out);
    mail.subject = std::move(text.subject);
    mail.text = std::move(text.text);
    mail.html = std::move(text.html);
    co_return mail;
  }

  Task<bool> attach(Mail& mail, const MailMessage::File& file) {
    auto bytes = co_await ports.blobs.get(file.blob, options.most_attached);
    if (!bytes) co_return false;
    mail.attachments.push_back(
        {file.name.empty() ? file.kind : file.name, file.mime_type, *std::move(bytes)});
    co_return true;
  }

  // What the mail server said is known only here until it is committed: the commit is tried until it
  // succeeds, and the mail is not sent again meanwhile.
  Task<> settle(DueMail mail, std::optional<MailAnswer> answer) {
    const WallTime now = ports.clock.wall_now();
    auto write = [mail, answer, now](Transaction& tx) -> Result<> {
      if (!answer) return notification_queue::dropped(tx, mail, now);
      if (answer->outcome == MailOutcome::taken) return notification_queue::sent(tx, mail, now);
      if (answer->outcome == MailOutcome::refused)
        return notification_queue::refused(tx, mail, answer->detail, now);
      return notification_queue::failed(tx, mail, answer->detail, now);
    };
    for (bool written = false; !written;) {
      auto again = write;
      const Result<> done = co_await ports.database.write_urgent(std::move(again));
      written = done.has_value();
      if (written) break;
      ports.log.error("notifications.not_settled", {{"mail", mail.id}, {"error", done.error().message}});
      if (stopping) co_return;
      co_await ports.clock.sleep_for(kAfterTrouble);
    }
    if (!answer) co_return;
    Counter& counter = answer->outcome == MailOutcome::taken     ? sent
                       : answer->outcome == MailOutcome::refused ? refused
                                                                 : failed;
    counter.add();
    if (answer->outcome != MailOutcome::taken)
      ports.log.warning("notifications.not_sent", {{"mail", mail.id},
                                                   {"recipient", mail.recipient.value},
                                                   {"refused", answer->outcome == MailOutcome::refused},
                                                   {"reason", answer->detail}});
  }

  Task<Result<MonotonicTime>> next_look() {
    auto read = [](Transaction& tx) { return notification_queue::next_due(tx); };
    PH_CO_TRY_ASSIGN(const auto next, co_await ports.database.read(std::move(read)));
    const MonotonicTime now = ports.clock.now();
    if (!next) co_return now + kLongestWait;
    const Duration left = std::chrono::duration_cast<Duration>(*next - ports.clock.wall_now());
    co_return now + std::clamp<Duration>(left, std::chrono::milliseconds(10), kLongestWait);
  }

  NotificationsPorts ports;
  NotificationsOptions options;
  Wakeup stop_wake, done_wake;
  EventPatience patience;
  Counter &sent, &refused, &failed;
  int under_way = 0;
  bool running = false, stopping = false;
};

Notifications::Notifications(NotificationsPorts ports, NotificationsOptions options)
    : impl_(std::make_shared<Impl>(ports, std::move(options))) {}
Notifications::~Notifications() {
  impl_->stopping = true;
}

void Notifications::start() {
  impl_->running = true;
  auto run = [](std::shared_ptr<Impl> impl) -> Task<> { co_await impl->loop(); };
  spawn_essential(impl_->ports.executor, "e-mail notifications", run(impl_));
}

Task<> Notifications::stop() {
  const std::shared_ptr<Impl> impl = impl_;
  impl->stopping = true;
  impl->ports.feed.release();
  while (impl->running) co_await impl->stop_wake.wait();
}

Task<Result<>> Notifications::run_once() {
  const std::shared_ptr<Impl> impl = impl_;
  co_return co_await impl->round();
}

Mail test_mail(std::string address, WallTime now) {
  Mail mail;
  mail.to = std::move(address);
  mail.subject = "Posthorn: a test";
  mail.text = "Notifications of Posthorn reach this address.\n";
  mail.message_id = fmt::format("test.{}@posthorn.invalid", to_micros(now));
  mail.date = now;
  return mail;
}

}  // namespace posthorn
