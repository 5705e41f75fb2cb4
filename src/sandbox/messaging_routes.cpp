#include "sandbox/messaging_routes.h"

#include <algorithm>
#include <chrono>

#include <boost/json.hpp>

#include "platform/crypto.h"
#include "sandbox/json_values.h"

namespace posthorn::sandbox {
namespace js = boost::json;
namespace {

constexpr Duration kWindow = std::chrono::hours(24), kHumanWindow = std::chrono::hours(24 * 7);
constexpr std::int64_t kTokenLife = 5'184'000;  // seconds: 60 days
constexpr std::size_t kDetailed = 20;           // newest messages of a conversation that can be read
constexpr std::size_t kMessengerPace = 300, kInstagramPace = 100, kMediaPace = 10, kConversationPace = 2;
constexpr std::size_t kPrivateReplies = 750;

std::string iso_time(WallTime t) {
  using namespace std::chrono;
  const sys_seconds at{seconds(to_micros(t) / 1'000'000)};
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss<seconds> time(at - day);
  char out[40];
  std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02d+0000", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return out;
}

// True and counted when fewer than `most` happened within `span`.
bool allow(std::deque<MonotonicTime>& past, std::size_t most, Duration span, MonotonicTime now) {
  while (!past.empty() && past.front() <= now - span) past.pop_front();
  if (past.size() >= most) return false;
  past.push_back(now);
  return true;
}

std::string conversation_id(const ScopedUser& user, bool instagram) {
  const std::string name = std::to_string(user.account) + "_" + user.id;
  return instagram ? to_base64url("ig:" + name) : "t_" + name;
}

std::unexpected<GraphFailure> no_such(std::string_view id) {
  return graph_fail(
      100,
      "Unsupported get request. Object with ID '" + std::string(id) +
          "' does not exist, cannot be loaded due to missing permissions, or does not support this "
          "operation",
      33);
}

js::object data_of(js::array list) {
  js::object out;
  out["data"] = std::move(list);
  return out;
}

}  // namespace

bool MessagingRoutes::owns(std::string_view path, std::string_view token) const {
  const std::string_view first = path.substr(0, path.find('/'));
  if (first == "refresh_access_token") return true;
  return std::ranges::any_of(messaging_.accounts(), [&](const MetaAccount& a) {
    const MetaAccountConfig& c = a.config;
    return c.id == first || (!c.page_id.empty() && c.page_id == first) ||
           (!c.own_id.empty() && c.own_id == first) ||
           std::ranges::any_of(a.tokens, [&](const auto& t) { return t.first.reveal() == token; });
  });
}

HttpResponse MessagingRoutes::handle(const std::vector<std::string>& path, const HttpRequest& request,
                                     const std::string& body, std::string_view token) {
  js::error_code ec;
  Call call{path, request, {}, {}, 0};
  if (!body.empty()) call.body = js::parse(body, ec);
  Reply reply = ec && body.starts_with('{') ? Reply(graph_fail(100, "The request body is not valid JSON."))
                                            : dispatch(call, token);
  messaging_.pump();
  if (!reply) return messaging_error(reply.error(), world_.dice.next());
  HttpResponse response = json_response(meta_json(*reply));
  response.headers.set("X-App-Usage", R"({"call_count":1,"total_time":1,"total_cputime":1})");
  return response;
}

MessagingRoutes::Reply MessagingRoutes::authorise(std::string_view token,
                                                  std::vector<std::size_t>& accounts) const {
  const auto& all = messaging_.accounts();
  for (std::size_t i = 0; i < all.size(); ++i)
    for (const auto& [secret, issued] : all[i].tokens)
      if (constant_time_equal(secret.reveal(), token)) accounts.push_back(i);
  if (accounts.empty()) return graph_fail(190, "Invalid OAuth access token - Cannot parse access token", 467);
  const MetaAccount& account = all[accounts.front()];
  if (account.token_expired)
    return graph_fail(190, "Error validating access token: Session has expired.", 463);
  return js::value();
}

MessagingRoutes::Reply MessagingRoutes::dispatch(Call& call, std::string_view token) {
  if (call.path.empty()) return no_such("");
  if (call.path[0] == "refresh_access_token") return refresh(call.request);
  if (auto good = authorise(token, call.accounts); !good) return good;
  const std::string& first = call.path[0];
  call.account = call.accounts.front();
  const std::string platform = call.request.query("platform");
  for (const std::size_t i : call.accounts) {
    const MetaAccount& a = messaging_.accounts()[i];
    const bool page = first == "me" || first == a.config.page_id;
    const bool meant = first == a.config.id || (page && (platform == "instagram") == a.instagram());
    if (meant) call.account = i;
  }
  const MetaAccount& account = messaging_.accounts()[call.account];
  if (!account.access_allowed)
    return graph_fail(200, "The owner has not allowed access to messages.", 2534041);
  return call.path.size() == 1 ? node(call) : edge(call);
}

// Unversioned; needs no secret. A token must be a day old (Meta's Instagram login reference).
MessagingRoutes::Reply MessagingRoutes::refresh(const HttpRequest& request) {
  const std::string token = request.query("access_token");
  if (request.query("grant_type") != "ig_refresh_token")
    return graph_fail(100, "Param grant_type is not valid");
  std::vector<std::size_t> found;
  if (auto good = authorise(token, found); !good) return good;
  MetaAccount& account = messaging_.accounts()[found.front()];
  if (account.config.flavour != MetaFlavour::instagram_login)
    return graph_fail(190, "Only tokens of the Instagram login can be refreshed.", 467);
  const WallTime now = world_.clock.wall_now();
  const auto known =
      std::ranges::find_if(account.tokens, [&](const auto& t) { return t.first.reveal() == token; });
  if (now - known->second < kWindow) return graph_fail(100, "The access token is younger than 24 hours.");
  std::string fresh = "IGAASandboxToken" + std::to_string(account.tokens.size()) + "x" +
                      std::to_string(mix(world_.seed + account.tokens.size()));
  account.tokens.emplace_back(Secret(fresh), now);
  return js::object{{"access_token", fresh}, {"token_type", "bearer"}, {"expires_in", kTokenLife}};
}

MessagingRoutes::Reply MessagingRoutes::edge(Call& call) {
  const std::string& first = call.path[0];
  const MetaAccountConfig& config = messaging_.accounts()[call.account].config;
  if (first != "me" && first != config.id && first != config.page_id && first != config.own_id)
    return no_such(first);
  const std::string &edge = call.path[1], &method = call.request.method;
  if (edge == "messages" && method == "POST") return send(call);
  if (edge == "subscribed_apps") return subscriptions(call);
  if (edge == "conversations" && method == "GET") return conversations(call);
  if (edge == "message_attachments" && method == "POST") return attachment(call);
  if (edge == "messenger_profile") return messenger_profile(call);
  return graph_fail(100, "Unknown path components: /" + edge);
}

Graph<ScopedUser*> MessagingRoutes::recipient_of(Call& call, const CheckedSend& send) {
  if (!send.comment.empty()) {
    const auto it = messaging_.comments().find(send.comment);
    if (it == messaging_.comments().end() || it->second.answered ||
        world_.clock.wall_now() - it->second.at > kHumanWindow)
      return graph_fail(100, "This comment cannot be replied to.", 2534025);
    call.account = it->second.account;
    return &messaging_.user(it->second.account, it->second.user);
  }
  for (const std::size_t i : call.accounts)
    if (ScopedUser* user = messaging_.find_user(i, send.user)) {
      call.account = i;
      return user;
    }
  const bool instagram = messaging_.accounts()[call.account].instagram();
  return graph_fail(100, instagram ? "The requested user cannot be found." : "No matching user found",
                    instagram ? 2534014 : 2018001);
}

// 24 hours after the last action of the person, seven days for a human agent.
Graph<> MessagingRoutes::check_window(const CheckedSend& send, const ScopedUser& user) const {
  if (!send.comment.empty()) return {};
  const bool instagram = messaging_.accounts()[user.account].instagram();
  const Duration window = send.tag.empty() ? kWindow : kHumanWindow;
  if (user.last_action != WallTime{} && world_.clock.wall_now() - user.last_action < window) return {};
  return graph_fail(10, "This message is sent outside of allowed window.", instagram ? 2534022 : 2018278);
}

Graph<> MessagingRoutes::check_rate(MetaAccount& account, const CheckedSend& send) {
  if (!world_.limits.config().throughput) return {};
  const MonotonicTime now = world_.clock.now();
  const Duration second = std::chrono::seconds(1);
  const std::size_t pace = account.instagram() ? kInstagramPace : kMessengerPace;
  if (!send.comment.empty() && !allow(account.private_replies, kPrivateReplies, std::chrono::hours(1), now))
    return graph_fail(613, "Calls to this api have exceeded the rate limit.");
  if (send.slow_media && !allow(account.media_sends, kMediaPace, second, now))
    return graph_fail(613, "Calls to this api have exceeded the rate limit.");
  if (!allow(account.sends, pace, second, now))
    return graph_fail(613, "Calls to this api have exceeded the rate limit.");
  return {};
}

MessagingRoutes::Reply MessagingRoutes::send(Call& call) {
  ++world_.requests;
  const auto checked = check_send(call.body, messaging_.accounts()[call.account], messaging_);
  if (!checked) return std::unexpected(checked.error());
  const auto found = recipient_of(call, *checked);
  if (!found) return std::unexpected(found.error());
  ScopedUser& user = **found;
  MetaAccount& account = messaging_.accounts()[call.account];
  if (user.behaviour.error != 0)
    return graph_fail(user.behaviour.error, "Refused by the person's behaviour.", user.behaviour.subcode);
  if (user.elsewhere)
    return graph_fail(100, "Another app is the owner of this thread.",
                      account.instagram() ? 2534037 : 2018300);
  if (auto good = check_rate(account, *checked); !good) return std::unexpected(good.error());
  if (auto good = check_window(*checked, user); !good) return std::unexpected(good.error());
  if (!checked->action.empty()) return act(call, *checked, user);
  MetaMessage& message = messaging_.record(user, true, checked->message);
  message.by_api = true;
  message.metadata = checked->metadata;
  message.tag = checked->tag;
  if (!checked->comment.empty()) messaging_.comments().find(checked->comment)->second.answered = true;
  messaging_.begin(message);
  return js::object{{"recipient_id", user.id}, {"message_id", message.mid}};
}

MessagingRoutes::Reply MessagingRoutes::act(Call&, const CheckedSend& send, ScopedUser& user) {
  if (send.action == "react" || send.action == "unreact") {
    MetaMessage* target = messaging_.find_message(text_of(send.action_payload, "message_id"));
    if (target == nullptr)
      return graph_fail(100, "Param payload[message_id] is not a message of this conversation.");
    target->reactions.clear();
    if (send.action == "react")
      target->reactions.push_back(js::string(text_of(send.action_payload, "reaction", "love")));
  }
  return js::object{{"recipient_id", user.id}};
}

MessagingRoutes::Reply MessagingRoutes::node(Call& call) {
  const std::string& id = call.path[0];
  const MetaAccount& account = messaging_.accounts()[call.account];
  const MetaAccountConfig& c = account.config;
  if (call.request.method != "GET") return graph_fail(100, "Unsupported post request.");
  if (c.flavour == MetaFlavour::instagram_login && (id == "me" || id == c.id || id == c.own_id))
    return js::object{{"user_id", c.id},
                      {"id", c.own_id},
                      {"username", c.username},
                      {"name", c.name},
                      {"account_type", "BUSINESS"}};
  if (id == "me" || id == c.page_id) {
    js::object page{{"id", c.page_id}, {"name", c.name}};
    for (const std::size_t i : call.accounts)
      if (const MetaAccount& a = messaging_.accounts()[i]; a.instagram())
        page["instagram_business_account"] = js::object{{"id", a.config.id}, {"username", a.config.username}};
    return js::value(std::move(page));
  }
  if (id == c.id) return js::object{{"id", c.id}, {"username", c.username}, {"name", c.name}};
  for (const std::size_t i : call.accounts) {
    if (ScopedUser* user = messaging_.find_user(i, id)) return profile(call, *user);
    for (const auto& [key, user] : messaging_.users())
      if (key.first == i && conversation_id(user, messaging_.accounts()[i].instagram()) == id)
        return conversation(call, user);
  }
  if (const MetaMessage* found = messaging_.find_message(id)) return message(*found);
  return no_such(id);
}

MessagingRoutes::Reply MessagingRoutes::profile(const Call& call, ScopedUser& user) {
  if (user.last_action == WallTime{}) return graph_fail(100, "No profile available for this user.", 2018218);
  if (user.behaviour.error == 551) return no_such(user.id);
  js::object all{{"id", user.id}};
  const std::string picture = messaging_.picture_of(user);
  if (messaging_.accounts()[user.account].instagram()) {
    all["name"] = user.name;
    all["username"] = user.username;
    all["profile_pic"] = picture;
    all["follower_count"] = 120;
    all["is_user_follow_business"] = true;
    all["is_business_follow_user"] = false;
    all["is_verified_user"] = false;
  } else {
    all["first_name"] = user.name.substr(0, user.name.find(' '));
    all["last_name"] = user.name.substr(std::min(user.name.size(), user.name.find(' ') + 1));
    all["profile_pic"] = picture;
  }
  const std::string fields = call.request.query("fields");
  if (fields.empty()) return js::value(std::move(all));
  js::object out{{"id", user.id}};
  for (const auto& [key, value] : all)
    if (("," + fields + ",").find("," + std::string(key) + ",") != std::string::npos) out[key] = value;
  return js::value(std::move(out));
}

MessagingRoutes::Reply MessagingRoutes::subscriptions(Call& call) {
  MetaAccount& account = messaging_.accounts()[call.account];
  const std::string fields = call.request.has_query("subscribed_fields")
                                 ? call.request.query("subscribed_fields")
                                 : text_of(call.body, "subscribed_fields");
  if (call.request.method == "POST") {
    if (fields.empty()) return graph_fail(100, "The parameter subscribed_fields is required");
    account.subscribed = true;
    account.fields.clear();
    for (std::size_t at = 0; at <= fields.size();) {
      const std::size_t comma = std::min(fields.find(',', at), fields.size());
      account.fields.push_back(fields.substr(at, comma - at));
      at = comma + 1;
    }
    return js::object{{"success", true}};
  }
  if (call.request.method == "DELETE") {
    account.subscribed = false;
    return js::object{{"success", true}};
  }
  js::array list;
  if (account.subscribed) {
    js::object app{{"id", world_.config.app_id}, {"name", "Posthorn"}};
    js::array names;
    for (const std::string& name : account.fields) names.push_back(js::string(name));
    app["subscribed_fields"] = std::move(names);
    list.push_back(std::move(app));
  }
  return js::value(data_of(std::move(list)));
}

MessagingRoutes::Reply MessagingRoutes::conversations(Call& call) {
  MetaAccount& account = messaging_.accounts()[call.account];
  const bool limited = world_.limits.config().throughput;
  if (limited &&
      !allow(account.conversation_calls, kConversationPace, std::chrono::seconds(1), world_.clock.now()))
    return graph_fail(613, "Calls to this api have exceeded the rate limit.");
  const std::string wanted = call.request.query("user_id"), after = call.request.query("after");
  const std::size_t limit =
      std::clamp<std::size_t>(std::strtoul(call.request.query("limit").c_str(), nullptr, 10), 1, 500);
  std::vector<const ScopedUser*> found;
  for (const auto& [key, user] : messaging_.users())
    if (key.first == call.account && !user.messages.empty() && (wanted.empty() || user.id == wanted))
      found.push_back(&user);
  std::ranges::sort(found, std::greater(), [](const ScopedUser* u) { return u->messages.back(); });
  const std::size_t from = std::min<std::size_t>(std::strtoul(after.c_str(), nullptr, 10), found.size());
  const std::size_t to = std::min(found.size(), from + (call.request.has_query("limit") ? limit : 25));
  js::array list;
  for (std::size_t i = from; i < to; ++i) {
    const ScopedUser& user = *found[i];
    js::array people;
    people.push_back(js::object{{"id", account.config.id}, {"username", account.config.username}});
    people.push_back(js::object{{"id", user.id}, {"username", user.username}});
    js::object one{{"id", conversation_id(user, account.instagram())},
                   {"updated_time", iso_time(messaging_.messages()[user.messages.back()].at)}};
    one["participants"] = data_of(std::move(people));
    list.push_back(std::move(one));
  }
  js::object out = data_of(std::move(list));
  js::object paging{{"cursors", js::object{{"before", std::to_string(from)}, {"after", std::to_string(to)}}}};
  if (to < found.size()) paging["next"] = world_.base_url() + "/next";
  out["paging"] = std::move(paging);
  return js::value(std::move(out));
}

MessagingRoutes::Reply MessagingRoutes::conversation(const Call&, const ScopedUser& user) {
  js::array list;
  for (auto it = user.messages.rbegin(); it != user.messages.rend(); ++it) {
    const MetaMessage& m = messaging_.messages()[*it];
    if (!m.deleted) list.push_back(js::object{{"id", m.mid}, {"created_time", iso_time(m.at)}});
  }
  js::object out{{"id", conversation_id(user, messaging_.accounts()[user.account].instagram())}};
  out["messages"] = data_of(std::move(list));
  return js::value(std::move(out));
}

// Details of the 20 newest of a conversation only (Meta's Conversations API).
MessagingRoutes::Reply MessagingRoutes::message(const MetaMessage& m) {
  const ScopedUser& user = *messaging_.find_user(m.account, m.user);
  const std::size_t newest = user.messages.size() - std::min(user.messages.size(), kDetailed);
  const bool old =
      std::none_of(user.messages.begin() + static_cast<std::ptrdiff_t>(newest), user.messages.end(),
                   [&](std::size_t i) { return messaging_.messages()[i].mid == m.mid; });
  if (old || m.deleted) return no_such(m.mid);
  const std::string& account = messaging_.accounts()[m.account].config.id;
  js::array to;
  to.push_back(js::object{{"id", m.from_account ? m.user : account}});
  js::object out{{"id", m.mid},
                 {"created_time", iso_time(m.at)},
                 {"from", js::object{{"id", m.from_account ? account : m.user}}},
                 {"message", text_of(js::value(m.content), "text")}};
  out["to"] = data_of(std::move(to));
  if (const js::value* list = m.content.if_contains("attachments"); list != nullptr && list->is_array())
    out["attachments"] = data_of(list->get_array());
  if (!m.reactions.empty()) out["reactions"] = data_of(m.reactions);
  return js::value(std::move(out));
}

MessagingRoutes::Reply MessagingRoutes::attachment(Call& call) {
  if (const js::value* message = member(call.body, "message");
      message == nullptr || member(*message, "attachment") == nullptr)
    return graph_fail(100, "The parameter message[attachment] is required");
  std::string id = std::to_string(1'854'626'884'821'032ULL + messaging_.attachments().size());
  messaging_.attachments().insert(id);
  return js::object{{"attachment_id", id}};
}

MessagingRoutes::Reply MessagingRoutes::messenger_profile(Call& call) {
  MetaAccount& account = messaging_.accounts()[call.account];
  if (call.request.method == "GET") {
    js::array list;
    list.push_back(account.profile);
    return js::value(data_of(std::move(list)));
  }
  if (!call.body.is_object()) return graph_fail(100, "The request body must be an object.");
  const js::value* names = member(call.body, "fields");
  if (call.request.method == "DELETE" && names != nullptr && names->is_array())
    for (const js::value& name : names->get_array())
      if (name.is_string()) account.profile.erase(name.get_string());
  if (call.request.method == "POST")
    for (const auto& [key, value] : call.body.get_object())
      if (key != "platform") account.profile[key] = value;
  return js::object{{"result", "success"}};
}

}  // namespace posthorn::sandbox
