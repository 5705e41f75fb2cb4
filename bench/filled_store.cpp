#include "filled_store.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <sqlite3.h>

#include "message_load.h"
#include "messaging/wamid_index.h"

namespace posthorn::bench {
namespace {

constexpr std::int64_t kBegan = 1'700'000'000'000'000;  // microseconds
constexpr std::int64_t kBetween = 6'000'000;            // two messages
constexpr std::size_t kVocabulary = 30'000;
constexpr std::int64_t kPrime = 7'368'787;

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};
struct Finalize {
  void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};

class Sql {
 public:
  explicit Sql(const std::string& path) {
    sqlite3* raw = nullptr;
    if (sqlite3_open(path.c_str(), &raw) != SQLITE_OK) throw std::runtime_error("cannot open " + path);
    db_.reset(raw);
  }
  void run(const std::string& sql) {
    char* why = nullptr;
    if (sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, &why) != SQLITE_OK)
      throw std::runtime_error(fmt::format("{} during {}", why, sql.substr(0, 200)));
  }
  std::string text(const std::string& sql) {
    const auto statement = prepare(sql);
    if (sqlite3_step(statement.get()) != SQLITE_ROW) return {};
    const auto* bytes = sqlite3_column_text(statement.get(), 0);
    return bytes == nullptr ? "" : reinterpret_cast<const char*>(bytes);
  }
  std::unique_ptr<sqlite3_stmt, Finalize> prepare(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(db_.get(), sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
      throw std::runtime_error(fmt::format("{} during {}", sqlite3_errmsg(db_.get()), sql));
    return std::unique_ptr<sqlite3_stmt, Finalize>(statement);
  }

 private:
  std::unique_ptr<sqlite3, CloseDatabase> db_;
};

class Inserter {
 public:
  Inserter(Sql& sql, const std::string& text) : statement_(sql.prepare(text)) {}
  Inserter& operator<<(std::int64_t value) {
    sqlite3_bind_int64(statement_.get(), ++column_, value);
    return *this;
  }
  Inserter& operator<<(std::string_view value) {
    sqlite3_bind_text(statement_.get(), ++column_, value.data(), static_cast<int>(value.size()),
                      SQLITE_STATIC);
    return *this;
  }
  void row() {
    if (sqlite3_step(statement_.get()) != SQLITE_DONE)
      throw std::runtime_error("a row could not be filled in");
    sqlite3_reset(statement_.get());
    column_ = 0;
  }

 private:
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int column_ = 0;
};

// Words as often as words are in languages: the k-th most frequent one k times as rare as the first.
class Prose {
 public:
  Prose() {
    constexpr std::array kSyllables = {"ba", "ko",  "ri", "ten", "lu", "mar", "se", "vi", "pol", "da",
                                       "ne", "sti", "ga", "fo",  "un", "ker", "ly", "zo", "ha",  "wen"};
    words_.reserve(kVocabulary);
    for (std::size_t i = 0; i < kVocabulary; ++i) {
      std::string word;
      for (std::size_t rest = i + 20; rest > 0; rest /= kSyllables.size())
        word += kSyllables[rest % kSyllables.size()];
      words_.push_back(std::move(word));
    }
  }
  std::string_view message(std::int64_t number, std::int64_t every_rare) {
    text_.clear();
    const std::uint64_t count = 4 + next() % 9;
    for (std::uint64_t i = 0; i < count; ++i) add(words_[rank()]);
    if (number % 2 == 0) add(kCommonWord);
    if (number % 4 == 1 || number % 8 == 0) add(kSecondWord);
    if (number % every_rare == every_rare / 2) add(kRareWord);
    return text_;
  }

