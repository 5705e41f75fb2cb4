// E-mail notifications: who is told of which messages.
#include "actions/common.h"
#include "automation/notification_recipients.h"
#include "automation/notifications.h"
#include "core/time_text.h"
#include "platform/clock.h"
#include "platform/mailer.h"

namespace posthorn {
namespace {

json::object view(const NotificationRecipient& r) {
  json::object out;
  out["id"] = r.id.value;
  out["address"] = r.address;
  out["name"] = r.name;
  out["enabled"] = r.enabled;
  out["settings"] = notification_recipients::settings_view(r.settings);
  out["failures"] = r.failures;
  out["last_error"] = r.last_error;
  out["updated_at"] = iso_time(r.updated_at);
  return out;
}

Task<Result<json::value>> get_notification_config(ActionContext c, Params) {
  auto read = [](Transaction& tx) { return notification_recipients::list(tx); };
  PH_CO_TRY_ASSIGN(const auto all, co_await c.services->database->read(std::move(read)));
  json::array recipients;
  for (const NotificationRecipient& one : all) recipients.emplace_back(view(one));
  json::object out;
  out["mail_server"] = c.services->mailer != nullptr;
  out["recipients"] = std::move(recipients);
  co_return json::value(std::move(out));
}

Task<Result<json::value>> save(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(const auto settings, notification_recipients::parse_settings(p.object("settings")));
  auto write = [p, settings, now = c.services->clock->wall_now()](Transaction& tx) {
    return notification_recipients::save(tx, p.text("address"), p.text("name"), p.boolean("enabled"),
                                         settings, now);
  };
  PH_CO_TRY_ASSIGN(const auto saved, co_await c.services->database->write(std::move(write)));
  co_return json::value(view(saved));
}

Task<Result<json::value>> remove(ActionContext c, Params p) {
  auto write = [address = p.text("address")](Transaction& tx) -> Result<> {
    PH_TRY_ASSIGN(const auto found, notification_recipients::get_by_address(tx, address));
    return notification_recipients::remove(tx, found.id);
  };
  PH_CO_TRY(co_await c.services->database->write(std::move(write)));
  json::object out;
  out["removed"] = p.text("address");
  co_return json::value(std::move(out));
}

Task<Result<json::value>> test_notification(ActionContext c, Params p) {
  const std::string address = p.text("address");
  if (!is_mail_address(address))
    co_return fail(ErrorCode::invalid_argument, "address is no e-mail address", "address");
  if (c.services->mailer == nullptr)
    co_return fail(ErrorCode::conflict, "no mail server is configured: set mail.host and mail.from");
  Mail mail = test_mail(address, c.services->clock->wall_now());
  const MailAnswer answer = co_await c.services->mailer->send(std::move(mail));
  if (answer.outcome != MailOutcome::taken)
    co_return fail(ErrorCode::unavailable, "the mail server did not take the mail: " + answer.detail);
  json::object out;
  out["sent_to"] = address;
  co_return json::value(std::move(out));
}

}  // namespace

std::vector<Action> notification_actions() {
  const Parameter address = {
      .name = "address", .need = Need::required, .help = "e-mail address", .min = 3, .max = 254};
  const Parameter settings = {.name = "settings",
                              .type = ParameterType::object,
                              .help =
                                  "accounts (list of ids; all when empty), inbound, outbound, digest_minutes "
                                  "(0: at once), attachments "
                                  "(none, links, files)",
                              .fallback = json::object()};
  return {
      {.name = "get_notification_config",
       .category = "notifications",
       .role = Role::admin,
       .summary = "Who is notified by e-mail, of what, and how the last mail to them went.",
       .handler = get_notification_config},
      {.name = "update_notification_config",
       .category = "notifications",
       .role = Role::admin,
       .effect = Effect::mutates,
       .summary = "Adds somebody who is notified by e-mail, or changes what they are told.",
       .parameters =
           {address,
            {.name = "name", .help = "what they are called", .fallback = "", .max = 100},
            {.name = "enabled", .type = ParameterType::boolean, .help = "false: no mails", .fallback = true},
            settings},
       .handler = save,
       .example = {{"address", "inbox@example.org"}, {"settings", {{"digest_minutes", 15}}}}},
      {.name = "remove_notification_recipient",
       .category = "notifications",
       .role = Role::admin,
       .effect = Effect::mutates,
       .summary = "Takes somebody off the list, with what waits for them.",
       .parameters = {address},
       .handler = remove,
       .example = {{"address", "inbox@example.org"}}},
      {.name = "test_notification",
       .category = "notifications",
       .role = Role::admin,
       .effect = Effect::mutates,
       .summary = "Sends one mail at once and says what the mail server answered.",
       .parameters = {address},
       .handler = test_notification,
       .example = {{"address", "inbox@example.org"}}},
  };
}

}  // namespace posthorn
