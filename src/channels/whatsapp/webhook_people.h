// Who an event of WhatsApp is about: ids in all their spellings, and the contacts that stand beside the
// items.
//
// Source: Meta's business-scoped user id reference and messages webhook reference.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "channels/conversation_events.h"

namespace posthorn::whatsapp {

// The ids of one person. Ids are told apart by their shape, not by the member that they stand in: user ids
// have been seen in "wa_id" and "from".
struct PersonIds {
  std::string user_id;    // "DE.123"
  std::string phone;      // digits
  std::string parent_id;  // "DE.ENT.123"
  std::string other;      // of no known shape; counts only when there is nothing else

  // Sorts an id into its place; a place that is taken stays as it is.
  void take(std::string_view text);
  // {prefix}"", {prefix}"_user_id", {prefix}"_parent_user_id": how items name "from" and "to".
  void take_members(const boost::json::object& item, std::string_view prefix);
  // "wa_id", "user_id", "parent_user_id" and the spellings that recipients and participants have.
  void take_members(const boost::json::object& item);
  void fill_from(const PersonIds& more);
  bool empty() const;
  std::vector<channels::Address> addresses() const;  // strongest first

 private:
  void take_user_id(std::string_view text, std::string& place);
};

struct Contact {
  PersonIds ids;
  std::string name, username, identity_hash;
  channels::Party party() const { return {ids.addresses(), name, username, identity_hash}; }
};

// contacts[] of a value; read when it is first asked for.
class ContactBook {
 public:
  explicit ContactBook(std::string_view json) : json_(json) {}
  // By user id, then parent id, then phone; else the only contact, if it does not contradict. `lone`: the
  // value has one item only, so that an only contact is its person however the phone numbers are spelled.
  const Contact* find(const PersonIds& ids, bool lone);

 private:
  void read();

  std::string_view json_;
  bool is_read_ = false;
  std::vector<Contact> contacts_;
  std::map<std::string, std::size_t, std::less<>> index_;  // every id of every contact
};

Contact read_contact(const boost::json::object& contact);

// The person with these ids, completed by the contact.
channels::Party party_of(PersonIds ids, ContactBook& contacts, bool lone);

}  // namespace posthorn::whatsapp
