// The inbox: conversations, what was said in them, and what our people do with them.
#include <algorithm>

#include <fmt/format.h>

#include "actions/common.h"
#include "actions/conversation_views.h"
#include "messaging/message_search.h"
#include "messaging/people.h"
#include "platform/clock.h"

namespace posthorn {
namespace {

constexpr int kMostListed = 200;

// "conversation_id", or an account and the address of the person at the other end.
Result<ConversationId> find_conversation(Transaction& tx, const Params& p) {
  if (p.has("conversation_id")) {
    const ConversationId id{p.integer("conversation_id")};
    PH_TRY(conversations::get(tx, id));
    return id;
  }
  std::string address = p.text("from_number");
  if (address.empty())
    return fail(ErrorCode::invalid_argument,
                "conversation_id is missing; give it, or account and from_number", "conversation_id");
  PH_TRY_ASSIGN(const Account account, find_account(tx, p.text("account")));
  std::erase_if(address, [](char c) { return c == '+' || c == ' '; });
  std::vector<channels::Address> as;
  for (const auto kind : {channels::AddressKind::phone, channels::AddressKind::bsuid,
                          channels::AddressKind::instagram_scoped, channels::AddressKind::page_scoped})
    as.push_back({kind, address});
  PH_TRY_ASSIGN(const auto person, people::find(tx, account, as));
  if (person) {
    PH_TRY_ASSIGN(const auto found, conversations::find(tx, account.id, *person));
    if (found) return *found;
  }
  return fail(ErrorCode::not_found, fmt::format("{} has no conversation with {}", account.name, address),
              "from_number");
}

Task<Result<json::value>> list_with(ActionContext c, Params p, std::optional<bool> archived) {
  auto read = [p, archived](Transaction& tx) -> Result<json::value> {
    ConversationFilter filter;
    if (!p.text("account").empty()) {
      PH_TRY_ASSIGN(const Account account, find_account(tx, p.text("account")));
      filter.account = account.id;
    }
    filter.archived = archived;
    filter.unread_only = p.boolean("unread");
    filter.assigned_to = p.text("assigned_to");
    filter.label = p.text("label");
    PH_TRY_ASSIGN(const InboxPage page, conversations::inbox(tx, filter, p.integer("before"),
                                                             static_cast<int>(p.integer("limit"))));
    json::array rows;
    for (const InboxRow& row : page.rows) rows.emplace_back(view(row));
    json::object out;
    out["count"] = rows.size();
    out["conversations"] = std::move(rows);
    out["next"] = page.next == 0 ? json::value(nullptr) : json::value(page.next);
    return json::value(std::move(out));
  };
  co_return co_await c.services->database->read(std::move(read));
}

Task<Result<json::value>> get_conversations(ActionContext c, Params p) {
  std::optional<bool> archived = false;
  if (p.text("archived") == "yes") archived = true;
  if (p.text("archived") == "any") archived = std::nullopt;
  co_return co_await list_with(std::move(c), std::move(p), archived);
}

Task<Result<json::value>> get_archived_conversations(ActionContext c, Params p) {
  const std::optional<bool> archived = true;
  co_return co_await list_with(std::move(c), std::move(p), archived);
}

Task<Result<json::value>> get_conversation(ActionContext c, Params p) {
  const WallTime now = c.services->clock->wall_now();
  auto read = [p, now](Transaction& tx) -> Result<json::value> {
    PH_TRY_ASSIGN(const ConversationId id, find_conversation(tx, p));
    PH_TRY_ASSIGN(const InboxRow row, conversations::row(tx, id));
    PH_TRY_ASSIGN(const Account account, accounts::get(tx, row.conversation.account));
    json::object conversation = view(row);
    conversation["channel"] = account.channel;
    conversation["account"] = account.name;
    conversation["window"] =
        view(messaging_window(conversations::window_facts(row.conversation, channel_of(account))), now);
    if (!row.conversation.group_id.empty()) {
      PH_TRY_ASSIGN(conversation["members"], member_views(tx, id));
    }
    json::object out;
    out["conversation"] = std::move(conversation);
    return json::value(std::move(out));
  };
  co_return co_await c.services->database->read(std::move(read));
}

Task<Result<json::value>> get_conversation_messages(ActionContext c, Params p) {
  auto read = [p](Transaction& tx) -> Result<json::value> {
    PH_TRY_ASSIGN(const ConversationId id, find_conversation(tx, p));
    json::object out;
    out["conversation_id"] = id.value;
    const auto limit = static_cast<int>(p.integer("limit"));
    MessagePage page;
    if (p.has("around")) {
      PH_TRY_ASSIGN(page.messages, messages::around(tx, MessageId{p.integer("around")}, limit));
    } else {
      PH_TRY_ASSIGN(page, messages::page(tx, id, p.text("before"), limit));
    }
    PH_TRY_ASSIGN(json::array views, message_views(tx, page.messages));
    out["count"] = views.size();
    out["messages"] = std::move(views);
    out["next"] = page.next.empty() ? json::value(nullptr) : json::value(page.next);
    return json::value(std::move(out));
  };
  co_return co_await c.services->database->read(std::move(read));
}

std::optional<MessageDirection> direction_of(const Params& p) {
  const std::string text = p.text("direction");
  if (text == "in" || text == "INBOUND") return MessageDirection::in;
  if (text == "out" || text == "OUTBOUND") return MessageDirection::out;
  return std::nullopt;
}

Task<Result<json::value>> get_messages(ActionContext c, Params p) {
  auto read = [p](Transaction& tx) -> Result<json::value> {
    const auto limit = static_cast<int>(p.integer("limit"));
    PH_TRY_ASSIGN(const auto list, messages::newest(tx, direction_of(p), p.integer("before"), limit));
    PH_TRY_ASSIGN(json::array views, message_views(tx, list));
    json::object out;
    out["count"] = views.size();
    out["messages"] = std::move(views);
    const bool full = static_cast<int>(list.size()) == limit;
    out["next"] = full ? json::value(list.back().id.value) : json::value(nullptr);
    return json::value(std::move(out));
  };
  co_return co_await c.services->database->read(std::move(read));
}

// "message_id": ours, or the channel's (wamid, mid).
Result<Message> find_message(Transaction& tx, std::string_view text) {
  const bool number = !text.empty() && text.size() < 19 &&
                      std::ranges::all_of(text, [](char ch) { return ch >= '0' && ch <= '9'; });
  if (number) {
    auto ours = messages::get(tx, MessageId{std::stoll(std::string(text))});
    if (ours || ours.error().code != ErrorCode::not_found) return ours;
  }
  PH_TRY_ASSIGN(const auto id, messages::find_by_channel_id(tx, text));
  if (!id) return fail(ErrorCode::not_found, fmt::format("there is no message {}", text), "message_id");
  return messages::get(tx, *id);
}

Task<Result<json::value>> get_message(ActionContext c, Params p) {
  auto read = [p](Transaction& tx) -> Result<json::value> {
    PH_TRY_ASSIGN(const Message message, find_message(tx, p.text("message_id")));
    PH_TRY_ASSIGN(json::array views, message_views(tx, {message}));
    json::object out;
    out["message"] = std::move(views.front());
    return json::value(std::move(out));
  };
  co_return co_await c.services->database->read(std::move(read));
}

Task<Result<json::value>> search(ActionContext c, Params p) {
  if (c.services->search_index == nullptr)
    co_return fail(ErrorCode::unavailable, "This server keeps no search index.");
  MessageSearchQuery query;
  query.text = p.text("query");
  query.conversation = ConversationId{p.integer("conversation_id")};
  query.type = p.text("type");
  query.before = p.integer("before");
  query.limit = static_cast<int>(p.integer("limit"));
  if (const auto direction = direction_of(p)) query.direction = static_cast<int>(*direction);
  if (!p.text("account").empty()) {
    PH_CO_TRY_ASSIGN(const Account account, co_await find_account(c, p.text("account")));
    query.account = account.id;
  }
  Database& database = *c.services->database;
  PH_CO_TRY_ASSIGN(MessageSearchPage page,
                   co_await search_messages(database, *c.services->search_index, query));
  auto show = [found = std::move(page.messages)](Transaction& tx) { return message_views(tx, found); };
  PH_CO_TRY_ASSIGN(json::array views, co_await database.read(std::move(show)));
  json::object out;
  out["query"] = query.text;
  out["count"] = views.size();
  out["messages"] = std::move(views);
  out["next"] = page.next == 0 ? json::value(nullptr) : json::value(page.next);
  co_return json::value(std::move(out));
}

Task<Result<json::value>> get_unread_count(ActionContext c, Params p) {
  auto read = [p](Transaction& tx) -> Result<json::value> {
    AccountId account;
    if (!p.text("account").empty()) {
      PH_TRY_ASSIGN(const Account found, find_account(tx, p.text("account")));
      account = found.id;
    }
    PH_TRY_ASSIGN(const auto unread, conversations::unread_count(tx, account));
    json::object out;
    out["conversation_count"] = unread;
    return json::value(std::move(out));
  };
  co_return co_await c.services->database->read(std::move(read));
}

// Runs `change` on the conversation the parameters name, and answers with how it is then.
using Change = Result<> (*)(Transaction&, ConversationId, const Params&, std::string_view actor,
                            WallTime now);
Task<Result<json::value>> changed(ActionContext c, Params p, Change change) {
  const WallTime now = c.services->clock->wall_now();
  auto write = [p, change, actor = c.actor, now](Transaction& tx) -> Result<json::value> {
    PH_TRY_ASSIGN(const ConversationId id, find_conversation(tx, p));
    PH_TRY(change(tx, id, p, actor, now));
    PH_TRY_ASSIGN(const InboxRow row, conversations::row(tx, id));
    json::object out;
    out["conversation"] = view(row);
    return json::value(std::move(out));
  };
  co_return co_await c.services->database->write(std::move(write));
}

Result<> read_it(Transaction& tx, ConversationId id, const Params&, std::string_view actor, WallTime now) {
  return conversations::mark_read(tx, id, actor, now);
}
Result<> archive_it(Transaction& tx, ConversationId id, const Params&, std::string_view actor, WallTime now) {
  return conversations::set_archived(tx, id, true, actor, now);
}
Result<> unarchive_it(Transaction& tx, ConversationId id, const Params&, std::string_view actor,
                      WallTime now) {
  return conversations::set_archived(tx, id, false, actor, now);
}
Result<> assign_it(Transaction& tx, ConversationId id, const Params& p, std::string_view actor,
                   WallTime now) {
  return conversations::assign(tx, id, p.text("to"), actor, now);
}
Result<> label_it(Transaction& tx, ConversationId id, const Params& p, std::string_view actor, WallTime now) {
  return conversations::add_label(tx, id, p.text("label"), actor, now);
}
Result<> unlabel_it(Transaction& tx, ConversationId id, const Params& p, std::string_view actor,
                    WallTime now) {
  return conversations::remove_label(tx, id, p.text("label"), actor, now);
}

Task<Result<json::value>> mark_conversation_read(ActionContext c, Params p) {
  co_return co_await changed(std::move(c), std::move(p), read_it);
}
Task<Result<json::value>> archive_conversation(ActionContext c, Params p) {
  co_return co_await changed(std::move(c), std::move(p), archive_it);
}
Task<Result<json::value>> unarchive_conversation(ActionContext c, Params p) {
  co_return co_await changed(std::move(c), std::move(p), unarchive_it);
}
Task<Result<json::value>> assign_conversation(ActionContext c, Params p) {
  co_return co_await changed(std::move(c), std::move(p), assign_it);
}
Task<Result<json::value>> add_conversation_label(ActionContext c, Params p) {
  co_return co_await changed(std::move(c), std::move(p), label_it);
}
Task<Result<json::value>> remove_conversation_label(ActionContext c, Params p) {
  co_return co_await changed(std::move(c), std::move(p), unlabel_it);
}

Task<Result<json::value>> add_note(ActionContext c, Params p) {
  const WallTime now = c.services->clock->wall_now();
  auto write = [p, actor = c.actor, now](Transaction& tx) -> Result<json::value> {
    PH_TRY_ASSIGN(const ConversationId id, find_conversation(tx, p));
    PH_TRY_ASSIGN(const MessageId note, messages::add_note(tx, id, p.text("text"), actor, now));
    json::object out;
    out["message_id"] = note.value;
    return json::value(std::move(out));
  };
  co_return co_await c.services->database->write(std::move(write));
}

// ---- declarations

Parameter integer(std::string name, std::string help, json::value fallback = nullptr) {
  return {.name = std::move(name),
          .type = ParameterType::integer,
          .help = std::move(help),
          .fallback = std::move(fallback),
          .min = 0};
}

std::vector<Parameter> conversation_parameters() {
  return {{.name = "conversation_id",
           .type = ParameterType::integer,
           .help = "which conversation; or give account and from_number",
           .min = 1},
          account_parameter(),
          {.name = "from_number",
           .help = "the person's number or user id, instead of conversation_id",
           .fallback = "",
           .max = 200}};
}

std::vector<Parameter> with(std::vector<Parameter> first, std::vector<Parameter> more) {
  first.insert(first.end(), more.begin(), more.end());
  return first;
}

std::vector<Parameter> list_parameters() {
  return {account_parameter(),
          {.name = "unread",
           .type = ParameterType::boolean,
           .help = "only with unread messages",
           .fallback = false},
          {.name = "assigned_to", .help = "only of this person", .fallback = "", .max = 200},
          {.name = "label", .help = "only with this label", .fallback = "", .max = 100},
          integer("before", "`next` of the page before", 0),
          limit_parameter(50, kMostListed)};
}

Parameter direction_parameter() {
  return {.name = "direction",
          .help = "in or out; both when left out",
          .fallback = "",
          .choices = {"", "in", "out", "INBOUND", "OUTBOUND"}};
}

Action change_action(std::string name, std::string summary, std::vector<Parameter> more,
                     ActionHandler handler, json::object example) {
  return {.name = std::move(name),
          .category = "conversations",
          .role = Role::agent,
          .effect = Effect::mutates,
          .summary = std::move(summary),
          .parameters = with(conversation_parameters(), std::move(more)),
          .handler = handler,
          .example = std::move(example)};
}

std::vector<Action> query_actions() {
  const Parameter message = {.name = "message_id",
                             .need = Need::required,
                             .help = "our number, or the channel's id (wamid, mid)",
                             .max = 1000,
                             .aliases = {"wa_message_id", "waMessageId"}};
  const Parameter around =
      integer("around", "a message's id: shows what was said around it instead of the newest");
  const Parameter before = {
      .name = "before", .help = "`next` of the page before", .fallback = "", .max = 100};
  return {
      {.name = "get_conversations",
       .category = "conversations",
       .role = Role::viewer,
       .summary = "The inbox: conversations, the newest activity first.",
       .parameters = with(list_parameters(), {{.name = "archived",
                                               .help = "no, yes or any",
                                               .fallback = "no",
                                               .choices = {"no", "yes", "any"}}}),
       .handler = get_conversations},
      {.name = "get_archived_conversations",
       .category = "conversations",
       .role = Role::viewer,
       .summary = "Archived conversations, the newest activity first.",
       .parameters = list_parameters(),
       .handler = get_archived_conversations},
      {.name = "get_conversation",
       .category = "conversations",
       .role = Role::viewer,
       .summary = "One conversation, with the window in which free messages may be sent; of a group, its "
                  "members as its events "
                  "told them.",
       .parameters = conversation_parameters(),
       .handler = get_conversation,
       .example = {{"conversation_id", 7}}},
      {.name = "get_conversation_messages",
       .category = "conversations",
       .role = Role::viewer,
       .summary = "What was said in a conversation, newest first.",
       .parameters = with(conversation_parameters(), {before, around, limit_parameter(100, 500)}),
       .handler = get_conversation_messages,
       .example = {{"conversation_id", 7}}},
      {.name = "get_unread_count",
       .category = "conversations",
       .role = Role::viewer,
       .summary = "How many conversations have unread messages (10,000 stands for as many or more).",
       .parameters = {account_parameter()},
       .handler = get_unread_count},
      {.name = "get_messages",
       .category = "conversations",
       .role = Role::viewer,
       .summary = "Messages of all conversations, newest first.",
       .parameters = {direction_parameter(), integer("before", "`next` of the page before", 0),
                      limit_parameter(50, 500)},
       .handler = get_messages},
      {.name = "get_message",
       .category = "conversations",
       .role = Role::viewer,
       .summary = "One message, by our number or by the channel's id.",
       .parameters = {message},
       .handler = get_message,
       .example = {{"message_id", "wamid.HBgMOTE5ODc2NTQzMjEw"}}},
      {.name = "search_messages",
       .category = "conversations",
       .role = Role::viewer,
       .summary = "Full-text search, newest first: every word must occur, the last one may be a beginning.",
       .parameters = {{.name = "query", .need = Need::required, .help = "words, or \"a phrase\"", .max = 500},
                      account_parameter(),
                      integer("conversation_id", "only in this conversation", 0),
                      direction_parameter(),
                      {.name = "type", .help = "only messages of this type", .fallback = "", .max = 40},
                      integer("before", "`next` of the page before", 0),
                      limit_parameter(50, kMostListed)},
       .handler = search,
       .example = {{"query", "late order"}}},
  };
}

std::vector<Action> change_actions() {
  const Parameter label = {
      .name = "label", .need = Need::required, .help = "the label", .min = 1, .max = 100};
  const Parameter to = {
      .name = "to", .help = "who takes care of it; nobody when left out", .fallback = "", .max = 200};
  const Parameter text = {
      .name = "text", .need = Need::required, .help = "seen by our people only", .min = 1, .max = kMaxText};
  const json::object example = {{"conversation_id", 7}};
  return {
      change_action("mark_conversation_read", "Sets the unread count to 0. The person is not told.", {},
                    mark_conversation_read, example),
      change_action("archive_conversation",
                    "Puts a conversation away; the person's next message brings it back.", {},
                    archive_conversation, example),
      change_action("unarchive_conversation", "Takes a conversation out of the archive.", {},
                    unarchive_conversation, example),
      change_action("assign_conversation", "Says who takes care of a conversation.", {to},
                    assign_conversation, {{"conversation_id", 7}, {"to", "anna"}}),
      change_action("add_conversation_label", "Labels a conversation.", {label}, add_conversation_label,
                    {{"conversation_id", 7}, {"label", "refund"}}),
      change_action("remove_conversation_label", "Takes a label off a conversation.", {label},
                    remove_conversation_label, {{"conversation_id", 7}, {"label", "refund"}}),
      change_action("add_note", "Adds a private note to a conversation.", {text}, add_note,
                    {{"conversation_id", 7}, {"text", "called back, waiting for the invoice number"}}),
  };
}

}  // namespace

std::vector<Action> conversation_actions() {
  std::vector<Action> actions = query_actions();
  std::ranges::move(change_actions(), std::back_inserter(actions));
  return actions;
}

}  // namespace posthorn
