#include "sandbox/user_message.h"

#include <algorithm>
#include <array>

#include <boost/json.hpp>

#include "sandbox/choices.h"
#include "sandbox/json_values.h"
#include "sandbox/sample_files.h"

namespace posthorn::sandbox {
namespace js = boost::json;
namespace {

struct Draft {
  Messaging& messaging;
  ScopedUser& user;
  std::string type;
  js::object given;
  bool by_owner = false;  // the owner of the account wrote it by hand: an echo

  js::value own() { return take(given, type); }
  bool instagram() const { return messaging.accounts().at(user.account).instagram(); }
  const std::string& account_id() const { return messaging.accounts().at(user.account).config.id; }
};

std::string words(const js::value& v, std::string_view fallback = {}) {
  return v.is_string() ? std::string(v.get_string()) : std::string(fallback);
}

js::object wrapped(std::string_view name, js::value value) {
  js::object out;
  out[name] = std::move(value);
  return out;
}

// A user action opens the 24-hour window and is consent to the profile (Meta's messaging windows).
void acts(Draft& d) {
  d.user.last_action = d.messaging.world().clock.wall_now();
}

// The message id in the member `name`; when it is missing or "last", the newest of one side.
Result<std::string> message_id(Draft& d, std::string_view name, bool from_account) {
  const js::value given = take(d.given, name);
  if (given.is_string() && given.get_string() != "last") return words(given);
  if (const MetaMessage* newest = d.messaging.newest(d.user, from_account)) return newest->mid;
  return fail(ErrorCode::invalid_argument,
              "there is no message in this conversation yet: name one in \"" + std::string(name) + "\"",
              std::string(name));
}

js::object sample_referral(const Draft& d) {
  if (!d.instagram() || d.given.contains("ref")) {
    return js::object{{"ref", text_of(d.given, "ref", "window-sticker")},
                      {"source", d.instagram() ? "IGME-SOURCE-LINK" : "SHORTLINK"},
                      {"type", "OPEN_THREAD"}};
  }
  return js::object{
      {"ad_id", "120226305854810726"},
      {"source", "ADS"},
      {"type", "OPEN_THREAD"},
      {"ads_context_data", js::object{{"ad_title", "Summer succulents"},
                                      {"photo_url", "https://scontent.example.com/advert.jpg"}}}};
}

// Reply, story, referral and quick reply may stand beside any content.
Result<> add_surroundings(Draft& d, js::object& body) {
  if (d.given.contains("reply_to")) {
    PH_TRY_ASSIGN(std::string mid, message_id(d, "reply_to", true));
    body["reply_to"] = js::object{{"mid", mid}};
  }
  if (const js::value payload = take(d.given, "quick_reply"); payload.is_string())
    body["quick_reply"] = js::object{{"payload", payload.get_string()}};
  if (const js::value referral = take(d.given, "referral"); referral.is_object())
    body["referral"] = referral;
  else if (referral.is_bool())
    body["referral"] = sample_referral(d);
  return {};
}

Result<std::string> say(Draft& d, js::object content) {
  PH_TRY(add_surroundings(d, content));
  const std::string chosen = words(take(d.given, "id"));
  MetaMessage& message = d.messaging.record(d.user, d.by_owner, content, chosen);
  js::object body{{"mid", message.mid}};
  for (const auto& [key, value] : content) body[key] = value;
  if (d.by_owner) body["is_echo"] = true;
  if (!d.by_owner) acts(d);
  const bool page_echo = d.by_owner && !d.instagram();
  d.messaging.item(d.user, page_echo ? "message_echoes" : "messages", wrapped("message", std::move(body)),
                   d.by_owner);
  return message.mid;
}

Result<std::string> text(Draft& d) {
  const js::value own = d.own();
  if (!own.is_string())
    return fail(ErrorCode::invalid_argument, "the member \"text\" is required for this type", "text");
  return say(d, js::object{{"text", own.get_string()}});
}

Result<std::string> attach(Draft& d, std::string_view type, js::value payload) {
  js::object attachment{{"type", type}};
  if (!payload.is_null()) attachment["payload"] = std::move(payload);
  js::array list;
  list.push_back(std::move(attachment));
  js::object content;
  if (const js::value caption = take(d.given, "text"); caption.is_string()) content["text"] = caption;
  content["attachments"] = std::move(list);
  return say(d, std::move(content));
}

Result<js::object> published(Draft& d, std::string_view kind) {
  const js::value own = d.own();
  js::object description = own.is_object() ? own.get_object() : js::object();
  for (const std::string_view name : {"mime_type", "base64", "size"})
    if (d.given.contains(name)) description[name] = take(d.given, name);
  PH_TRY_ASSIGN(SampleFile file, file_of(description, kind));
  return js::object{{"url", text_of(description, "url", d.messaging.publish(std::move(file)))}};
}

Result<std::string> media(Draft& d) {
  PH_TRY_ASSIGN(js::object payload, published(d, d.type));
  return attach(d, d.type, std::move(payload));
}

Result<std::string> sticker(Draft& d) {
  PH_TRY_ASSIGN(js::object payload, published(d, "image"));
  payload["sticker_id"] = 369239263222822;
  return attach(d, "image", std::move(payload));
}

Result<std::string> like_heart(Draft& d) {
  d.own();
  return attach(d, "like_heart", {});
}

Result<std::string> location(Draft& d) {
  const js::value own = d.own();
  js::object coordinates{{"lat", number_of(own, "lat", 52.520008)},
                         {"long", number_of(own, "long", 13.404954)}};
  return attach(d, "location", wrapped("coordinates", std::move(coordinates)));
}

// Posts, reels and stories differ in the type and the names of their members only.
struct Shared {
  std::string_view form, type, id_name, kind;
};
constexpr auto kShared = std::to_array<Shared>({
    {"share", "ig_post", "ig_post_media_id", "image"},
    {"reel", "ig_reel", "reel_video_id", "video"},
    {"story_mention", "story_mention", "", "image"},
    {"story", "ig_story", "story_media_id", "image"},
});

Result<std::string> share(Draft& d) {
  const Shared& shared = *std::ranges::find(kShared, d.type, &Shared::form);
  const js::value given = d.given.contains(d.type) ? d.given.at(d.type) : js::value();
  PH_TRY_ASSIGN(js::object payload, published(d, shared.kind));
  if (!shared.id_name.empty()) {
    payload[shared.id_name] = "18000000000000001";
    payload["title"] = words(given, "New autumn colours");
  }
  return attach(d, shared.type, std::move(payload));
}

Result<std::string> story_reply(Draft& d) {
  const std::string says = words(d.own(), "Is it still there?");
  PH_TRY_ASSIGN(js::object story, published(d, "image"));
  story["id"] = "18000000000000003";
  js::object content{{"text", says}};
  content["reply_to"] = wrapped("story", std::move(story));
  return say(d, std::move(content));
}

Result<std::string> fallback(Draft& d) {
  js::object attachment{
      {"type", "fallback"}, {"title", "A page"}, {"url", words(d.own(), "https://example.com/")}};
  js::array list;
  list.push_back(std::move(attachment));
  js::object content{{"text", "https://example.com/"}};
  content["attachments"] = std::move(list);
  return say(d, std::move(content));
}

Result<std::string> unsupported(Draft& d) {
  d.own();
  return say(d, js::object{{"is_unsupported", true}});
}

Result<std::string> press(Draft& d, std::string payload, std::string title) {
  js::object postback{{"mid", d.messaging.new_mid(d.user.account)}, {"title", title}, {"payload", payload}};
  if (d.given.contains("ref")) postback["referral"] = sample_referral(d);
  const std::string mid = words(postback.at("mid"));
  acts(d);
  d.messaging.item(d.user, "messaging_postbacks", wrapped("postback", std::move(postback)), false);
  return mid;
}

Result<std::string> postback(Draft& d) {
  const std::string payload = words(d.own(), "GET_STARTED");
  return press(d, payload, words(take(d.given, "title"), payload));
}

Result<std::string> tap(Draft& d) {
  const js::value wanted = d.own();
  const MetaMessage* newest = d.messaging.newest(d.user, true);
  const std::vector<Choice> choices = newest == nullptr ? std::vector<Choice>() : choices_of(newest->content);
  const Choice* choice = pick(choices, wanted);
  if (choice == nullptr)
    return fail(
        ErrorCode::invalid_argument,
        "the newest message to this person has no such button; it has " + std::to_string(choices.size()),
        "tap");
  if (choice->kind == Choice::Kind::postback) return press(d, choice->id, choice->title);
  d.given["quick_reply"] = choice->id;
  return say(d, js::object{{"text", choice->title}});
}

// An empty text takes the reaction back.
Result<std::string> reaction(Draft& d) {
  const js::value own = d.own();
  PH_TRY_ASSIGN(const std::string mid, message_id(d, "to", true));
  const std::string emoji = words(own, "\xE2\x9D\xA4\xEF\xB8\x8F");
  js::object out{{"mid", mid}, {"action", emoji.empty() ? "unreact" : "react"}};
  if (!emoji.empty()) {
    out["reaction"] = emoji == "\xE2\x9D\xA4\xEF\xB8\x8F" ? "love" : "other";
    out["emoji"] = emoji;
  }
  acts(d);
  d.messaging.item(d.user, "message_reactions", wrapped("reaction", std::move(out)), false);
  return mid;
}

Result<std::string> edit(Draft& d) {
  const std::string says = words(d.own(), "edited");
  PH_TRY_ASSIGN(const std::string mid, message_id(d, "of", d.by_owner));
  int count = 1;
  if (MetaMessage* message = d.messaging.find_message(mid)) {
    count = ++message->edits;
    message->content["text"] = says;
  }
  js::object out{{"mid", mid}, {"text", says}, {"num_edit", count}};
  d.messaging.item(d.user, d.instagram() ? "message_edit" : "message_edits",
                   wrapped("message_edit", std::move(out)), d.by_owner);
  return mid;
}

Result<std::string> unsend(Draft& d) {
  PH_TRY_ASSIGN(const std::string mid, message_id(d, "of", d.by_owner));
  if (MetaMessage* message = d.messaging.find_message(mid)) {
    message->deleted = true;
    message->content.clear();
  }
  js::object out{{"mid", mid}, {"is_deleted", true}};
  if (d.by_owner) out["is_echo"] = true;
  d.messaging.item(d.user, "messages", wrapped("message", std::move(out)), d.by_owner);
  return mid;
}

Result<std::string> read(Draft& d) {
  PH_TRY_ASSIGN(const std::string mid, message_id(d, "of", true));
  const MetaMessage* message = d.messaging.find_message(mid);
  js::object out{{"mid", mid}};
  if (!d.instagram())
    out = js::object{
        {"watermark",
         to_micros(message == nullptr ? d.messaging.world().clock.wall_now() : message->at) / 1000}};
  d.messaging.item(d.user, d.instagram() ? "messaging_seen" : "message_reads",
                   wrapped("read", std::move(out)), false);
  return mid;
}

Result<std::string> referral(Draft& d) {
  if (js::value own = d.own(); own.is_object()) {
    d.messaging.item(d.user, "messaging_referrals", wrapped("referral", std::move(own)), false);
  } else {
    if (own.is_string()) d.given["ref"] = own;
    d.messaging.item(d.user, "messaging_referrals", wrapped("referral", sample_referral(d)), false);
  }
  acts(d);
  return std::string();
}

Result<std::string> optin(Draft& d) {
  js::value own = d.own();
  if (!own.is_object())
    own = js::object{{"type", "notification_messages"},
                     {"payload", words(own, "newsletter")},
                     {"notification_messages_token", "7281946128947126"}};
  acts(d);
  d.messaging.item(d.user, "messaging_optins", wrapped("optin", std::move(own)), false);
  return std::string();
}

// A comment gives no window and no consent; it allows one private reply.
Result<std::string> comment(Draft& d) {
  const js::value own = d.own();
  const std::string says = words(own, "How much is the blue one?"), id = d.messaging.new_comment_id();
  const MetaFlavour flavour = d.messaging.accounts().at(d.user.account).config.flavour;
  js::object from{{"id", d.user.id}, {"username", d.user.username}};
  js::object value;
  std::string field = d.type == "live_comment" ? "live_comments" : "comments";
  if (flavour == MetaFlavour::messenger) {
    field = "feed";
    from = js::object{{"id", d.user.id}, {"name", d.user.name}};
    value = js::object{{"item", "comment"}, {"verb", "add"}, {"comment_id", id}, {"message", says}};
    value["post_id"] = d.account_id() + "_18000000000000009";
    value["created_time"] = to_micros(d.messaging.world().clock.wall_now()) / 1'000'000;
  } else {
    value[flavour == MetaFlavour::instagram_login ? "id" : "comment_id"] = id;
    value["text"] = says;
    value["media"] = js::object{{"id", "18000000000000009"}, {"media_product_type", "FEED"}};
  }
  value["from"] = std::move(from);
  if (const js::value parent = take(d.given, "parent"); parent.is_string()) value["parent_id"] = parent;
  Comment made{d.user.id, says, d.user.account, d.messaging.world().clock.wall_now(), false};
  d.messaging.comments().insert_or_assign(id, std::move(made));
  d.messaging.change(d.user.account, field, std::move(value));
  return id;
}

Result<std::string> mention(Draft& d) {
  js::object value{{"media_id", "18000000000000010"}};
  if (const js::value own = d.own(); own.is_string()) value["comment_id"] = own;
  d.messaging.change(d.user.account, "mentions", std::move(value));
  return std::string();
}

// "lost": another app has the thread from now on, what arrives is for `standby`, sends are refused. "gained",
// "requested".
Result<std::string> handover(Draft& d) {
  const std::string what = words(d.own(), "lost");
  const std::string ours = d.messaging.world().config.app_id, other = "263902037430900";
  js::object out{{"metadata", "sandbox"}};
  std::string_view name = "pass_thread_control";
  if (what == "lost" || what == "gained") {
    d.user.elsewhere = what == "lost";
    out["previous_owner_app_id"] = what == "lost" ? ours : other;
    out["new_owner_app_id"] = what == "lost" ? other : ours;
    if (what == "lost") name = "take_thread_control";
  } else if (what == "requested") {
    name = "request_thread_control";
    out["requested_owner_app_id"] = other;
  } else {
    return fail(ErrorCode::invalid_argument, "\"handover\" must be lost, gained or requested", "handover");
  }
  d.messaging.item(d.user, "messaging_handovers", wrapped(name, std::move(out)), false);
  return std::string();
}

Result<std::string> policy(Draft& d) {
  js::object out{{"action", words(d.own(), "warning")}, {"reason", "The Page was found to break a policy."}};
  js::object item{{"recipient", js::object{{"id", d.account_id()}}},
                  {"timestamp", to_micros(d.messaging.world().clock.wall_now()) / 1000}};
  item["policy_enforcement"] = std::move(out);
  js::array items;
  items.push_back(std::move(item));
  d.messaging.raw_entry(d.user.account, wrapped("messaging", std::move(items)));
  return std::string();
}

// An element of `messaging` as it is, or with "entry" a whole entry.
Result<std::string> raw(Draft& d) {
  const js::value own = d.own();
  if (!own.is_object()) return fail(ErrorCode::invalid_argument, "\"raw\" must be an object", "raw");
  if (const js::value* entry = member(own, "entry"); entry != nullptr && entry->is_object())
    d.messaging.raw_entry(d.user.account, entry->get_object());
  else
    d.messaging.item(d.user, "messages", own.get_object(), false);
  return std::string();
}

struct Form {
  std::string_view type;
  Result<std::string> (*act)(Draft&);
};
constexpr auto kForms = std::to_array<Form>({
    {"text", text},
    {"image", media},
    {"video", media},
    {"audio", media},
    {"file", media},
    {"sticker", sticker},
    {"like_heart", like_heart},
    {"location", location},
    {"share", share},
    {"reel", share},
    {"story_mention", share},
    {"story", share},
    {"story_reply", story_reply},
    {"fallback", fallback},
    {"unsupported", unsupported},
    {"postback", postback},
    {"tap", tap},
    {"reaction", reaction},
    {"edit", edit},
    {"unsend", unsend},
    {"read", read},
    {"referral", referral},
    {"optin", optin},
    {"comment", comment},
    {"live_comment", comment},
    {"mention", mention},
    {"handover", handover},
    {"policy_enforcement", policy},
    {"raw", raw},
});

std::string known_types() {
  std::string out = "echo, standby";
  for (const Form& form : kForms) out += ", " + std::string(form.type);
  return out;
}

Result<std::string> act(Draft& d) {
  const auto* form = std::ranges::find(kForms, d.type, &Form::type);
  if (form == kForms.end())
    return fail(ErrorCode::invalid_argument, "\"type\" must be one of " + known_types(), "type");
  return form->act(d);
}

// {"echo":"text"} or {"echo":{a form of its own}}: what the owner, or another app, does in the same thread.
Result<> unwrap(Draft& d) {
  js::value own = d.own();
  if (own.is_string()) own = js::object{{"type", "text"}, {"text", own.get_string()}};
  if (!own.is_object())
    return fail(ErrorCode::invalid_argument, "\"" + d.type + "\" must be a text or a message", d.type);
  d.given = std::move(own.get_object());
  d.type = words(take(d.given, "type"));
  return {};
}

}  // namespace

Result<std::string> user_does(Messaging& messaging, std::size_t account, const std::string& user,
                              js::object given) {
  const std::string type = words(take(given, "type"));
  ScopedUser& who = messaging.user(account, user);
  if (const std::string name = words(take(given, "name")); !name.empty()) who.name = name;
  if (const std::string name = words(take(given, "username")); !name.empty()) who.username = name;
  Draft d{messaging, who, type, std::move(given), type == "echo"};
  const bool was_elsewhere = who.elsewhere;
  if (type == "echo" || type == "standby") {
    PH_TRY(unwrap(d));
    who.elsewhere = was_elsewhere || type == "standby";
  }
  auto made = act(d);
  if (type == "standby") who.elsewhere = was_elsewhere;
  if (made) messaging.pump();
  return made;
}

}  // namespace posthorn::sandbox
