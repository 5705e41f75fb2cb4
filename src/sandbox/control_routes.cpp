#include "sandbox/control_routes.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <boost/json.hpp>

#include "sandbox/answer.h"
#include "sandbox/json_text.h"
#include "sandbox/json_values.h"

namespace posthorn::sandbox {
namespace {

namespace js = boost::json;

constexpr auto kFates =
    std::to_array<std::string_view>({"accepted", "sent", "received", "read", "failed", "held"});
constexpr auto kKinds = std::to_array<std::string_view>(
    {"receives", "not_on_whatsapp", "not_chosen", "blocked", "switched_off", "fails"});
constexpr int kManyTaps = 1000;
constexpr std::string_view kOk = R"({"ok":true})";

int http_status(ErrorCode code) {
  if (code == ErrorCode::not_found) return 404;
  return code == ErrorCode::unavailable ? 502 : 400;
}

HttpResponse error_answer(const Error& error) {
  std::string body = R"({"error":{"message":)" + meta_string(error.message);
  if (!error.field.empty()) body += R"(,"field":)" + meta_string(error.field);
  return json_response(body + "}}", http_status(error.code));
}

js::object message_json(const World& world, const Message& m) {
  js::object out{{"wamid", world.message_name(m.id)},
                 {"phone", std::to_string(m.phone)},
                 {"subject", world.ledger.subject_name(m.subject)},
                 {"number", world.numbers.at(m.number).config.id},
                 {"fate", kFates.at(static_cast<std::size_t>(m.fate))},
                 {"token", m.token},
                 {"at_us", to_micros(m.at)}};
  if (m.error != 0) out["error"] = m.error;
  if (const auto body = world.ledger.body(m.id); !body.empty()) out["body"] = body;
  return out;
}

std::string messages_json(const World& world, const std::vector<Message>& messages) {
  js::array list;
  for (const Message& m : messages) list.push_back(message_json(world, m));
  return js::serialize(js::object{{"messages", std::move(list)}});
}

js::object pace_json(const Number& number, const PaceRecord& r, bool series) {
  js::object out{{"number", number.config.id},
                 {"limit", number.config.messages_per_second},
                 {"arrivals", r.arrivals},
                 {"max_in_one_second", r.max_window},
                 {"refused_130429", r.refused_rate},
                 {"refused_131056", r.refused_pair},
                 {"seconds", static_cast<double>((r.last - r.first).count()) / 1e6}};
  if (!series) return out;
  js::array per_second;
  for (const auto& [second, count] : r.per_second) per_second.push_back(js::array{second, count});
  out["per_second"] = std::move(per_second);
  return out;
}

Result<Fault> fault_of(const js::value& body) {
  Fault fault;
  PH_TRY_ASSIGN(fault.kind, parse_fault_kind(text_of(body, "kind", "error")));
  fault.rate = number_of(body, "rate", 1.0);
  fault.code = static_cast<int>(number_of(body, "code", fault.code));
  fault.subcode = static_cast<int>(number_of(body, "subcode", 0));
  fault.processed = flag_of(body, "processed", false);
  fault.min_delay = millis_of(body, "min_delay_ms", fault.min_delay);
  fault.max_delay = millis_of(body, "max_delay_ms", fault.max_delay);
  fault.remaining = static_cast<std::int64_t>(number_of(body, "remaining", -1));
  fault.number = text_of(body, "number");
  fault.management = flag_of(body, "management", false);
  if (fault.rate < 0 || fault.rate > 1)
    return fail(ErrorCode::invalid_argument, "\"rate\" must be between 0 and 1", "rate");
  return fault;
}

bool matches(std::string_view pattern, const std::vector<std::string>& path) {
  std::size_t i = 0;
  while (!pattern.empty()) {
    const std::string_view segment = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(std::min(pattern.size(), segment.size() + 1));
    if (i >= path.size() || (segment != "*" && segment != path[i])) return false;
    ++i;
  }
  return i == path.size();
}

}  // namespace

const std::vector<ControlRoutes::Route>& ControlRoutes::routes() {
  using R = ControlRoutes;
  static const std::vector<Route> kRoutes = {
      {"GET", "health", &R::health},
      {"GET", "ledger/summary", &R::summary},
      {"GET", "ledger/phone/*", &R::ledger_of_phone},
      {"GET", "ledger/token/*", &R::ledger_of_token},
      {"GET", "pace", &R::pace},
      {"POST", "reset", &R::reset},
      {"GET", "chaos", &R::show_chaos},
      {"POST", "chaos", &R::set_chaos},
      {"DELETE", "chaos", &R::clear_chaos},
      {"POST", "config", &R::configure},
      {"POST", "events/*", &R::emit_event},
      {"GET", "events", &R::list_events},
      {"POST", "scripts", &R::begin_script},
      {"GET", "scripts", &R::show_scripts},
      {"DELETE", "scripts", &R::clear_scripts},
      {"GET", "accounts", &R::list_accounts},
      {"POST", "accounts/*", &R::change_account},
      {"GET", "ledger/account/*", &R::ledger_of_account},
      {"POST", "users/*/send", &R::user_send},
      {"POST", "users/*/behaviour", &R::user_behaviour},
      {"POST", "load", &R::begin_load},
      {"GET", "load", &R::show_load},
      {"DELETE", "load", &R::stop_load},
      {"POST", "phones/*/send", &R::phone_send},
      {"POST", "phones/*/behaviour", &R::phone_behaviour},
      {"POST", "phones/*/preference", &R::phone_preference},
      {"POST", "templates", &R::put_template},
      {"POST", "templates/*/*", &R::change_template},
      {"POST", "numbers/*", &R::change_number},
      {"POST", "tokens", &R::tokens},
      {"POST", "account", &R::account},
      {"POST", "held", &R::held},
  };
  return kRoutes;
}

Task<HttpResponse> ControlRoutes::handle(std::vector<std::string> path, const HttpRequest& request,
                                         std::string body) {
  Call call{std::move(path), request, {}};
  js::error_code ec;
  if (!body.empty()) call.body = js::parse(body, ec);
  if (ec) {
    const Error bad{ErrorCode::invalid_argument, "the body is not valid JSON: " + ec.message()};
    co_return error_answer(bad);
  }
  const bool callback = request.method == "POST" && matches("callback", call.path);
  Reply reply = std::string();
  if (callback)
    reply = co_await set_callback(std::move(call));
  else
    reply = dispatch(call);
  co_return reply ? json_response(*std::move(reply)) : error_answer(reply.error());
}

ControlRoutes::Reply ControlRoutes::dispatch(const Call& call) {
  for (const Route& route : routes())
    if (route.method == call.request.method && matches(route.pattern, call.path))
      return (this->*route.handler)(call);
  return fail(ErrorCode::not_found,
              "the sandbox has no " + call.request.method + " " + std::string(call.request.path()));
}

Task<ControlRoutes::Reply> ControlRoutes::set_callback(Call call) {
  std::string url = text_of(call.body, "url");
  Secret verify_token(text_of(call.body, "verify_token"));
  if (!verify_token.empty()) {
    PH_CO_TRY(co_await webhooks_.verify(url, verify_token));
  }
  webhooks_.set_callback(url);
  webhooks_.pump();
  co_return std::string(kOk);
}

bool ControlRoutes::idle() const {
  return deliveries_.idle() && webhooks_.idle() && messaging_.idle() && people_.scripts().idle() &&
         !load_.running();
}

ControlRoutes::Reply ControlRoutes::health(const Call&) {
  return R"({"ok":true,"idle":)" + std::string(idle() ? "true}" : "false}");
}

ControlRoutes::Reply ControlRoutes::summary(const Call& call) {
  const LedgerTotals t = world_.ledger.totals();
  const WebhookStats w = webhooks_.stats();
  js::array pace;
  for (const Number& n : world_.numbers)
    pace.push_back(pace_json(n, world_.limits.record(world_.index_of(n)), false));
  js::object out{{"requests", world_.requests},
                 {"accepted", t.accepted},
                 {"received", t.received},
                 {"read", t.read},
                 {"failed", t.failed},
                 {"held", t.held},
                 {"in_transit", t.in_transit},
                 {"phones", t.phones},
                 {"tokens", t.tokens},
                 {"duplicate_tokens", t.duplicate_tokens},
                 {"duplicate_phone_subject", t.duplicate_phone_subject},
                 {"memory_bytes", world_.ledger.memory_bytes()},
                 {"users_today", world_.limits.users_today()},
                 {"idle", idle()},
                 {"numbers", std::move(pace)},
                 {"webhooks", js::object{{"updates", w.updates},
                                         {"dropped", w.dropped},
                                         {"duplicated", w.duplicated},
                                         {"posts", w.posts},
                                         {"acknowledged", w.acknowledged},
                                         {"failed_posts", w.failed_posts},
                                         {"given_up", w.given_up},
                                         {"waiting", w.waiting}}}};
  if (const std::string fields = call.request.query("token_fields"); !fields.empty())
    out["duplicates_by_token_fields"] = world_.ledger.duplicates_by_token_fields(std::atoi(fields.c_str()));
  return js::serialize(out);
}

ControlRoutes::Reply ControlRoutes::ledger_of_phone(const Call& call) {
  PH_TRY_ASSIGN(const std::uint64_t phone, phone_of(call.path[2]));
  return messages_json(world_, world_.ledger.messages_for(phone));
}

ControlRoutes::Reply ControlRoutes::ledger_of_token(const Call& call) {
  return messages_json(world_, world_.ledger.messages_with_token(call.path[2]));
}

ControlRoutes::Reply ControlRoutes::pace(const Call&) {
  js::array list;
  for (const Number& n : world_.numbers)
    list.push_back(pace_json(n, world_.limits.record(world_.index_of(n)), true));
  return js::serialize(js::object{{"numbers", std::move(list)}});
}

ControlRoutes::Reply ControlRoutes::reset(const Call&) {
  controls_.reset();
  return std::string(kOk);
}

ControlRoutes::Reply ControlRoutes::show_chaos(const Call&) {
  js::array faults;
  for (const Fault& f : world_.chaos.faults())
    faults.push_back(js::object{{"kind", to_string(f.kind)},
                                {"rate", f.rate},
                                {"code", f.code},
                                {"processed", f.processed},
                                {"min_delay_ms", f.min_delay.count() / 1000},
                                {"max_delay_ms", f.max_delay.count() / 1000},
                                {"remaining", f.remaining},
                                {"number", f.number},
                                {"management", f.management},
                                {"injected", world_.chaos.injected(f.kind)}});
  const WebhookChaos& w = world_.chaos.webhooks;
  return js::serialize(js::object{
      {"faults", std::move(faults)},
      {"held", world_.chaos.held},
      {"media", js::object{{"kind", to_string(world_.chaos.media.kind)}, {"met", world_.chaos.media.met}}},
      {"webhooks", js::object{{"drop", w.drop},
                              {"duplicate", w.duplicate},
                              {"reorder", w.reorder},
                              {"reorder_by_ms", w.reorder_by.count() / 1000},
                              {"delay_ms", w.delay.count() / 1000}}}});
}

// {"faults":[{"kind","rate",…}], "webhooks":{"drop",…}, "media":{"down":true}, "held":0.1}; what is not named
// stays. "faults" replaces the plan.
ControlRoutes::Reply ControlRoutes::set_chaos(const Call& call) {
  std::vector<Fault> faults;
  const js::value* list = member(call.body, "faults");
  if (list != nullptr && list->is_array())
    for (const js::value& item : list->get_array()) {
      PH_TRY_ASSIGN(Fault fault, fault_of(item));
      faults.push_back(std::move(fault));
    }
  if (list != nullptr) {
    const WebhookChaos webhooks = world_.chaos.webhooks;
    const MediaChaos media = world_.chaos.media;
    const bool restricted = world_.chaos.account_restricted;
    const double was_held = world_.chaos.held;
    world_.chaos.clear();
    world_.chaos.webhooks = webhooks;
    world_.chaos.media = media;
    world_.chaos.account_restricted = restricted;
    world_.chaos.held = was_held;
    for (Fault& fault : faults) world_.chaos.add(std::move(fault));
  }
  world_.chaos.held = number_of(call.body, "held", world_.chaos.held);
  if (const js::value* media = member(call.body, "media")) {
    PH_TRY(set_media_chaos(*media));
  }
  if (const js::value* w = member(call.body, "webhooks")) {
    WebhookChaos& chaos = world_.chaos.webhooks;
    chaos.drop = number_of(*w, "drop", chaos.drop);
    chaos.duplicate = number_of(*w, "duplicate", chaos.duplicate);
    chaos.reorder = number_of(*w, "reorder", chaos.reorder);
    chaos.reorder_by = millis_of(*w, "reorder_by_ms", chaos.reorder_by);
    chaos.delay = millis_of(*w, "delay_ms", chaos.delay);
  }
  return std::string(kOk);
}

ControlRoutes::Reply ControlRoutes::clear_chaos(const Call&) {
  world_.chaos.clear();
  return std::string(kOk);
}

// phones{}, webhooks{} and limits{} take effect at once; fixtures at the next reset.
ControlRoutes::Reply ControlRoutes::configure(const Call& call) {
  PH_TRY(merge_config(world_.config, js::serialize(call.body)));
  world_.phones.set_config(world_.config.phones);
  world_.limits.config() = world_.config.limits;
  webhooks_.set_callback(world_.config.webhooks.callback_url);
  webhooks_.pump();
  return std::string(kOk);
}

ControlRoutes::Reply ControlRoutes::phone_send(const Call& call) {
  PH_TRY_ASSIGN(const std::uint64_t phone, phone_of(call.path[1]));
  PH_TRY_ASSIGN(const std::string name,
                controls_.send_from_phone(phone, js::serialize(call.body), call.request.query("number")));
  return R"({"ok":true,"wamid":")" + name + "\"}";
}

