// A store with years of conversations: how long the server takes to open one of them, to list the inbox and
// to search, over HTTP as a page or a program asks, and what the size of the store costs on the way in. The
// store is made once and kept in POSTHORN_BENCH_DIR (default /tmp); its search index is made by the server
// itself.
//
// Usage: inbox_bench [messages [samples]]
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <sqlite3.h>

#include "filled_store.h"
#include "message_load.h"
#include "process.h"

namespace posthorn::bench {
namespace {

constexpr double kGoalMs = 20;
constexpr double kGoalShare = 0.8;
constexpr double kAtOnce = 1e9;  // a second: as fast as the answers come
constexpr double kPatience = 3600;

struct Shape {
  StoreShape store;
  int samples = 300;
  MessageLoad load;
};

std::string kept_folder(const Shape& shape) {
  const char* base = ::getenv("POSTHORN_BENCH_DIR");
  return fmt::format("{}/posthorn-bench-inbox-{}", base != nullptr ? base : "/tmp", shape.store.messages);
}

// --- the file beside the server: what it says is not measured ---

struct Beside {
  sqlite3* db = nullptr;
  explicit Beside(const std::string& path) {
    sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READONLY, nullptr);
  }
  ~Beside() { sqlite3_close(db); }
  std::int64_t number(const std::string& sql) const {
    sqlite3_stmt* statement = nullptr;
    std::int64_t value = -1;
    if (sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
      value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
  }
};

// One row by its id, nothing else: what SQLite itself takes.
double point_query_ms(const std::string& data_dir, const Shape& shape) {
  const Beside beside(data_dir + "/posthorn.db");
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(beside.db, "SELECT * FROM messages WHERE id = ?", -1, &statement, nullptr);
  std::vector<double> times;
  for (int i = 0; i < shape.samples; ++i) {
    const auto began = std::chrono::steady_clock::now();
    sqlite3_bind_int64(statement, 1, 1 + i * 7'654'321LL % shape.store.messages);
    sqlite3_step(statement);
    sqlite3_reset(statement);
    times.push_back(seconds_since(began) * 1e3);
  }
  sqlite3_finalize(statement);
  return percentile(times, 0.99);
}

// --- making the store ---

Result<Filled> prepare(const std::string& data_dir, const Shape& shape) {
  MetaThread meta;
  if (!run_product({data_dir, meta.url()}, [](Product product) { return ensure_number(product); }))
    return fail(
        ErrorCode::internal,
        fmt::format("the store could not be opened: if it is of an older build, delete {}", data_dir));
  return fill_store(data_dir, shape.store);
}

std::vector<std::string> serve_command(const std::string& data_dir, std::uint16_t port) {
  return {posthorn_binary(),
          "serve",
          "--set",
          "data_dir=" + data_dir,
          "--set",
          fmt::format("http.port={}", port),
          "--set",
          "log.file=" + data_dir + "/posthorn.log",
          "--set",
          "log.level=warning",
          "--set",
          "graph.base_url=http://127.0.0.1:9",  // nothing is sent
          "--set",
          fmt::format("whatsapp.app_secret={}", sandbox::kDefaultAppSecret),
          "--set",
          fmt::format("whatsapp.verify_token={}", sandbox::kDefaultVerifyToken)};
}

// The index is a server's own work: messages a second, 0 when it was there already.
Result<double> wait_for_index(const std::string& data_dir, const Shape& shape) {
  const Beside beside(data_dir + "/posthorn.search.db");
  const auto position = [&] { return beside.number("SELECT position FROM indexed WHERE name = 'messages'"); };
  const std::int64_t before = std::max<std::int64_t>(position(), 0);
  const auto began = std::chrono::steady_clock::now();
  while (position() < shape.store.messages) {
    if (seconds_since(began) > kPatience)
      return fail(ErrorCode::unavailable, "the index is not ready after an hour");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  const double seconds = seconds_since(began);
  const auto done = static_cast<double>(shape.store.messages - before);
  return done > 1000 ? done / seconds : 0;
}

// --- asking ---

struct Question {
  std::string name;
  std::string action;
  std::function<json::object(int)> parameters;  // of the n-th sample
  bool follow = false;                          // each next sample asks for the page after
  bool may_be_empty = false;
};

json::object list_of(std::string_view key, json::value value) {
  json::object out{{"limit", 50}};
  if (!key.empty()) out[key] = std::move(value);
  return out;
}

json::object search_for(std::string_view words, std::int64_t conversation = 0) {
  json::object out{{"query", words}, {"limit", 50}};
  if (conversation != 0) out["conversation_id"] = conversation;
  return out;
}

std::vector<Question> questions(const Shape& shape) {
  const StoreShape store = shape.store;
  const auto any = [store](int n) {  // every tenth one from the first on has no message
    return 2 + n * 7'654'321LL % (store.conversations / 10) * 10;
  };
  const auto heavy = [store](int n) {
    return 1 + n * 77LL % std::min(kHeavyConversations, store.conversations);
  };
  const auto words = [](std::string text) { return [text](int) { return search_for(text); }; };
  const std::string common(kCommonWord), second(kSecondWord), rare(kRareWord);
  return {
      {"open a conversation, newest 50 messages", "get_conversation_messages",
       [=](int n) { return json::object{{"conversation_id", any(n)}, {"limit", 50}}; }},
      {"open a busy conversation", "get_conversation_messages",
       [=](int n) { return json::object{{"conversation_id", heavy(n)}, {"limit", 50}}; }},
      {"its head: person, window, labels", "get_conversation",
       [=](int n) { return json::object{{"conversation_id", any(n)}}; }},
      {"inbox, 50 rows", "get_conversations", [](int) { return list_of("", {}); }},
      {"inbox, only unread", "get_conversations", [](int) { return list_of("unread", true); }},
      {"inbox, assigned to somebody", "get_conversations",
       [](int) { return list_of("assigned_to", "anna"); }},
      {"inbox, a label", "get_conversations", [](int) { return list_of("label", "delivery"); }},
      {"inbox, a rare label", "get_conversations", [](int) { return list_of("label", "vip"); }, false, true},
      {"inbox, page after page", "get_conversations", [](int) { return list_of("", {}); }, true},
      {"inbox, somewhere in the middle", "get_conversations",
       [=](int n) { return list_of("before", store.messages - 1 - n * (store.messages / 1000)); }, false,
       true},
      {"search: a word in every second message", "search_messages", words(common)},
      {"search: a rare word", "search_messages", words(rare)},
      {"search: two common words", "search_messages", words(second + " " + common)},
      {"search: a common and a rare word", "search_messages", words(common + " " + rare), false, true},
      {"search: the beginning of a word", "search_messages", words("ord")},
      {"search: two letters", "search_messages", words("ba"), false, true},
      {"search: a word in one conversation", "search_messages",
       [=](int n) { return search_for(kCommonWord, any(n)); }, false, true},
      {"search: a word, page after page", "search_messages", words(common), true},
      {"one message by the channel's id", "get_message",
       [=](int n) {
         return json::object{{"message_id", filled_channel_id(1 + n * 7'654'321LL % store.messages)}};
       }},
  };
}

struct Times {
  std::string name;
  double p50 = 0, p99 = 0, worst = 0;
};

Task<Result<Times>> ask(Client& client, Question question, int samples) {
  std::vector<double> times;
  json::value next;
  for (int n = 0; n < samples; ++n) {
    json::object parameters = question.parameters(n);
    if (question.follow && !next.is_null()) parameters["before"] = next;
    const auto began = std::chrono::steady_clock::now();
    PH_CO_TRY_ASSIGN(const json::value answer, co_await client.call(question.action, std::move(parameters)));
    times.push_back(seconds_since(began) * 1e3);
    const JsonView view(answer);
    const bool empty = view["count"].integer_or(1) == 0;
    if (empty && !question.may_be_empty && !question.follow)
      co_return fail(ErrorCode::internal, fmt::format("nothing was found: {}", question.name));
    next = answer.as_object().contains("next") ? answer.at("next") : json::value();
  }
  Times out{question.name};
  out.p50 = percentile(times, 0.5);
  out.p99 = percentile(times, 0.99);
  out.worst = percentile(times, 1);
  co_return out;
}

void print(const Times& t, double point_ms) {
  print_figure({t.name, fmt::format("p99 {:.1f} ms (median {:.1f}, worst {:.1f})", t.p99, t.p50, t.worst),
                fmt::format("{:.3f} ms one row by id, SQLite alone", point_ms),
                fmt::format("{:.0f}", t.p99 / point_ms),
                fmt::format("{:.0f} ms: {}", kGoalMs, t.p99 <= kGoalMs ? "met" : "missed")});
}

Task<Result<>> ask_all(Client& client, Shape shape, double point_ms) {
  Result<> all;
  for (const Question& question : questions(shape)) {
    const Result<Times> times = co_await ask(client, question, shape.samples);
    if (times) print(*times, point_ms);
    if (!times) all = fail(times.error().code, fmt::format("{} ({})", times.error().message, question.name));
  }
  co_return all;
}

bool measure_questions(const std::string& data_dir, const Shape& shape) {
  const std::uint16_t port = free_port();
  Child server(serve_command(data_dir, port));
  if (wait_for_ok(port, get_request("/readyz")) < 0) {
    fmt::print(stderr, "failed: the server did not become ready\n");
    return false;
  }
  const Result<double> indexed = wait_for_index(data_dir, shape);
  if (!indexed) {
    fmt::print(stderr, "failed: {}\n", indexed.error().message);
    return false;
  }
  if (*indexed > 0)
    print_figure({"search index made by the server", fmt::format("{:.0f} messages/s", *indexed), "", "", ""});
  const double point_ms = point_query_ms(data_dir, shape);
  const auto body = [&](Client& client) { return ask_all(client, shape, point_ms); };
  const bool ok = run_client_of(data_dir, body);
  fmt::print(stderr, "resident memory of the server: {:.0f} MB\n", resident_mb(server.pid(), "VmRSS:"));
  return ok;
}

// --- intake ---

Task<Result<>> measure_intake(Product product, MessageLoad load, double& per_second) {
  PH_CO_TRY(co_await ensure_number(product));
  MessageLoad first = load;  // everyone once: people and conversations exist afterwards on either store
  first.messages = load.people;
  first.tag += "FIRST";
  double seconds = 0;
  for (const MessageLoad& one : {first, load}) {
    const std::vector<std::string> requests = message_requests(one);
    PH_CO_TRY(co_await send_messages(product, requests, kAtOnce, one.messages, &seconds));
  }
  per_second = static_cast<double>(load.messages) / seconds;
  co_return Result<>();
}

bool intake_rate(const std::string& data_dir, MessageLoad load, int round, double& best) {
  load.tag = fmt::format("R{}T{}", round, std::chrono::system_clock::now().time_since_epoch().count());
  double rate = 0;
  MetaThread meta;
  const auto body = [&](Product product) { return measure_intake(product, load, rate); };
  if (!run_product({data_dir, meta.url()}, body)) return false;
  best = std::max(best, rate);
  return true;
}

bool compare_intake(const std::string& data_dir, const Shape& shape) {
  double filled = 0, empty = 0;
  for (int round = 0; round < 2; ++round) {  // by turns, the better one of each
    TemporaryFolder folder;
    if (!intake_rate(folder.path() + "/data", shape.load, round, empty)) return false;
    if (!intake_rate(data_dir, shape.load, round, filled)) return false;
  }
  const double share = filled / empty;
  print_figure({fmt::format("{} messages of {} people taken in and stored, as fast as they are acknowledged",
                            shape.load.messages, shape.load.people),
                fmt::format("{:.0f}/s on the full store", filled),
                fmt::format("{:.0f}/s on an empty one", empty), fmt::format("{:.2f}", share),
                fmt::format("{:.1f}: {}", kGoalShare, share >= kGoalShare ? "met" : "missed")});
  return true;
}

int run(const Shape& shape) {
  const std::string data_dir = kept_folder(shape);
  const Result<Filled> filled = prepare(data_dir, shape);
  if (!filled) {
    fmt::print(stderr, "failed: {}\n", filled.error().message);
    return 1;
  }
  if (filled->seconds > 0)
    fmt::print(stderr, "{} messages in {} conversations filled in within {:.0f} s\n", filled->messages,
               filled->conversations, filled->seconds);
  if (!measure_questions(data_dir, shape)) return 1;
  return compare_intake(data_dir, shape) ? 0 : 1;
}

}  // namespace
}  // namespace posthorn::bench

int main(int argc, char** argv) {
  posthorn::bench::Shape shape;
  if (argc > 1) shape.store.messages = std::max<std::int64_t>(std::atoll(argv[1]), 1000);
  if (argc > 2) shape.samples = std::max(std::atoi(argv[2]), 1);
  shape.store.conversations = std::max<std::int64_t>(shape.store.messages / 20, 20);
  shape.load.messages = std::clamp<std::int64_t>(shape.store.messages / 50, 100, 200'000);
  shape.load.people = std::min<std::int64_t>(10'000, shape.store.conversations);
  shape.load.stride = shape.store.conversations / shape.load.people;
  return posthorn::bench::run(shape);
}
