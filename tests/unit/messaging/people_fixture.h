// People over an in-memory database: three accounts, two of one portfolio.
#pragma once
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "../storage/table_fixture.h"
#include "messaging/people.h"

namespace posthorn::test {

using channels::Address;
using channels::AddressKind;
using channels::IdentityEvent;
using channels::Party;

inline WallTime second(int n) {
  return wall_from_micros(0) + std::chrono::seconds(1000 + n);
}
inline Address bsuid(std::string value) {
  return {AddressKind::bsuid, std::move(value)};
}
inline Address phone(std::string value) {
  return {AddressKind::phone, std::move(value)};
}
inline Address parent(std::string value) {
  return {AddressKind::parent_bsuid, std::move(value)};
}
inline Party party(std::vector<Address> addresses, std::string name = "") {
  Party p;
  p.addresses = std::move(addresses);
  p.name = std::move(name);
  return p;
}

class PeopleTest : public TableTest {
 protected:
  PeopleTest() {
    shop =
        add({.name = "shop", .business_id = "w1", .sender_id = "1", .sealed_token = "t", .portfolio = "P"});
    desk =
        add({.name = "desk", .business_id = "w2", .sender_id = "2", .sealed_token = "t", .portfolio = "P"});
    other = add({.name = "other", .business_id = "w3", .sender_id = "3", .sealed_token = "t"});
    insta = add({.channel = "instagram",
                 .name = "insta",
                 .business_id = "w4",
                 .sender_id = "4",
                 .sealed_token = "t"});
    page = add(
        {.channel = "messenger", .name = "page", .business_id = "w4", .sender_id = "5", .sealed_token = "t"});
  }
  Account add(NewAccount account) { return accounts::add(tx(), account, second(0)).value(); }

  ResolvedPerson resolve(const Account& account, std::vector<Address> addresses, std::string name = "",
                         int at = 1) {
    auto result = people::resolve(tx(), account, party(std::move(addresses), std::move(name)), second(at));
    EXPECT_TRUE(result) << (result ? "" : result.error().message);
    return result.value_or(ResolvedPerson{});
  }
  std::int64_t id_of(const Account& account, std::vector<Address> addresses) {
    return resolve(account, std::move(addresses)).id.value;
  }
  ResolvedPerson change(const Account& account, std::string reason, std::vector<Address> previous,
                        std::vector<Address> next, int at = 5) {
    IdentityEvent event;
    event.reason = std::move(reason);
    event.previous = std::move(previous);
    event.person.addresses = std::move(next);
    event.at = second(at);
    auto result = people::change_identity(tx(), account, event, second(at));
    EXPECT_TRUE(result) << (result ? "" : result.error().message);
    return result.value_or(ResolvedPerson{});
  }
  std::vector<std::string> addresses(PersonId id) {
    std::vector<std::string> out;
    for (const auto& a : people::addresses(tx(), id).value()) out.push_back(a.value);
    return out;
  }
  std::vector<std::string> former(PersonId id) {
    std::vector<std::string> out;
    for (const auto& a : people::former_addresses(tx(), id).value()) out.push_back(a.value);
    return out;
  }
  std::int64_t number(std::string_view sql) {
    auto rows = tx().query(sql).value();
    EXPECT_TRUE(rows.next().value());
    return rows.integer(0);
  }
  std::string text(std::string_view sql) {
    auto rows = tx().query(sql).value();
    return rows.next().value() ? std::string(rows.text(0)) : std::string("(none)");
  }
  std::int64_t people_count() { return number("SELECT COUNT(*) FROM people WHERE merged_into = 0"); }
  std::vector<std::string> event_log() {
    std::vector<std::string> out;
    auto rows = tx().query("SELECT kind || ' ' || subject || ' ' || data FROM events ORDER BY id").value();
    while (rows.next().value()) out.emplace_back(rows.text(0));
    return out;
  }
  void forget_events() { ASSERT_TRUE(tx().execute("DELETE FROM events")); }

  Account shop, desk, other, insta, page;
};

}  // namespace posthorn::test