// {"kind":"blocked"}, {"kind":"fails","code":131049}, {"reads":true,"replies":"Hello","delivered_after_ms":5}
ControlRoutes::Reply ControlRoutes::phone_behaviour(const Call& call) {
  PH_TRY_ASSIGN(const std::uint64_t phone, phone_of(call.path[1]));
  PhoneOverride what;
  if (const std::string kind = text_of(call.body, "kind"); !kind.empty()) {
    const auto* it = std::ranges::find(kKinds, kind);
    if (it == kKinds.end())
      return fail(ErrorCode::invalid_argument, "kind \"" + kind + "\" is unknown", "kind");
    what.kind = static_cast<PhoneKind>(it - kKinds.begin());
  }
  what.error_code = static_cast<int>(number_of(call.body, "code", 0));
  if (member(call.body, "reads") != nullptr) what.reads = flag_of(call.body, "reads", true);
  if (member(call.body, "opts_out") != nullptr) what.opts_out = flag_of(call.body, "opts_out", true);
  if (member(call.body, "replies") != nullptr) what.replies = text_of(call.body, "replies");
  if (member(call.body, "delivered_after_ms") != nullptr)
    what.delivered_after = millis_of(call.body, "delivered_after_ms", {});
  const js::value* taps = member(call.body, "taps");
  what.taps = taps != nullptr && taps->is_bool() ? (taps->get_bool() ? kManyTaps : 0)
                                                 : static_cast<int>(number_of(call.body, "taps", 0));
  if (member(call.body, "read_after_ms") != nullptr)
    what.read_after = millis_of(call.body, "read_after_ms", {});
  if (member(call.body, "reply_after_ms") != nullptr)
    what.reply_after = millis_of(call.body, "reply_after_ms", {});
  world_.phones.set_override(phone, std::move(what));
  return std::string(kOk);
}

