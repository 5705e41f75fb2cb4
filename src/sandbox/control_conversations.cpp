// The part of the control API about conversations: events, scripts, Instagram and Messenger, load, media
// faults.
#include <boost/json.hpp>

#include "sandbox/account_events.h"
#include "sandbox/control_routes.h"
#include "sandbox/json_text.h"
#include "sandbox/json_values.h"
#include "sandbox/user_message.h"

namespace posthorn::sandbox {
namespace js = boost::json;
namespace {

constexpr std::string_view kOk = R"({"ok":true})";
constexpr int kManyTaps = 1000;
constexpr std::string_view kFlavours[] = {"instagram_login", "instagram", "messenger"};

std::optional<bool> maybe_flag(const js::value& body, std::string_view name) {
  const js::value* v = member(body, name);
  return v != nullptr && v->is_bool() ? std::optional(v->get_bool()) : std::nullopt;
}

std::optional<Duration> maybe_millis(const js::value& body, std::string_view name) {
  return member(body, name) == nullptr ? std::nullopt
                                       : std::optional(millis_of(body, name, Duration::zero()));
}

js::object message_json(const MetaMessage& m) {
  js::object out{{"mid", m.mid},
                 {"user", m.user},
                 {"direction", m.from_account ? "out" : "in"},
                 {"by_api", m.by_api},
                 {"at_us", to_micros(m.at)},
                 {"fate", m.read        ? "read"
                          : m.delivered ? "received"
                                        : "accepted"},
                 {"deleted", m.deleted}};
  out["message"] = m.content;
  if (!m.metadata.empty()) out["metadata"] = m.metadata;
  if (!m.tag.empty()) out["tag"] = m.tag;
  if (!m.reactions.empty()) out["reactions"] = m.reactions;
  return out;
}

}  // namespace

// {"down":true}, {"error":404}, {"lying_length":true}, {"endless":true}, {"html":true}, {"slow":100}; beside
// it "for_ms" and "remaining". null or {} ends the fault.
ControlRoutes::Reply ControlRoutes::set_media_chaos(const js::value& given) {
  MediaChaos fresh;
  fresh.met = world_.chaos.media.met;
  if (given.is_object())
    for (const auto& [key, value] : given.get_object()) {
      if (key == "for_ms" || key == "remaining") continue;
      PH_TRY_ASSIGN(const MediaChaos::Kind kind, parse_media_kind(key));
      if (value.is_bool() && !value.get_bool()) continue;
      fresh.kind = kind;
      if (kind == MediaChaos::Kind::error) fresh.code = static_cast<int>(number_of(given, "error", 404));
      if (kind == MediaChaos::Kind::slow && value.is_number())
        fresh.pace = millis_of(given, "slow", fresh.pace);
    }
  if (fresh.code < 200 || fresh.code > 599)
    return fail(ErrorCode::invalid_argument, "\"error\" must be an HTTP status", "media.error");
  if (const auto span = maybe_millis(given, "for_ms")) fresh.until = world_.clock.now() + *span;
  fresh.remaining = static_cast<std::int64_t>(number_of(given, "remaining", -1));
  world_.chaos.media = fresh;
  return std::string(kOk);
}

ControlRoutes::Reply ControlRoutes::emit_event(const Call& call) {
  PH_TRY(controls_.emit_event(call.path[1], call.body, call.request.query("number")));
  return std::string(kOk);
}

ControlRoutes::Reply ControlRoutes::list_events(const Call&) {
  js::array list;
  for (const EventName& name : event_names())
    list.push_back(js::object{{"field", name.field}, {"event", name.event}});
  js::object out;
  out["events"] = std::move(list);
  return js::serialize(out);
}

ControlRoutes::Reply ControlRoutes::begin_script(const Call& call) {
  PH_TRY_ASSIGN(const std::string person, people_.person_of(call.body));
  PH_TRY(people_.scripts().begin(person, call.body));
  return std::string(kOk);
}

ControlRoutes::Reply ControlRoutes::show_scripts(const Call&) {
  return js::serialize(people_.scripts().report());
}

ControlRoutes::Reply ControlRoutes::clear_scripts(const Call&) {
  people_.scripts().clear();
  return std::string(kOk);
}

ControlRoutes::Reply ControlRoutes::list_accounts(const Call&) {
  js::array list;
  for (const MetaAccount& a : messaging_.accounts())
    list.push_back(
        js::object{{"id", a.config.id},
                   {"flavour", kFlavours[static_cast<std::size_t>(a.config.flavour)]},
                   {"page_id", a.config.page_id},
                   {"username", a.config.username},
                   {"token", a.tokens.back().first.reveal()},
                   {"app_secret",
                    (a.config.app_secret.empty() ? world_.config.app_secret : a.config.app_secret).reveal()},
                   {"subscribed", a.subscribed}});
  js::object out;
  out["accounts"] = std::move(list);
  return js::serialize(out);
}

// {"subscribed":false}, {"token_expired":true}, {"access_allowed":false}, {"human_agent":false}
ControlRoutes::Reply ControlRoutes::change_account(const Call& call) {
  PH_TRY_ASSIGN(const std::size_t index, messaging_.find_account(call.path[1]));
  MetaAccount& account = messaging_.accounts()[index];
  account.subscribed = flag_of(call.body, "subscribed", account.subscribed);
  account.token_expired = flag_of(call.body, "token_expired", account.token_expired);
  account.access_allowed = flag_of(call.body, "access_allowed", account.access_allowed);
  account.human_agent = flag_of(call.body, "human_agent", account.human_agent);
  return std::string(kOk);
}

// ?user= for one person; ?direction=out for sends only.
ControlRoutes::Reply ControlRoutes::ledger_of_account(const Call& call) {
  PH_TRY_ASSIGN(const std::size_t index, messaging_.find_account(call.path[2]));
  const std::string user = call.request.query("user"), direction = call.request.query("direction");
  js::array list;
  std::map<std::string, int> seen;
  int duplicates = 0;
  for (const MetaMessage& m : messaging_.messages()) {
    const bool other_side = !direction.empty() && (direction == "out") != m.from_account;
    if (m.account != index || other_side || (!user.empty() && m.user != user)) continue;
    if (m.by_api && !m.metadata.empty() && ++seen[m.metadata] > 1) ++duplicates;
    list.push_back(message_json(m));
  }
  js::object out{{"duplicate_metadata", duplicates}};
  out["messages"] = std::move(list);
  return js::serialize(out);
}

ControlRoutes::Reply ControlRoutes::user_send(const Call& call) {
  const std::string& user = call.path[1];
  if (!call.body.is_object())
    return fail(ErrorCode::invalid_argument, "the message must be a JSON object with \"type\"");
  PH_TRY_ASSIGN(const std::size_t account, messaging_.find_account(call.request.query("account"), user));
  PH_TRY_ASSIGN(const std::string id, user_does(messaging_, account, user, call.body.get_object()));
  return R"({"ok":true,"id":)" + meta_string(id) + "}";
}

// {"reads":false,"delivered":false,"replies":"Hello","taps":2,"error":551,"subcode":1545041,"delivered_after_ms":5}
ControlRoutes::Reply ControlRoutes::user_behaviour(const Call& call) {
  const std::string& user = call.path[1];
  PH_TRY_ASSIGN(const std::size_t account, messaging_.find_account(call.request.query("account"), user));
  UserBehaviour what;
  what.delivered = maybe_flag(call.body, "delivered");
  what.reads = maybe_flag(call.body, "reads");
  what.replies = text_of(call.body, "replies");
  what.taps =
      flag_of(call.body, "taps", false) ? kManyTaps : static_cast<int>(number_of(call.body, "taps", 0));
  what.error = static_cast<int>(number_of(call.body, "error", 0));
  what.subcode = static_cast<int>(number_of(call.body, "subcode", 0));
  what.delivered_after = maybe_millis(call.body, "delivered_after_ms");
  what.read_after = maybe_millis(call.body, "read_after_ms");
  what.reply_after = maybe_millis(call.body, "reply_after_ms");
  messaging_.user(account, user).behaviour = std::move(what);
  return std::string(kOk);
}

ControlRoutes::Reply ControlRoutes::begin_load(const Call& call) {
  PH_TRY_ASSIGN(const LoadPlan plan, read_load_plan(call.body, world_));
  PH_TRY(load_.begin(plan));
  return js::serialize(load_.report());
}

ControlRoutes::Reply ControlRoutes::show_load(const Call&) {
  return js::serialize(load_.report());
}

ControlRoutes::Reply ControlRoutes::stop_load(const Call&) {
  load_.stop();
  return js::serialize(load_.report());
}

}  // namespace posthorn::sandbox
