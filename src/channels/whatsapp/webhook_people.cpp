#include "channels/whatsapp/webhook_people.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "channels/canonical_json.h"
#include "channels/whatsapp/json_fields.h"

namespace posthorn::whatsapp {
namespace {

namespace json = boost::json;

bool is_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool is_user_id(std::string_view text) {
  return text.size() > 3 && is_letter(text[0]) && is_letter(text[1]) && text[2] == '.';
}

// Digits of a phone number in any usual notation; empty if it is none.
std::string phone_digits(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      digits += c;
    } else if (std::string_view("+-() .").find(c) == std::string_view::npos) {
      return {};
    }
  }
  return digits;
}

void put(std::string& place, std::string_view text) {
  if (place.empty()) place = text;
}

// Some countries' numbers have two spellings, which differ after the country code (Brazil, Mexico,
// Argentina).
bool same_ending(std::string_view a, std::string_view b) {
  constexpr std::size_t kLocal = 8;
  return a.size() >= kLocal && b.size() >= kLocal &&
         a.substr(a.size() - kLocal) == b.substr(b.size() - kLocal);
}

bool contradicts(const PersonIds& a, const PersonIds& b, bool lone) {
  if (a.empty()) return !lone;
  if (!a.user_id.empty() && !b.user_id.empty()) return a.user_id != b.user_id;
  if (lone || a.phone.empty() || b.phone.empty()) return false;
  return a.phone != b.phone && !same_ending(a.phone, b.phone);
}

}  // namespace

void PersonIds::take(std::string_view text) {
  if (text.empty()) return;
  if (is_user_id(text)) return put(text.substr(3).starts_with("ENT.") ? parent_id : user_id, text);
  if (const std::string digits = phone_digits(text); !digits.empty()) return put(phone, digits);
  put(other, text);
}

// What stands in a member for user ids is one, whatever it looks like; unless it is a number after all.
void PersonIds::take_user_id(std::string_view text, std::string& place) {
  if (is_user_id(text) || text.starts_with('+')) return take(text);
  put(place, text);
}

void PersonIds::take_members(const json::object& item, std::string_view prefix) {
  const std::string base(prefix);
  take_user_id(text_in(item, base + "_user_id"), user_id);
  take_user_id(text_in(item, base + "_parent_user_id"), parent_id);
  take(text_in(item, base));
}

void PersonIds::take_members(const json::object& item) {
  for (const char* name : {"user_id", "recipient_user_id"}) take_user_id(text_in(item, name), user_id);
  for (const char* name : {"parent_user_id", "recipient_parent_user_id", "parent_recipient_user_id"}) {
    take_user_id(text_in(item, name), parent_id);
  }
  for (const char* name : {"wa_id", "recipient_id"}) take(text_in(item, name));
}

void PersonIds::fill_from(const PersonIds& more) {
  put(user_id, more.user_id);
  put(phone, more.phone);
  put(parent_id, more.parent_id);
  put(other, more.other);
}

bool PersonIds::empty() const {
  return user_id.empty() && phone.empty() && parent_id.empty() && other.empty();
}

std::vector<channels::Address> PersonIds::addresses() const {
  using channels::AddressKind;
  std::vector<channels::Address> list;
  if (!user_id.empty()) list.push_back({AddressKind::bsuid, user_id});
  if (!phone.empty()) list.push_back({AddressKind::phone, phone});
  if (!parent_id.empty()) list.push_back({AddressKind::parent_bsuid, parent_id});
  if (list.empty() && !other.empty()) list.push_back({AddressKind::bsuid, other});
  return list;
}

Contact read_contact(const json::object& contact) {
  Contact person;
  person.ids.take_members(contact);
  if (const json::object* profile = object_in(contact, "profile")) {
    person.name = string_in(*profile, "name");
    person.username = string_in(*profile, "username");
  }
  if (person.username.empty()) person.username = string_in(contact, "username");
  if (person.username.starts_with('@')) person.username.erase(0, 1);
  person.identity_hash = string_in(contact, "identity_key_hash");
  return person;
}

void ContactBook::read() {
  is_read_ = true;
  if (json_.empty()) return;
  const Result<json::value> parsed = channels::parse_item(json_);
  const json::array* list = parsed ? parsed->if_array() : nullptr;
  if (list == nullptr) return;
  for (const json::value& entry : *list) {
    if (const json::object* contact = entry.if_object()) contacts_.push_back(read_contact(*contact));
  }
  if (contacts_.size() < 2) return;
  for (std::size_t i = 0; i < contacts_.size(); ++i) {
    const PersonIds& ids = contacts_[i].ids;
    for (const std::string* id : {&ids.user_id, &ids.parent_id, &ids.phone, &ids.other}) {
      if (!id->empty()) index_.try_emplace(*id, i);
    }
  }
}

const Contact* ContactBook::find(const PersonIds& ids, bool lone) {
  if (!is_read_) read();
  if (contacts_.size() == 1) {
    return contradicts(ids, contacts_.front().ids, lone) ? nullptr : &contacts_.front();
  }
  for (const std::string* id : {&ids.user_id, &ids.parent_id, &ids.phone, &ids.other}) {
    if (id->empty()) continue;
    const auto found = index_.find(*id);
    if (found != index_.end() && !contradicts(ids, contacts_[found->second].ids, true)) {
      return &contacts_[found->second];
    }
  }
  return nullptr;
}

channels::Party party_of(PersonIds ids, ContactBook& contacts, bool lone) {
  channels::Party person;
  if (const Contact* contact = contacts.find(ids, lone)) {
    ids.fill_from(contact->ids);
    person.name = contact->name;
    person.username = contact->username;
    person.identity_hash = contact->identity_hash;
  }
  person.addresses = ids.addresses();
  return person;
}

}  // namespace posthorn::whatsapp
