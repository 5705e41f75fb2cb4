#include "actions/conversation_views.h"

#include <array>

#include "actions/views.h"
#include "core/time_text.h"
#include "messaging/delivery.h"
#include "messaging/group_members.h"
#include "messaging/people.h"

namespace posthorn {
namespace {

std::string_view word(MessageDirection direction) {
  constexpr std::array<std::string_view, 3> kWords = {"in", "out", "note"};
  return kWords[static_cast<std::size_t>(direction)];
}

std::string_view word(AttachmentState state) {
  constexpr std::array<std::string_view, 5> kWords = {"waiting", "stored", "lost", "refused", "deleted"};
  return kWords[static_cast<std::size_t>(state)];
}

// What a person wants to know of an outgoing message, in one word.
std::string_view status_word(const Message& m) {
  const std::string_view delivery = delivery_word(static_cast<std::uint32_t>(m.delivery));
  if (!delivery.empty()) return delivery;
  return m.submission.empty() ? std::string_view("sent") : std::string_view(m.submission);
}

json::value content_of(const Message& m) {
  auto parsed = parse_json(m.content);
  if (!parsed) return json::object{};
  return *std::move(parsed);
}

json::object view_of(const Message& m) {
  json::object out;
  out["id"] = m.id.value;
  out["conversation_id"] = m.conversation.value;
  out["direction"] = word(m.direction);
  out["at"] = iso_time(m.at);
  out["received_at"] = iso_time(m.received_at);
  out["channel_id"] = m.channel_id;
  if (m.author_person) out["author_person_id"] = m.author_person.value;
  if (!m.author.empty()) out["author"] = m.author;
  out["type"] = m.type;
  out["text"] = m.text;
  if (!m.payload.empty()) out["payload"] = m.payload;
  out["content"] = content_of(m);
  if (!m.reply_to.empty()) out["reply_to"] = m.reply_to;
  if ((m.flags & message_flags::kForwarded) != 0) out["forwarded"] = true;
  if ((m.flags & message_flags::kHistory) != 0) out["history"] = true;
  if ((m.flags & message_flags::kStandby) != 0) out["standby"] = true;
  if ((m.flags & message_flags::kEcho) != 0) out["echo"] = true;
  if (m.direction == MessageDirection::out) {
    out["status"] = status_word(m);
    out["delivered_at"] = time_or_null(m.delivered_at);
    out["read_at"] = time_or_null(m.read_at);
    if (m.send_row != 0) out["send_id"] = m.send_row;
  }
  if (m.error_code != 0 || !m.error.empty()) {
    out["error_code"] = m.error_code;
    out["error"] = m.error;
  }
  if (m.edited_at != WallTime{}) out["edited_at"] = iso_time(m.edited_at);
  if (m.deleted_at != WallTime{}) out["deleted_at"] = iso_time(m.deleted_at);
  return out;
}

}  // namespace

json::object view(const InboxRow& row) {
  const Conversation& c = row.conversation;
  json::object out;
  out["id"] = c.id.value;
  out["account_id"] = c.account.value;
  if (c.person) out["person_id"] = c.person.value;
  if (!c.group_id.empty()) out["group_id"] = c.group_id;
  out["name"] = row.person_name;
  out["address"] = row.person_address;
  out["last_message_id"] = c.last_message.value;
  out["last_message_at"] = time_or_null(c.last_message_at);
  out["preview"] = row.preview;
  out["preview_direction"] = word(static_cast<MessageDirection>(row.preview_direction));
  out["last_inbound_at"] = time_or_null(c.last_inbound_at);
  out["unread"] = c.unread;
  out["archived"] = c.archived;
  out["assigned_to"] = c.assigned_to;
  json::array labels;
  for (const std::string& label : row.labels) labels.emplace_back(label);
  out["labels"] = std::move(labels);
  return out;
}

json::object view(const MessagingWindow& window, WallTime now) {
  json::object out;
  out["open"] = window.open(now);
  out["free_form_until"] = time_or_null(window.free_form_until);
  out["human_agent"] = window.human_agent(now);
  out["human_agent_until"] = time_or_null(window.human_agent_until);
  out["free_of_charge_until"] = time_or_null(window.free_of_charge_until);
  return out;
}

json::object view(const StoredAttachment& a) {
  json::object out;
  out["id"] = a.id.value;
  out["kind"] = a.kind;
  out["state"] = word(a.state);
  out["file_name"] = a.file_name;
  out["mime_type"] = a.mime_type.empty() ? a.told_type : a.mime_type;
  if (a.state == AttachmentState::stored) {
    out["size"] = a.size;
    out["url"] = "/media/" + std::to_string(a.id.value);
    out["path"] = a.path;
  }
  if (!a.error.empty()) out["error"] = a.error;
  return out;
}

Result<json::array> message_views(Transaction& tx, const std::vector<Message>& list) {
  json::array out;
  for (const Message& message : list) {
    json::object one = view_of(message);
    PH_TRY_ASSIGN(const auto attached, attachments::of_message(tx, message.id));
    json::array files;
    for (const StoredAttachment& file : attached) files.emplace_back(view(file));
    one["attachments"] = std::move(files);
    PH_TRY_ASSIGN(const auto reacted, messages::reactions(tx, message.id));
    json::array reactions;
    for (const ReactionRow& r : reacted) {
      json::object reaction;
      reaction["emoji"] = r.emoji;
      reaction["from"] = r.actor ? "person" : "us";
      if (r.actor) reaction["person_id"] = r.actor.value;
      reaction["at"] = iso_time(r.at);
      reactions.emplace_back(std::move(reaction));
    }
    one["reactions"] = std::move(reactions);
    out.emplace_back(std::move(one));
  }
  return out;
}

Result<json::array> member_views(Transaction& tx, ConversationId group) {
  json::array out;
  PH_TRY_ASSIGN(const auto members, group_members::of(tx, group));
  for (const GroupMember& member : members) {
    PH_TRY_ASSIGN(const Person person, people::get(tx, member.person));
    PH_TRY_ASSIGN(const auto addresses, people::addresses(tx, member.person));
    json::object one;
    one["person_id"] = member.person.value;
    one["name"] = person.display_name(addresses);
    one["present"] = member.present();
    one["joined_at"] = time_or_null(member.joined_at);
    one["left_at"] = member.present() ? json::value(nullptr) : time_or_null(member.left_at);
    if (!member.present() && !member.how.empty()) one["how"] = member.how;
    out.emplace_back(std::move(one));
  }
  return out;
}

}  // namespace posthorn