ControlRoutes::Reply ControlRoutes::phone_preference(const Call& call) {
  PH_TRY_ASSIGN(const std::uint64_t phone, phone_of(call.path[1]));
  controls_.set_marketing_preference(phone, text_of(call.body, "value", "stop") == "stop");
  return std::string(kOk);
}

ControlRoutes::Reply ControlRoutes::put_template(const Call& call) {
  PH_TRY(controls_.put_template(js::serialize(call.body)));
  return std::string(kOk);
}

ControlRoutes::Reply ControlRoutes::change_template(const Call& call) {
  const std::string &name = call.path[1], &language = call.path[2];
  const std::string status = text_of(call.body, "status"), category = text_of(call.body, "category"),
                    quality = text_of(call.body, "quality");
  if (status.empty() && category.empty() && quality.empty())
    return fail(ErrorCode::invalid_argument, "one of \"status\", \"category\" and \"quality\" is required");
  if (!status.empty()) {
    PH_TRY(controls_.set_template_status(name, language, status, text_of(call.body, "reason", "NONE")));
  }
  if (!category.empty()) {
    PH_TRY(controls_.set_template_category(name, language, category));
  }
  if (!quality.empty()) {
    PH_TRY(controls_.set_template_quality(name, language, quality));
  }
  return std::string(kOk);
}

