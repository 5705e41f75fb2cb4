#include "messaging/search_indexer.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/json.h"
#include "messaging/essential_loop.h"
#include "messaging/event_patience.h"
#include "messaging/message_rows.h"
#include "messaging/search_text.h"
#include "messaging/wakeup.h"
#include "storage/event_log.h"

namespace posthorn {
namespace {

constexpr int kBatch = 5000;                               // messages or events in one transaction
constexpr Duration kLook = std::chrono::seconds(2);        // history comes without events
constexpr Duration kStoreRetry = std::chrono::seconds(5);  // after an error of either store
// While so many messages come in a second, indexing would take the processor and the disk from storing them:
// one batch after each pause then, and the rest after the flood.
constexpr double kFloodPerSecond = 2000;
constexpr double kFloodAtLeast = 500;  // messages: what came at once need not be many a second
constexpr Duration kFloodPause = std::chrono::seconds(1);
constexpr std::string_view kMessages = "messages", kEvents = "events", kConsumer = "search";
// When the newest indexed message and event were stored: by this an index knows its store.
constexpr std::string_view kMessageTime = "message_time", kEventTime = "event_time";

struct Entry {
  std::int64_t id = 0, time = 0;  // time: when it was stored
  std::string text, place;        // both empty: only to be taken out
};

Result<Entry> entry_of(SqlRows& rows) {
  Entry entry;
  entry.id = rows.integer(0);
  entry.time = rows.integer(8);
  const bool gone = rows.integer(6) != 0;
  if (gone || rows.text(1).empty()) return entry;
  entry.text = search_form(rows.text(1));
  entry.place = fmt::format("{} {} {} {} {}", search_place('c', rows.text(2)),
                            search_place('a', rows.text(3)), search_place('p', rows.text(4)),
                            search_place('t', rows.text(5)), search_place('d', rows.text(7)));
  return entry;
}

constexpr std::string_view kColumns =
    "SELECT m.id, m.text, m.conversation_id, c.account_id, c.person_id, m.type, m.deleted_at, m.direction, "
    "m.received_at "
    "FROM messages m JOIN conversations c ON c.id = m.conversation_id ";

Result<std::vector<Entry>> read_entries(Transaction& tx, std::string_view sql,
                                        std::initializer_list<SqlArg> args) {
  std::vector<Entry> entries;
  PH_TRY_ASSIGN(SqlRows rows, tx.query(sql, args));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return entries;
    PH_TRY_ASSIGN(Entry entry, entry_of(rows));
    entries.push_back(std::move(entry));
  }
}

Result<std::vector<Entry>> new_entries(Transaction& tx, std::int64_t after) {
  static const std::string sql = std::string(kColumns) + "WHERE m.id > $1 ORDER BY m.id LIMIT $2";
  return read_entries(tx, sql, {after, kBatch});
}

// What an event tells was changed, among messages indexed already.
Result<std::vector<Entry>> changed_entries(Transaction& tx, const LoggedEvent& event, std::int64_t indexed) {
  static const std::string by_id = std::string(kColumns) + "WHERE m.id = $1 AND m.id <= $2";
  static const std::string by_person =
      std::string(kColumns) +
      "WHERE m.conversation_id IN (SELECT id FROM conversations WHERE person_id IN ($1, $3)) "
      "AND m.id <= $2";
  PH_TRY_ASSIGN(const json::value tree, parse_json(event.data));
  const JsonView data(tree);
  if (event.kind.starts_with("person."))
    return read_entries(tx, by_person, {data["kept"].integer_or(0), indexed, data["absorbed"].integer_or(0)});
  return read_entries(tx, by_id, {data["message_id"].integer_or(0), indexed});
}

bool changes_the_index(std::string_view kind) {
  return kind == "message.edited" || kind == "message.deleted" || kind == "person.merged" ||
         kind == "person.unmerged";
}

struct Positions {
  std::int64_t messages = 0, events = 0;
  std::int64_t message_time = 0, event_time = 0;  // 0: not known
};

Result<std::int64_t> position(Transaction& tx, std::string_view name) {
  PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT position FROM indexed WHERE name = $1", {name}));
  PH_TRY_ASSIGN(const bool there, rows.next());
  return there ? rows.integer(0) : 0;
}

Result<Positions> positions(Transaction& tx) {
  Positions p;
  PH_TRY_ASSIGN(p.messages, position(tx, kMessages));
  PH_TRY_ASSIGN(p.events, position(tx, kEvents));
  PH_TRY_ASSIGN(p.message_time, position(tx, kMessageTime));
  PH_TRY_ASSIGN(p.event_time, position(tx, kEventTime));
  return p;
}

// A row that is there, but of another time. One that is gone says nothing: rows are deleted.
Result<bool> differs(Transaction& tx, std::string_view sql, std::int64_t id, std::int64_t time) {
  if (time == 0) return false;
  PH_TRY_ASSIGN(SqlRows rows, tx.query(sql, {id}));
  PH_TRY_ASSIGN(const bool there, rows.next());
  return there && rows.integer(0) != time;
}

// Whether this is the store that the index was made for.
Result<bool> belongs(Transaction& tx, Positions p) {
  PH_TRY_ASSIGN(const std::int64_t next, message_rows::next_id(tx));
  PH_TRY_ASSIGN(const EventId last, events::last_position(tx));
  if (p.messages >= next || p.events > last.value) return false;
  PH_TRY_ASSIGN(const bool other_message,
                differs(tx, "SELECT received_at FROM messages WHERE id = $1", p.messages, p.message_time));
  PH_TRY_ASSIGN(const bool other_event,
                differs(tx, "SELECT at FROM events WHERE id = $1", p.events, p.event_time));
  return !other_message && !other_event;
}

// Deleting row by row would take minutes.
Result<> empty_table(Transaction& tx, std::string_view name, std::string_view drop) {
  std::string create;
  {
    PH_TRY_ASSIGN(SqlRows rows,
                  tx.query("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = $1", {name}));
    PH_TRY_ASSIGN(const bool there, rows.next());
    if (!there) return fail(ErrorCode::data_loss, fmt::format("the search index has no table {}", name));
    create = rows.text(0);
  }
  PH_TRY(tx.execute(drop));
  PH_TRY(tx.execute(create));
  return {};
}

Result<> empty_index(Transaction& tx) {
  PH_TRY(empty_table(tx, "message_text", "DROP TABLE message_text"));
  PH_TRY(empty_table(tx, "message_words", "DROP TABLE message_words"));
  PH_TRY(tx.execute("DELETE FROM indexed"));
  return {};
}

Result<> move(Transaction& tx, std::string_view name, std::int64_t to) {
  PH_TRY(tx.execute(
      "INSERT INTO indexed (name, position) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET position = $2",
      {name, to}));
  return {};
}

Result<> put_words(Transaction& tx, const std::vector<const Entry*>& entries) {
  std::set<std::string> words;
  for (const Entry* entry : entries) {
    for (std::string& word : search_words(entry->text)) words.insert(std::move(word));
  }
  auto next = words.begin();
  std::array<SqlArg, 1> args;
  const auto bind = [&](std::size_t) -> std::span<const SqlArg> {
    args = {SqlArg(*next++)};
    return args;
  };
  PH_TRY(tx.execute_many("INSERT INTO message_words (word) VALUES ($1) ON CONFLICT DO NOTHING", words.size(),
                         bind));
  return {};
}

Result<> put(Transaction& tx, const std::vector<Entry>& entries, bool again) {
  std::array<SqlArg, 3> args;
  std::vector<const Entry*> full;
  for (const Entry& entry : entries) {
    if (!entry.text.empty()) full.push_back(&entry);
    if (!again) continue;
    PH_TRY(tx.execute("DELETE FROM message_text WHERE rowid = $1", {entry.id}));
  }
  const auto bind = [&](std::size_t i) -> std::span<const SqlArg> {
    args = {SqlArg(full[i]->id), SqlArg(full[i]->text), SqlArg(full[i]->place)};
    return args;
  };
  PH_TRY(tx.execute_many("INSERT INTO message_text (rowid, text, place) VALUES ($1, $2, $3)", full.size(),
                         bind));
  return put_words(tx, full);
}

}  // namespace