 private:
  void add(std::string_view word) {
    if (!text_.empty()) text_ += ' ';
    text_ += word;
  }
  std::uint64_t next() {  // splitmix64: the same prose in each run
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  std::size_t rank() {
    const double u = static_cast<double>(next() >> 11) / static_cast<double>(1ULL << 53);
    return std::min(kVocabulary - 1,
                    static_cast<std::size_t>(std::pow(static_cast<double>(kVocabulary), u)) - 1);
  }

  std::vector<std::string> words_;
  std::string text_;
  std::uint64_t state_ = 1;
};

struct Account {
  std::int64_t id = 0;
  std::string portfolio;
};

struct Last {
  std::int64_t message = 0, inbound = 0;
};

std::int64_t at_of(std::int64_t message) {
  return kBegan + message * kBetween;
}
// Every tenth message is said in one of few busy conversations.
std::int64_t conversation_of(std::int64_t message, const StoreShape& shape) {
  const std::int64_t among =
      message % 10 == 0 ? std::min(kHeavyConversations, shape.conversations) : shape.conversations;
  return (message / (message % 10 == 0 ? 10 : 1) * kPrime) % among + 1;
}

void fill_people(Sql& sql, const Account& account, const StoreShape& shape) {
  sql.run("BEGIN");
  Inserter person(sql,
                  "INSERT INTO people (id, portfolio, name, created_at, updated_at) VALUES (?, ?, ?, ?, ?)");
  Inserter address(
      sql, "INSERT INTO person_addresses (kind, scope, value, person_id, valid_from) VALUES (?, ?, ?, ?, ?)");
  Inserter word(sql, "INSERT OR IGNORE INTO person_names (word, person_id) VALUES (?, ?)");
  for (std::int64_t i = 0; i < shape.conversations; ++i) {
    const std::string name = name_of(i), phone = phone_of(i), bsuid = bsuid_of(i), number = std::to_string(i);
    (person << i + 1 << account.portfolio << name << kBegan << kBegan).row();
    (address << std::int64_t{1} << account.portfolio << phone << i + 1 << kBegan).row();
    (address << std::int64_t{2} << account.portfolio << bsuid << i + 1 << kBegan).row();
    for (const std::string_view one :
         {std::string_view("person"), std::string_view(number), std::string_view("example")})
      (word << one << i + 1).row();
  }
  sql.run("COMMIT");
}

std::vector<Last> fill_messages(Sql& sql, const StoreShape& shape,
                                std::vector<std::pair<std::int64_t, std::int64_t>>& ids) {
  std::vector<Last> last(static_cast<std::size_t>(shape.conversations) + 1);
  ids.reserve(static_cast<std::size_t>(shape.messages));
  Prose prose;
  const std::int64_t every_rare = std::max<std::int64_t>(shape.messages / 10, 2);
  sql.run("BEGIN");
  Inserter message(sql,
                   "INSERT INTO messages (id, conversation_id, direction, at, received_at, channel_id, "
                   "author, type, text, "
                   "content, delivery) VALUES (?, ?, ?, ?, ?, ?, ?, 'text', ?, ?, ?)");
  for (std::int64_t i = 1; i <= shape.messages; ++i) {
    const std::int64_t conversation = conversation_of(i, shape);
    const bool out = i % 5 < 2;
    const std::string channel_id = filled_channel_id(i);
    const std::string_view text = prose.message(i, every_rare);
    const std::string content = fmt::format(R"({{"text":{{"body":"{}"}}}})", text);
    (message << i << conversation << std::int64_t{out} << at_of(i) << at_of(i) << channel_id
             << std::string_view(out ? "anna" : "") << text << content << std::int64_t{out ? 7 : 0})
        .row();
    ids.emplace_back(wamid_hash(channel_id), i);
    Last& l = last[static_cast<std::size_t>(conversation)];
    l.message = i;
    if (!out) l.inbound = i;
  }
  sql.run("COMMIT");
  return last;
}

void fill_ids(Sql& sql, std::vector<std::pair<std::int64_t, std::int64_t>>& ids) {
  std::ranges::sort(ids);
  sql.run("BEGIN");
  Inserter id(sql, "INSERT INTO message_ids (hash, message_id) VALUES (?, ?)");
  for (const auto& [hash, message] : ids) (id << hash << message).row();
  sql.run("COMMIT");
}

void fill_conversations(Sql& sql, const Account& account, const std::vector<Last>& last) {
  sql.run("BEGIN");
  Inserter conversation(
      sql,
      "INSERT INTO conversations (id, account_id, person_id, last_message_id, last_message_at, "
      "last_inbound_at, last_action_at, unread, archived, assigned_to, created_at) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  Inserter label(
      sql, "INSERT INTO conversation_labels (label, conversation_id, last_message_id) VALUES (?, ?, ?)");
  for (std::int64_t i = 1; i < static_cast<std::int64_t>(last.size()); ++i) {
    const Last& l = last[static_cast<std::size_t>(i)];
    const std::int64_t inbound = l.inbound == 0 ? 0 : at_of(l.inbound);
    (conversation << i << account.id << i << l.message << (l.message == 0 ? 0 : at_of(l.message)) << inbound
                  << inbound << std::int64_t{i % 10 == 3 ? 1 + i % 7 : 0} << std::int64_t{i % 50 == 4}
                  << std::string_view(i % 20 == 5 ? "anna" : "") << kBegan)
        .row();
    if (i % 10 == 7) (label << std::string_view("delivery") << i << l.message).row();
    if (i % 1000 == 8) (label << std::string_view("vip") << i << l.message).row();
  }
  sql.run("COMMIT");
}

}  // namespace

std::string filled_channel_id(std::int64_t message) {
  return fmt::format("wamid.HBgNNDkxNTExMDAwMDAwMBUCABIYFDNB{:020}", message);
}

Result<Filled> fill_store(const std::string& data_dir, StoreShape shape) {
  const auto began = std::chrono::steady_clock::now();
  Sql sql(data_dir + "/posthorn.db");
  Filled out{0, shape.messages, shape.conversations};
  if (sql.text("SELECT COUNT(*) FROM settings WHERE name = 'bench.filled'") == "1") return out;
  if (sql.text("SELECT COUNT(*) FROM people") != "0")
    return fail(ErrorCode::conflict, fmt::format("{} was filled in part; remove it", data_dir));
  sql.run(
      "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; PRAGMA temp_store "
      "= MEMORY");
  Account account;
  account.id = std::stoll(sql.text("SELECT id FROM accounts LIMIT 1"));
  account.portfolio =
      sql.text("SELECT CASE WHEN portfolio = '' THEN business_id ELSE portfolio END FROM accounts LIMIT 1");
  const std::string index = sql.text("SELECT sql FROM sqlite_master WHERE name = 'messages_by_conversation'");
  sql.run("DROP INDEX messages_by_conversation");
  fill_people(sql, account, shape);
  std::vector<std::pair<std::int64_t, std::int64_t>> ids;
  const std::vector<Last> last = fill_messages(sql, shape, ids);
  fill_ids(sql, ids);
  fill_conversations(sql, account, last);
  sql.run(index);
  sql.run("INSERT INTO settings (name, value) VALUES ('bench.filled', '1')");
  out.seconds = seconds_since(began);
  return out;
}

}  // namespace posthorn::bench
