// Comments and mentions under changes[] (Facebook Login, Pages) or directly in the entry (Instagram Login).
#include <array>

#include <fmt/format.h>

#include "channels/canonical_json.h"
#include "channels/meta_messaging/webhook_parts.h"
#include "channels/whatsapp/json_fields.h"

namespace posthorn::meta_messaging {
namespace {

namespace json = boost::json;

using channels::MalformedEvent;
using channels::NoticeEvent;
using channels::UnknownEvent;
using channels::WebhookEventBody;
using whatsapp::object_in;
using whatsapp::string_in;
using whatsapp::text_in;

// The first of the members that is there.
std::string first_text(const json::object& object, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (std::string text = text_in(object, key); !text.empty()) return text;
  }
  return {};
}

struct Author {
  channels::Party person;
  bool ours = false;  // the account itself: nobody may answer, or the two would go on for ever
  std::string shown;
};

Author author_of(const json::object& value, const EntryFacts& entry) {
  const json::object* from = object_in(value, "from");
  const std::string id = from != nullptr ? text_in(*from, "id") : first_text(value, {"sender_id"});
  Author author{.person = party(entry.channel, id, from)};
  if (author.person.name.empty()) author.person.name = string_in(value, "sender_name");
  author.ours = (!id.empty() && id == entry.account) ||
                (from != nullptr && !text_in(*from, "self_ig_scoped_id").empty());
  author.shown = !author.person.username.empty() ? "@" + author.person.username : author.person.name;
  if (author.ours) author.person = {};
  if (author.shown.empty()) author.shown = author.ours ? "The account" : "Somebody";
  return author;
}

// One line for people, cut at a character.
std::string quoted(std::string_view text) {
  constexpr std::size_t kLongest = 200;
  if (text.empty()) return {};
  std::size_t end = std::min(text.size(), kLongest);
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return fmt::format(": {}{}", text.substr(0, end), end < text.size() ? "…" : "");
}

std::string subject_of(const json::object& value) {
  if (std::string id = first_text(value, {"comment_id", "id"}); !id.empty()) return "comment:" + id;
  const json::object* media = object_in(value, "media");
  const std::string media_id = media != nullptr ? text_in(*media, "id") : text_in(value, "media_id");
  if (!media_id.empty()) return "media:" + media_id;
  const std::string post = text_in(value, "post_id");
  return post.empty() ? std::string() : "post:" + post;
}

NoticeEvent notice_of(std::string kind, const json::object& value, Author author, const EntryFacts& entry) {
  NoticeEvent notice{
      .kind = std::move(kind), .subject = subject_of(value), .person = std::move(author.person)};
  for (const std::string_view key : {"created_time", "timestamp"}) {
    if (notice.at == WallTime{}) notice.at = time_in(value, key);
  }
  if (notice.at == WallTime{}) notice.at = entry.time;
  return notice;
}

WebhookEventBody read_comment(const json::object& value, const EntryFacts& entry) {
  Author author = author_of(value, entry);
  const bool ours = author.ours;
  std::string summary =
      fmt::format("{} commented{}", author.shown, quoted(first_text(value, {"text", "message"})));
  NoticeEvent notice = notice_of(ours ? "comment.sent" : "comment.received", value, std::move(author), entry);
  if (notice.subject.empty()) return MalformedEvent{"a comment without id"};
  notice.summary = std::move(summary);
  return notice;
}

WebhookEventBody read_mention(const json::object& value, const EntryFacts& entry) {
  Author author = author_of(value, entry);
  std::string summary =
      fmt::format("{} mentioned the account{}", author.shown, quoted(first_text(value, {"text", "message"})));
  NoticeEvent notice = notice_of("mention.received", value, std::move(author), entry);
  if (notice.subject.empty()) return MalformedEvent{"a mention that names neither comment nor post"};
  notice.summary = std::move(summary);
  return notice;
}

// A Page's feed tells of comments, visitors' posts and reactions to posts alike.
WebhookEventBody read_feed(const json::object& value, const EntryFacts& entry) {
  const std::string_view item = string_in(value, "item");
  const std::string_view verb = string_in(value, "verb");
  if (item == "comment" && verb != "remove" && verb != "edited" && verb != "hide" && verb != "unhide")
    return read_comment(value, entry);
  Author author = author_of(value, entry);
  std::string summary =
      fmt::format("{}: {} {}{}", author.shown, item, verb, quoted(string_in(value, "message")));
  const std::string kind = item != "comment"  ? "comment.feed"
                           : verb == "remove" ? "comment.removed"
                                              : "comment.changed";
  NoticeEvent notice = notice_of(kind, value, std::move(author), entry);
  notice.summary = std::move(summary);
  return notice;
}

// How a story did until it ended. Source: Meta's Instagram webhooks reference.
WebhookEventBody read_insights(const json::object& value, const EntryFacts& entry) {
  NoticeEvent notice = notice_of("account.story_insights", value, {}, entry);
  notice.summary = "A story ended";
  for (const std::string_view key : {"impressions", "reach", "replies", "exits"}) {
    const std::string count = text_in(value, key);
    if (!count.empty()) notice.summary += fmt::format(", {} {}", key, count);
  }
  return notice;
}

struct Field {
  std::string_view name;
  WebhookEventBody (*read)(const json::object&, const EntryFacts&);
};
constexpr std::array kFields{
    Field{"comments", read_comment}, Field{"live_comments", read_comment},
    Field{"mentions", read_mention}, Field{"mention", read_mention},
    Field{"feed", read_feed},        Field{"story_insights", read_insights},
};

// Under changes the payload stands without the envelope in some deliveries.
struct BareField {
  std::string_view field, key;
  std::string_view sign = "mid";  // the member by which such a payload is known
};
constexpr std::array kBareFields{
    BareField{"messages", "message"},
    BareField{"message_echoes", "message"},
    BareField{"message_edit", "message_edit"},
    BareField{"message_edits", "message_edit"},
    BareField{"message_reactions", "reaction"},
    BareField{"messaging_postbacks", "postback"},
    BareField{"messaging_seen", "read"},
    BareField{"messaging_policy_enforcement", "policy_enforcement", "action"},
};

// The envelope put back around it; empty where there is none to put.
json::object with_envelope(std::string_view field, const json::object& value) {
  const auto* bare = std::ranges::find(kBareFields, field, &BareField::field);
  if (bare == kBareFields.end() || text_in(value, bare->sign).empty()) return {};
  json::object item;
  item[bare->key] = value;
  for (const std::string_view key : {"sender", "recipient", "timestamp"}) {
    if (const json::value* member = value.if_contains(key)) item[key] = *member;
  }
  if (const json::object* from = object_in(value, "from")) item.emplace("sender", *from);
  return item;
}

WebhookEventBody read_value(const Field* known, const json::object* value, const EntryFacts& entry) {
  if (known == kFields.end()) return UnknownEvent{};
  if (value == nullptr) return MalformedEvent{fmt::format("the value of \"{}\" is no object", known->name)};
  return known->read(*value, entry);
}

}  // namespace

std::vector<ReadItem> read_change(std::string_view field, std::string_view raw_value,
                                  const EntryFacts& entry) {
  std::vector<ReadItem> out;
  const Result<json::value> parsed = channels::parse_item(raw_value.empty() ? "null" : raw_value);
  if (!parsed) {
    out.push_back({std::string(field), false, MalformedEvent{parsed.error().message}});
    return out;
  }
  const json::object* value = parsed->if_object();
  const auto* known = std::ranges::find(kFields, field, &Field::name);
  if (value != nullptr && known == kFields.end()) {
    if (holds_messaging_item(*value)) return read_messaging_item(*value, entry, field == "standby");
    if (const json::object item = with_envelope(field, *value); !item.empty())
      return read_messaging_item(item, entry, false);
  }
  // Comments and mentions are known by their ids, under whatever entry they come again.
  out.push_back({std::string(field), known != kFields.end(), read_value(known, value, entry)});
  return out;
}

}  // namespace posthorn::meta_messaging