struct SearchIndexer::Impl : std::enable_shared_from_this<Impl> {
  explicit Impl(SearchIndexerPorts p)
      : ports(p),
        stop_wake(p.executor, p.clock),
        pause_wake(p.executor, p.clock),
        patience(kConsumer, p.log, p.metrics),
        indexed(p.metrics.counter("posthorn_messages_indexed_total", "Messages that can be searched")) {}

  Task<> loop() {
    while (!stopping) {
      const Result<> done = co_await catch_up(true);
      if (stopping) break;
      if (!done) {
        ports.log.warning("search.not_indexed", {{"error", done.error().message}});
        co_await ports.clock.sleep_for(kStoreRetry);
        continue;
      }
      (void)co_await ports.feed.wait_beyond(EventId{seen.events}, ports.clock.now() + kLook);
    }
    running = false;
    stop_wake.notify();
  }

  Task<Result<>> catch_up(bool yielding) {
    if (!loaded) {
      PH_CO_TRY(co_await load());
    }
    bool more = true;
    while (more && !ended) {
      if (yielding) {
        PH_CO_TRY(co_await let_flood_pass());
      }
      PH_CO_TRY_ASSIGN(const bool added, co_await add_new());
      PH_CO_TRY_ASSIGN(const bool changed, co_await apply_changes());
      more = added || changed;
    }
    co_return Result<>();
  }

  // An index that is built anew from a quiet store does not wait.
  Task<Result<>> let_flood_pass() {
    auto read = [](Transaction& tx) { return message_rows::next_id(tx); };
    PH_CO_TRY_ASSIGN(const std::int64_t next, co_await ports.database.read(std::move(read)));
    const MonotonicTime now = ports.clock.now();
    const std::int64_t came = next - std::exchange(next_seen, next);
    const double seconds = static_cast<double>((now - std::exchange(looked_at, now)).count()) / 1e6;
    const bool flood =
        looked && static_cast<double>(came) > std::max(kFloodPerSecond * seconds, kFloodAtLeast);
    looked = true;
    if (flood && !stopping) co_await pause_wake.wait_until(now + kFloodPause);
    co_return Result<>();
  }

