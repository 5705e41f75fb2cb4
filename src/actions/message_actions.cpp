// Single messages through the API lane.
#include <fmt/format.h>

#include "actions/account_runtime.h"
#include "actions/common.h"
#include "actions/runner.h"
#include "actions/single_template.h"
#include "actions/template_sync.h"
#include "messaging/opt_outs.h"
#include "messaging/single_sends.h"
#include "platform/clock.h"

namespace posthorn {
namespace {

constexpr Duration kPollInterval = std::chrono::milliseconds(100);

// Everything the queueing transaction needs; checked before it begins.
struct Queueing {
  SingleSend send;
  Account account;
  bool marketing = false;
  json::object answer;  // without send_id
};

Result<json::value> queue(Transaction& tx, Queueing q, const std::shared_ptr<IdempotentCall>& idempotent,
                          WallTime now) {
  if (q.marketing) {
    PH_TRY_ASSIGN(const bool refuses, opt_outs::refuses(tx, q.account, q.send.phone));
    if (refuses)
      return fail(ErrorCode::conflict,
                  fmt::format("{} does not want marketing messages (see check_suppression)",
                              q.send.phone.to_string()),
                  "to");
  }
  PH_TRY_ASSIGN(const auto row, enqueue_single_send(tx, q.send, now));
  q.answer["send_id"] = row;
  json::value answer(std::move(q.answer));
  PH_TRY(remember_answer(tx, idempotent, answer, now));
  return answer;
}

Result<Queueing> prepare(const Account& account, const StoredTemplate& stored, const Params& p) {
  PH_TRY_ASSIGN(const auto parsed, parse_stored(stored));
  for (const auto& problem : whatsapp::check_sendable(parsed))
    if (problem.blocks) return fail(ErrorCode::conflict, problem.message, "template_name");
  const auto to = parse_phone(p.text("to"), Region{});
  if (!to) return fail(ErrorCode::invalid_argument, std::string(explain(to.error())), "to");
  Queueing q;
  PH_TRY_ASSIGN(q.send.payload, single_template_body(parsed, p, *to));
  q.send.account = account.id;
  q.send.lane = parsed.authentication() ? Lane::reply : Lane::api;  // one-time codes do not wait
  q.send.phone = *to;
  q.send.policy = p.text("policy") == "at_least_once" ? SendPolicy::at_least_once : SendPolicy::at_most_once;
  q.send.purpose = "action:send_template";
  q.account = account;
  q.marketing = stored.category == "MARKETING";
  q.answer["to"] = to->to_string();
  q.answer["template_name"] = stored.name;
  q.answer["language"] = stored.language;
  return q;
}

Task<Result<json::value>> send_template(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(auto account, co_await find_number(c, p.text("account")));
  if (account.blocked())
    co_return fail(ErrorCode::conflict,
                   fmt::format("{} may not send: {}", account.name, account.blocked_reason), "account");
  auto look = [business = account.business_id, name = p.text("template_name"), language = p.text("language")](
                  Transaction& tx) { return templates::get(tx, business, name, language); };
  PH_CO_TRY_ASSIGN(auto stored, co_await c.services->database->read(std::move(look)));
  PH_CO_TRY_ASSIGN(auto queueing, prepare(account, stored, p));
  const auto now = c.services->clock->wall_now();
  auto write = [q = std::move(queueing), idempotent = c.idempotent, now](Transaction& tx) {
    return queue(tx, q, idempotent, now);
  };
  PH_CO_TRY_ASSIGN(auto answer, co_await c.services->database->write(std::move(write)));
  c.services->accounts->wake(account.id);
  co_return answer;
}

json::object status_view(std::int64_t row, const SingleSendStatus& status) {
  json::object out;
  out["send_id"] = row;
  out["submission"] = status.submission;
  out["delivery"] = status.delivery;
  out["code"] = status.code;
  out["message_id"] = status.wamid;
  out["detail"] = status.detail;
  return out;
}

bool settled(const SingleSendStatus& status) {
  const auto state = send_state_from(status.submission);
  return state && is_terminal(*state);
}

Task<Result<json::value>> get_send(ActionContext c, Params p) {
  const auto row = p.integer("send_id");
  const auto until = c.services->clock->now() + std::chrono::seconds(p.integer("wait_seconds"));
  while (true) {
    auto look = [row](Transaction& tx) { return single_send_status(tx, row); };
    PH_CO_TRY_ASSIGN(const auto status, co_await c.services->database->read(std::move(look)));
    if (!status)
      co_return fail(ErrorCode::not_found, fmt::format("there is no single send {}", row), "send_id");
    if (settled(*status) || c.services->clock->now() >= until)
      co_return json::value(status_view(row, *status));
    co_await c.services->clock->sleep_for(kPollInterval);
  }
}

std::vector<Parameter> send_template_parameters() {
  return {
      account_parameter(),
      {.name = "to",
       .type = ParameterType::phone,
       .need = Need::required,
       .help = "the recipient, in international format"},
      {.name = "template_name", .need = Need::required, .help = "an approved template", .min = 1, .max = 512},
      {.name = "language",
       .help = "its language",
       .fallback = "en_US",
       .max = 20,
       .aliases = {"language_code", "languageCode"}},
      {.name = "values",
       .type = ParameterType::object,
       .help = "variable → value, by the names get_template shows, such as body.1 or button.0.url",
       .secret = true},
      {.name = "body_params",
       .type = ParameterType::list,
       .help = "values of the body's variables in order",
       .max = 100,
       .secret = true},
      {.name = "header_type",
       .help = "accepted for compatibility; the template decides",
       .choices = {"text", "image", "video", "document"}},
      {.name = "header_text", .help = "value of a text header's variable", .max = 1024, .secret = true},
      {.name = "header_media_id", .help = "uploaded media for the header; wins over a link", .max = 200},
      {.name = "header_media_link", .help = "https link to the header's media", .max = 2048},
      {.name = "header_document_filename", .help = "file name shown for a document header", .max = 240},
      {.name = "buttons",
       .type = ParameterType::list,
       .help = "[{\"index\": 0, \"type\": \"url\", \"url_suffix\": \"…\"}]; types url, quick_reply "
               "(payload), copy_code (coupon_code)",
       .max = 10,
       .secret = true},
      {.name = "components",
       .type = ParameterType::list,
       .help = "Meta's components, sent as they are in place of everything above",
       .max = 20,
       .secret = true},
      {.name = "policy",
       .help = "what happens if the outcome stays unknown",
       .fallback = "at_most_once",
       .choices = {"at_most_once", "at_least_once"}},
  };
}

}  // namespace

std::vector<Action> message_actions() {
  json::object example;
  example["to"] = "+919876543210";
  example["template_name"] = "order_update";
  example["body_params"] = {"Asha", "ORD-12345"};
  const Parameter send_id = {.name = "send_id",
                             .type = ParameterType::integer,
                             .need = Need::required,
                             .help = "what send_template or test_broadcast returned",
                             .min = 1};
  const Parameter wait = {.name = "wait_seconds",
                          .type = ParameterType::integer,
                          .help = "wait this long for the outcome of the submission",
                          .fallback = 0,
                          .min = 0,
                          .max = 30};
  return {
      {.name = "send_template",
       .category = "messages",
       .role = Role::agent,
       .effect = Effect::mutates,
       .summary = "Sends one template message. It is queued durably and leaves ahead of broadcasts; get_send "
                  "tells what became of it.",
       .parameters = send_template_parameters(),
       .handler = send_template,
       .example = std::move(example),
       .keeps_answer = true},
      {.name = "get_send",
       .category = "messages",
       .role = Role::viewer,
       .summary = "What became of a single send: submission, delivery, Meta's message id, error.",
       .parameters = {send_id, wait},
       .handler = get_send,
       .example = {{"send_id", 1}}},
  };
}

}  // namespace posthorn
