#include "messaging/people_merge_record.h"

#include <exception>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "core/json.h"

namespace posthorn {
namespace {

template <class List, class Write>
json::array each(const List& list, Write write) {
  json::array out;
  for (const auto& entry : list) out.push_back(write(entry));
  return out;
}

json::value write_address(const MergedAddress& a) {
  return json::array{a.kind, a.scope, a.value};
}

json::value write_state(const ConversationState& s) {
  json::object out;
  out["inbound"] = s.last_inbound_at;
  out["action"] = s.last_action_at;
  out["free"] = s.free_until;
  out["unread"] = s.unread;
  out["archived"] = s.archived;
  out["assigned"] = s.assigned_to;
  out["labels"] = each(s.labels, [](const std::string& label) { return json::value(label); });
  return out;
}

json::value write_conversation(const MergedConversation& c) {
  json::object out;
  out["id"] = c.id.value;
  out["account"] = c.account.value;
  out["into"] = c.into.value;
  out["until"] = c.until.value;
  out["origins"] = each(c.origins, [](std::int64_t id) { return json::value(id); });
  out["absorbed"] = write_state(c.absorbed);
  out["kept"] = write_state(c.kept);
  return out;
}

std::string text_of(const json::value& v) {
  return std::string(v.as_string());
}

MergedAddress read_address(const json::value& v) {
  const json::array& a = v.as_array();
  return {static_cast<int>(a.at(0).as_int64()), text_of(a.at(1)), text_of(a.at(2))};
}

ConversationState read_state(const json::value& v) {
  const json::object& o = v.as_object();
  ConversationState s;
  s.last_inbound_at = o.at("inbound").as_int64();
  s.last_action_at = o.at("action").as_int64();
  s.free_until = o.at("free").as_int64();
  s.unread = static_cast<int>(o.at("unread").as_int64());
  s.archived = o.at("archived").as_bool();
  s.assigned_to = text_of(o.at("assigned"));
  for (const auto& label : o.at("labels").as_array()) s.labels.push_back(text_of(label));
  return s;
}

MergedConversation read_conversation(const json::value& v) {
  const json::object& o = v.as_object();
  MergedConversation c;
  c.id.value = o.at("id").as_int64();
  c.account.value = o.at("account").as_int64();
  c.into.value = o.at("into").as_int64();
  c.until.value = o.at("until").as_int64();
  for (const auto& id : o.at("origins").as_array()) c.origins.push_back(id.as_int64());
  c.absorbed = read_state(o.at("absorbed"));
  c.kept = read_state(o.at("kept"));
  return c;
}

MergeRecord read_record(const json::object& o) {
  MergeRecord r;
  for (const auto& v : o.at("addresses").as_array()) r.addresses.push_back(read_address(v));
  for (const auto& v : o.at("former").as_array()) r.former.push_back(read_address(v));
  for (const auto& v : o.at("conversations").as_array()) r.conversations.push_back(read_conversation(v));
  for (const auto& v : o.at("calls").as_array()) {
    r.calls.push_back({v.as_array().at(0).as_int64(), ConversationId{v.as_array().at(1).as_int64()}});
  }
  for (const auto& v : o.at("businesses").as_array()) r.suppressions.businesses.push_back(text_of(v));
  for (const auto& v : o.at("phones").as_array()) {
    r.suppressions.phones.emplace_back(static_cast<std::uint64_t>(v.as_array().at(0).as_int64()),
                                       text_of(v.as_array().at(1)));
  }
  r.name = text_of(o.at("name"));
  r.given_name = text_of(o.at("given_name"));
  r.username = text_of(o.at("username"));
  return r;
}

}  // namespace

std::string MergeRecord::to_json() const {
  json::object out;
  out["addresses"] = each(addresses, write_address);
  out["former"] = each(former, write_address);
  out["conversations"] = each(conversations, write_conversation);
  out["calls"] =
      each(calls, [](const MergedCall& c) -> json::value { return json::array{c.id, c.conversation.value}; });
  out["businesses"] = each(suppressions.businesses, [](const std::string& b) { return json::value(b); });
  out["phones"] = each(suppressions.phones, [](const auto& p) -> json::value {
    return json::array{static_cast<std::int64_t>(p.first), p.second};
  });
  out["name"] = name;
  out["given_name"] = given_name;
  out["username"] = username;
  return json::serialize(out);
}

Result<MergeRecord> MergeRecord::parse(std::string_view text) {
  PH_TRY_ASSIGN(const json::value value, parse_json(text));
  try {  // it was written by to_json(): anything else is damage
    return read_record(value.as_object());
  } catch (const std::exception&) {
    return fail(ErrorCode::data_loss, "The record of the merge is damaged: it cannot be undone.");
  }
}

}  // namespace posthorn