  Task<Result<>> load() {
    auto read = [](Transaction& tx) { return positions(tx); };
    PH_CO_TRY_ASSIGN(seen, co_await ports.index.read(std::move(read)));
    auto compare = [p = seen](Transaction& tx) { return belongs(tx, p); };
    PH_CO_TRY_ASSIGN(const bool ours, co_await ports.database.read(std::move(compare)));
    if (!ours) {
      ports.log.warning("search.made_anew", {{"reason", "the index was made for another state of the store"},
                                             {"messages", seen.messages},
                                             {"events", seen.events}});
      auto empty = [](Transaction& tx) { return empty_index(tx); };
      PH_CO_TRY(co_await ports.index.write(std::move(empty)));
      seen = Positions();
    }
    loaded = true;
    co_return Result<>();
  }

  Task<Result<bool>> add_new() {
    auto read = [after = seen.messages](Transaction& tx) { return new_entries(tx, after); };
    PH_CO_TRY_ASSIGN(auto entries, co_await ports.database.read(std::move(read)));
    if (entries.empty()) co_return false;
    const std::int64_t last = entries.back().id, time = entries.back().time;
    const auto count = static_cast<double>(entries.size());
    auto write = [entries = std::move(entries), last, time](Transaction& tx) -> Result<> {
      PH_TRY(put(tx, entries, false));
      PH_TRY(move(tx, kMessageTime, time));
      return move(tx, kMessages, last);
    };
    PH_CO_TRY(co_await ports.index.write(std::move(write)));
    seen.messages = last;
    indexed.add(count);
    co_return true;
  }

  Task<Result<bool>> apply_changes() {
    auto read = [after = seen.events](Transaction& tx) {
      return events::read_after(tx, EventId{after}, kBatch);
    };
    PH_CO_TRY_ASSIGN(auto happened, co_await ports.database.read(std::move(read)));
    if (happened.empty()) co_return false;
    EventTries tries(patience.exhausted());
    for (const LoggedEvent& event : happened) {
      if (!changes_the_index(event.kind)) continue;
      const Result<> applied = co_await apply_change(event);
      const Result<> tried = tries.run(event, [&] { return applied; });
      if (!tried) {
        patience.failed(tried.error());
        co_return std::unexpected(tried.error());
      }
    }
    patience.succeeded(tries.take_passed_over());
    const EventId last = happened.back().id;
    auto write = [last, time = happened.back().at](Transaction& tx) -> Result<> {
      PH_TRY(move(tx, kEventTime, to_micros(time)));
      return move(tx, kEvents, last.value);
    };
    PH_CO_TRY(co_await ports.index.write(std::move(write)));
    // The cursor among the others only keeps the log from being pruned under us. An index that is built anew
    // is behind it.
    auto keep = [last](Transaction& tx) -> Result<> {
      PH_TRY_ASSIGN(const EventId reached, events::cursor(tx, kConsumer));
      return last > reached ? events::move_cursor(tx, kConsumer, last) : Result<>();
    };
    PH_CO_TRY(co_await ports.database.write(std::move(keep)));
    seen.events = last.value;
    co_return true;
  }

  Task<Result<>> apply_change(LoggedEvent event) {
    auto look = [event = std::move(event), last = seen.messages](Transaction& tx) {
      return changed_entries(tx, event, last);
    };
    PH_CO_TRY_ASSIGN(auto entries, co_await ports.database.read(std::move(look)));
    auto replace = [entries = std::move(entries)](Transaction& tx) { return put(tx, entries, true); };
    co_return co_await ports.index.write(std::move(replace));
  }

  SearchIndexerPorts ports;
  Wakeup stop_wake, pause_wake;
  EventPatience patience;
  Counter& indexed;
  Positions seen;
  std::int64_t next_seen = 0;  // id of a message, at the last look
  MonotonicTime looked_at{};
  bool looked = false;
  bool loaded = false, running = false, stopping = false, ended = false;
};

SearchIndexer::SearchIndexer(SearchIndexerPorts ports) : impl_(std::make_shared<Impl>(ports)) {}
SearchIndexer::~SearchIndexer() {
  impl_->stopping = impl_->ended = true;
}

void SearchIndexer::start() {
  impl_->running = true;
  auto run = [](std::shared_ptr<Impl> impl) -> Task<> { co_await impl->loop(); };
  spawn_essential(impl_->ports.executor, "indexing messages", run(impl_));
}

Task<> SearchIndexer::stop() {
  const std::shared_ptr<Impl> impl = impl_;
  impl->stopping = impl->ended = true;
  impl->ports.feed.release();
  impl->pause_wake.notify();
  while (impl->running) co_await impl->stop_wake.wait();
}

Task<Result<>> SearchIndexer::catch_up() {
  const std::shared_ptr<Impl> impl = impl_;
  co_return co_await impl->catch_up(false);
}

}  // namespace posthorn
