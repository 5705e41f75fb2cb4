// Contacts: who they are, how they can be reached, and which of them are one.

#include "actions/common.h"
#include "actions/views.h"
#include "messaging/conversations.h"
#include "messaging/people.h"
#include "messaging/person_suppressions.h"
#include "platform/clock.h"

namespace posthorn {
namespace {

constexpr const char* kCategory = "contacts";
constexpr int kMostMerges = 100;

std::string_view kind_name(channels::AddressKind kind) {
  switch (kind) {
    case channels::AddressKind::phone:
      return "phone";
    case channels::AddressKind::bsuid:
      return "user_id";
    case channels::AddressKind::parent_bsuid:
      return "parent_user_id";
    case channels::AddressKind::instagram_scoped:
      return "instagram_id";
    case channels::AddressKind::page_scoped:
      return "messenger_id";
  }
  return "unknown";
}

json::array address_views(const std::vector<PersonAddress>& list) {
  json::array out;
  for (const PersonAddress& a : list) {
    json::object entry;
    entry["kind"] = kind_name(a.kind);
    entry["value"] = a.shown;
    if (a.value != a.shown) entry["canonical"] = a.value;
    entry["scope"] = a.scope;
    entry["valid_from"] = time_or_null(a.valid_from);
    if (a.valid_to) entry["valid_to"] = time_or_null(*a.valid_to);
    out.emplace_back(std::move(entry));
  }
  return out;
}

Result<json::object> contact_view(Transaction& tx, const Person& person) {
  PH_TRY_ASSIGN(const auto addresses, people::addresses(tx, person.id));
  json::object out;
  out["id"] = person.id.value;
  out["display_name"] = person.display_name(addresses);
  out["name"] = person.name;
  out["given_name"] = person.given_name;
  out["username"] = person.username;
  out["addresses"] = address_views(addresses);
  out["created_at"] = time_or_null(person.created_at);
  out["updated_at"] = time_or_null(person.updated_at);
  return out;
}

Result<json::array> contact_views(Transaction& tx, const std::vector<Person>& people) {
  json::array out;
  for (const Person& person : people) {
    PH_TRY_ASSIGN(json::object entry, contact_view(tx, person));
    out.emplace_back(std::move(entry));
  }
  return out;
}

json::object profile_view(const Person& person) {
  json::object out;
  out["data"] = parse_json(person.profile).value_or(json::object());
  out["picture"] =
      person.profile_picture.empty() ? json::value(nullptr) : json::value(person.profile_picture);
  out["asked_at"] = time_or_null(person.profile_at);
  out["not_again_before"] = time_or_null(person.profile_until);
  out["error"] = person.profile_error.empty() ? json::value(nullptr) : json::value(person.profile_error);
  return out;
}

Result<json::array> conversation_views_of(Transaction& tx, PersonId id) {
  PH_TRY_ASSIGN(const auto list, conversations::of(tx, id));
  json::array out;
  for (const Conversation& c : list) {
    json::object entry;
    entry["conversation_id"] = c.id.value;
    entry["account_id"] = c.account.value;
    entry["last_message_at"] = time_or_null(c.last_message_at);
    entry["unread"] = c.unread;
    entry["archived"] = c.archived;
    out.emplace_back(std::move(entry));
  }
  return out;
}

Result<json::array> merge_views(Transaction& tx, PersonId id) {
  PH_TRY_ASSIGN(auto merges, people::merges(tx, id, kMostMerges));
  json::array out;
  for (const people::PersonMerge& m : merges) {
    json::object entry;
    entry["merge_id"] = m.id;
    entry["absorbed"] = m.absorbed.value;
    entry["at"] = time_or_null(m.at);
    entry["actor"] = m.actor;
    entry["reason"] = m.reason;
    out.emplace_back(std::move(entry));
  }
  return out;
}

Result<json::array> opt_out_views(Transaction& tx, PersonId id) {
  PH_TRY_ASSIGN(const auto list, person_suppressions::of(tx, id));
  json::array out;
  for (const PersonSuppression& s : list) {
    json::object entry;
    entry["business_id"] = s.business_id;
    entry["source"] = s.source;
    entry["detail"] = s.detail;
    entry["created_at"] = time_or_null(s.created_at);
    out.emplace_back(std::move(entry));
  }
  return out;
}

Result<json::value> whole_contact(Transaction& tx, PersonId id) {
  PH_TRY_ASSIGN(const Person person, people::get(tx, id));
  PH_TRY_ASSIGN(json::object out, contact_view(tx, person));
  PH_TRY_ASSIGN(const auto former, people::former_addresses(tx, person.id));
  out["former_addresses"] = address_views(former);
  out["profile"] = profile_view(person);
  PH_TRY_ASSIGN(out["conversations"], conversation_views_of(tx, person.id));
  PH_TRY_ASSIGN(out["merges"], merge_views(tx, person.id));
  PH_TRY_ASSIGN(out["opt_outs"], opt_out_views(tx, person.id));
  return json::value(std::move(out));
}

Task<Result<json::value>> list(ActionContext c, Params p) {
  auto look = [before = p.integer("before_id"),
               limit = static_cast<int>(p.integer("limit"))](Transaction& tx) -> Result<json::value> {
    PH_TRY_ASSIGN(const people::PersonPage found, people::list(tx, before, limit));
    json::object out;
    PH_TRY_ASSIGN(out["contacts"], contact_views(tx, found.people));
    out["next_before_id"] = found.next == 0 ? json::value(nullptr) : json::value(found.next);
    return json::value(std::move(out));
  };
  co_return co_await c.services->database->read(std::move(look));
}

Task<Result<json::value>> get(ActionContext c, Params p) {
  auto look = [id = PersonId{p.integer("contact_id")}](Transaction& tx) { return whole_contact(tx, id); };
  co_return co_await c.services->database->read(std::move(look));
}

Task<Result<json::value>> search(ActionContext c, Params p) {
  auto look = [query = p.text("query"),
               limit = static_cast<int>(p.integer("limit"))](Transaction& tx) -> Result<json::value> {
    PH_TRY_ASSIGN(const auto found, people::search(tx, query, limit));
    json::object out;
    PH_TRY_ASSIGN(out["contacts"], contact_views(tx, found));
    return json::value(std::move(out));
  };
  co_return co_await c.services->database->read(std::move(look));
}

Task<Result<json::value>> rename(ActionContext c, Params p) {
  auto write = [id = PersonId{p.integer("contact_id")}, name = p.text("name"),
                now = c.services->clock->wall_now()](Transaction& tx) -> Result<json::value> {
    PH_TRY(people::rename(tx, id, name, now));
    return whole_contact(tx, id);
  };
  co_return co_await c.services->database->write(std::move(write));
}

Task<Result<json::value>> merge(ActionContext c, Params p) {
  auto write = [kept = PersonId{p.integer("contact_id")}, absorbed = PersonId{p.integer("absorb_id")},
                reason = p.text("reason"), actor = c.actor,
                now = c.services->clock->wall_now()](Transaction& tx) -> Result<json::value> {
    PH_TRY_ASSIGN(const auto id, people::merge(tx, kept, absorbed, actor, reason, now));
    json::object out;
    out["merge_id"] = id;
    PH_TRY_ASSIGN(out["contact"], whole_contact(tx, kept));
    return json::value(std::move(out));
  };
  co_return co_await c.services->database->write(std::move(write));
}

Task<Result<json::value>> unmerge(ActionContext c, Params p) {
  auto write = [id = p.integer("merge_id"), actor = c.actor,
                now = c.services->clock->wall_now()](Transaction& tx) -> Result<json::value> {
    PH_TRY(people::undo_merge(tx, id, now, actor));
    json::object out;
    out["undone"] = id;
    return json::value(std::move(out));
  };
  co_return co_await c.services->database->write(std::move(write));
}

Parameter contact_parameter(std::string name, std::string help) {
  return {.name = std::move(name),
          .type = ParameterType::integer,
          .need = Need::required,
          .help = std::move(help),
          .min = 1};
}

Action changing(std::string name, std::string summary, std::vector<Parameter> parameters,
                ActionHandler handler, json::object example) {
  return {.name = std::move(name),
          .category = kCategory,
          .role = Role::agent,
          .effect = Effect::mutates,
          .summary = std::move(summary),
          .parameters = std::move(parameters),
          .handler = handler,
          .example = std::move(example)};
}

}  // namespace

std::vector<Action> contact_actions() {
  const Parameter contact = contact_parameter("contact_id", "the contact");
  const Parameter query = {.name = "query",
                           .need = Need::required,
                           .help = "beginning of a name, username, phone number or user id",
                           .min = 1,
                           .max = 200};
  const Parameter name = {.name = "name",
                          .need = Need::required,
                          .help = "what you call them; empty: as the channel tells it",
                          .max = 200};
  const Parameter absorb = contact_parameter("absorb_id", "the contact that becomes a part of it");
  const Parameter reason = {.name = "reason", .help = "why, for the record", .fallback = "", .max = 500};
  const Parameter merge_id = contact_parameter("merge_id", "the merge: get_contact lists them");
  return {
      {.name = "list_contacts",
       .category = kCategory,
       .role = Role::viewer,
       .summary = "The people who wrote or were written to, newest first.",
       .parameters = {before_parameter(), limit_parameter(50, 500)},
       .handler = list},
      {.name = "get_contact",
       .category = kCategory,
       .role = Role::viewer,
       .summary =
           "One contact with present and former addresses, profile, conversations, merges and opt-outs.",
       .parameters = {contact},
       .handler = get,
       .example = {{"contact_id", 7}}},
      {.name = "search_contacts",
       .category = kCategory,
       .role = Role::viewer,
       .summary = "Contacts by the beginning of a name, username, phone number or user id.",
       .parameters = {query, limit_parameter(20, 100)},
       .handler = search,
       .example = {{"query", "anna"}}},
      changing("rename_contact", "Gives a contact your own name for them.", {contact, name}, rename,
               {{"contact_id", 7}, {"name", "Anna from the bakery"}}),
      changing("merge_contacts", "Makes one contact of two: addresses, conversations and opt-outs move.",
               {contact, absorb, reason}, merge,
               {{"contact_id", 7}, {"absorb_id", 9}, {"reason", "same person"}}),
      changing("unmerge_contacts", "Undoes a merge: everything that still is where it was put goes back.",
               {merge_id}, unmerge, {{"merge_id", 3}}),
  };
}

}  // namespace posthorn
