#include "message_load.h"

#include <fmt/format.h>

#include "actions/services.h"
#include "storage/database.h"

namespace posthorn::bench {
namespace {

constexpr std::int64_t kRepeatEvery = 50;  // Meta sends some twice
constexpr double kPatience = 300;          // seconds
constexpr std::int64_t kPrime = 1'000'003;

// What the tables hold of the messages after `from`.
struct Stored {
  std::int64_t last = 0;       // greatest id
  std::int64_t messages = 0;   // after `from`
  std::int64_t different = 0;  // channel ids among them
  std::int64_t named = 0;      // entries of the index by channel id
  std::int64_t unread = 0;     // of all conversations
  std::int64_t parked = 0;
};

Result<std::int64_t> number(Transaction& tx, std::string_view sql, std::initializer_list<SqlArg> args) {
  PH_TRY_ASSIGN(SqlRows rows, tx.query(sql, args));
  PH_TRY(rows.next());
  return rows.integer(0);
}

Result<Stored> read_stored(Transaction& tx, std::int64_t from) {
  Stored s;
  PH_TRY_ASSIGN(s.last, number(tx, "SELECT COALESCE(MAX(id), 0) FROM messages", {}));
  PH_TRY_ASSIGN(s.messages, number(tx, "SELECT COUNT(*) FROM messages WHERE id > $1", {from}));
  PH_TRY_ASSIGN(s.different,
                number(tx, "SELECT COUNT(DISTINCT channel_id) FROM messages WHERE id > $1", {from}));
  PH_TRY_ASSIGN(s.named, number(tx, "SELECT COUNT(*) FROM message_ids WHERE message_id > $1", {from}));
  PH_TRY_ASSIGN(s.unread, number(tx, "SELECT COALESCE(SUM(unread), 0) FROM conversations", {}));
  PH_TRY_ASSIGN(s.parked, number(tx, "SELECT COUNT(*) FROM parked_events", {}));
  return s;
}

Result<std::int64_t> last_message(Transaction& tx) {
  return number(tx, "SELECT COALESCE(MAX(id), 0) FROM messages", {});
}

Result<> check(const Stored& before, const Stored& after, std::int64_t messages) {
  const bool right = after.messages == messages && after.different == messages && after.named == messages &&
                     after.unread - before.unread == messages && after.parked == before.parked;
  if (right) return {};
  return fail(ErrorCode::internal,
              fmt::format("{} messages were sent, but {} rows, {} ids, {} indexed, {} unread, {} parked",
                          messages, after.messages, after.different, after.named,
                          after.unread - before.unread, after.parked - before.parked));
}

Task<Result<Stored>> stored_after(Services& services, std::int64_t from) {
  auto read = [from](Transaction& tx) { return read_stored(tx, from); };
  co_return co_await services.database->read(std::move(read));
}

// Ids are given out without gaps.
Task<Result<>> wait_until_stored(Product product, std::int64_t last) {
  const auto began = std::chrono::steady_clock::now();
  std::int64_t seen = 0;
  while (seconds_since(began) < kPatience) {
    auto read = [](Transaction& tx) { return last_message(tx); };
    PH_CO_TRY_ASSIGN(seen, co_await product.server->services().database->read(std::move(read)));
    if (seen >= last) co_return Result<>();
    co_await product.client->clock().sleep_for(std::chrono::milliseconds(2));
  }
  co_return fail(ErrorCode::internal,
                 fmt::format("message {} was expected, the last one stored is {}", last, seen));
}

}  // namespace

std::string phone_of(std::int64_t person) {
  return fmt::format("49151{:08}", 10'000'000 + person);
}
std::string bsuid_of(std::int64_t person) {
  return fmt::format("DE.{}", 1'300'000'000'000'000'000 + person * 7'919);
}
std::string name_of(std::int64_t person) {
  return fmt::format("Person {} Example", person);
}

std::vector<std::string> message_requests(const MessageLoad& load) {
  WebhookSigner sign;
  const std::int64_t now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  std::vector<std::string> requests;
  requests.reserve(static_cast<std::size_t>(load.messages + load.messages / kRepeatEvery + 1));
  for (std::int64_t i = 0; i < load.messages; ++i) {
    const std::int64_t person = (i * kPrime) % load.people * load.stride;
    const std::string body = fmt::format(
        R"({{"object":"whatsapp_business_account","entry":[{{"id":"{}","changes":[{{"value":{{"messaging_product":"whatsapp",)"
        R"("metadata":{{"display_phone_number":"15550783882","phone_number_id":"{}"}},"contacts":[{{"profile":{{"name":"{}"}},)"
        R"("wa_id":"{}","user_id":"{}"}}],"messages":[{{"from":"{}","from_user_id":"{}","id":"wamid.{}{:020}","timestamp":"{}",)"
        R"("type":"text","text":{{"body":"Hello, where is my order number {}? It should be here by now."}}}}]}},)"
        R"("field":"messages"}}]}}]}})",
        sandbox::kDefaultWaba, sandbox::kDefaultFastNumber, name_of(person), phone_of(person),
        bsuid_of(person), phone_of(person), bsuid_of(person), load.tag, i, now, i);
    requests.push_back(sign.request(body));
    if (i % kRepeatEvery == 0) requests.push_back(requests.back());
  }
  return requests;
}

Task<Result<>> ensure_number(Product product) {
  auto read = [](Transaction& tx) {
    return number(tx, "SELECT COUNT(*) FROM accounts WHERE sender_id = $1",
                  {std::string_view(sandbox::kDefaultFastNumber)});
  };
  PH_CO_TRY_ASSIGN(const std::int64_t there,
                   co_await product.server->services().database->read(std::move(read)));
  if (there > 0) co_return Result<>();
  json::object number;
  number["name"] = "number";
  number["business_id"] = sandbox::kDefaultWaba;
  number["phone_number_id"] = sandbox::kDefaultFastNumber;
  number["token"] = sandbox::kDefaultToken;
  PH_CO_TRY(co_await product.client->call("add_channel", std::move(number)));
  co_return Result<>();
}

Task<Result<Measured>> send_messages(Product product, const std::vector<std::string>& requests,
                                     double per_second, std::int64_t messages, double* seconds) {
  Services& services = product.server->services();
  auto last = [](Transaction& tx) { return last_message(tx); };
  PH_CO_TRY_ASSIGN(const std::int64_t from, co_await services.database->read(std::move(last)));
  PH_CO_TRY_ASSIGN(const Stored before, co_await stored_after(services, from));
  const auto began = std::chrono::steady_clock::now();
  Generator generator(requests, endpoint_of(product.server->url()), per_second);
  while (!generator.done()) co_await product.client->clock().sleep_for(std::chrono::milliseconds(2));
  const auto acknowledged = std::chrono::steady_clock::now();
  PH_CO_TRY(co_await wait_until_stored(product, from + messages));
  const double lag = seconds_since(acknowledged);
  if (seconds != nullptr) *seconds = seconds_since(began);
  Measured out = summarise(generator);
  out.lag_ms = lag * 1e3;
  PH_CO_TRY_ASSIGN(const Stored after, co_await stored_after(services, from));
  PH_CO_TRY(check(before, after, messages));
  co_return out;
}

}  // namespace posthorn::bench