ControlRoutes::Reply ControlRoutes::change_number(const Call& call) {
  const std::string quality = text_of(call.body, "quality");
  const int rate = static_cast<int>(number_of(call.body, "messages_per_second", -1));
  if (!quality.empty()) {
    PH_TRY(controls_.set_number_quality(call.path[1], quality));
  }
  if (rate >= 0) {
    PH_TRY(controls_.upgrade_throughput(call.path[1], rate,
                                        millis_of(call.body, "maintenance_ms", Duration::zero())));
  }
  return std::string(kOk);
}

// {"add":"EAAJ…"}, {"expire":true}, {"expire_after":100}, {"restore":true}
ControlRoutes::Reply ControlRoutes::tokens(const Call& call) {
  if (const std::string token = text_of(call.body, "add"); !token.empty()) controls_.add_token(Secret(token));
  if (flag_of(call.body, "expire", false)) controls_.expire_tokens_after(0);
  if (const double n = number_of(call.body, "expire_after", -1); n >= 0)
    controls_.expire_tokens_after(static_cast<std::int64_t>(n));
  if (flag_of(call.body, "restore", false)) controls_.restore_tokens();
  return std::string(kOk);
}

ControlRoutes::Reply ControlRoutes::account(const Call& call) {
  controls_.restrict_account(flag_of(call.body, "restricted", true));
  return std::string(kOk);
}

ControlRoutes::Reply ControlRoutes::held(const Call& call) {
  deliveries_.release_held(flag_of(call.body, "deliver", true));
  return std::string(kOk);
}

}  // namespace posthorn::sandbox
