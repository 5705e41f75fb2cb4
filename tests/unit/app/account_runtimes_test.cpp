// What runs for an account when its row changes under requests that are on their way.
#include "app/account_runtimes.h"

#include <gmock/gmock.h>

#include "channels/meta_messaging/client.h"
#include "messaging/single_sends.h"
#include "messaging/wamid_index.h"
#include "messaging/webhook_proof.h"
#include "platform/crypto.h"
#include "platform/http_client.h"
#include "platform/http_server.h"
#include "platform/metrics.h"
#include "platform/simulated/process.h"
#include "platform/simulated/world.h"
#include "storage/simulated_database.h"
#include "storage/simulated_disk.h"

namespace posthorn {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

// Takes one token only, and its time for the answer.
struct Graph {
  explicit Graph(simulated::World& world) : process(world, "graph") {
    server = std::make_unique<HttpServer>(*process.network().listen("0.0.0.0", 80), process.clock(),
                                          process.executor(), [this](HttpExchange& x) { return answer(x); });
    server->start();
  }
  Task<> answer(HttpExchange& x) {
    const auto authorization = std::string(x.request().headers.get("Authorization"));
    (void)co_await x.read_body(1 << 20);
    tokens.push_back(authorization);
    co_await process.clock().sleep_for(delay);
    HttpResponse response;
    response.body =
        R"({"messaging_product":"whatsapp","contacts":[{"input":"1","wa_id":"1"}],"messages":[{"id":"wamid.1"}]})";
    if (authorization != "Bearer " + good) {
      response.status = 401;
      response.body = R"({"error":{"message":"Session has expired","type":"OAuthException","code":190}})";
    }
    (void)co_await x.respond(std::move(response));
  }
  simulated::Process process;
  std::unique_ptr<HttpServer> server;
  std::string good = "new";
  std::vector<std::string> tokens;
  Duration delay = 2s;
};

class RuntimesTest : public testing::Test {
 protected:
  RuntimesTest() {
    simulated::DatabaseOptions options;
    options.post_after = [this](Duration delay, std::move_only_function<void()> action) {
      process.post_after(delay, std::move(action));
    };
    database = *simulated::open_database(disk, std::move(options));
    wamids = std::make_unique<WamidIndex>(*database, process.clock());
    http = std::make_unique<HttpClient>(process.network(), process.clock(), process.executor());
    const AccountRuntimesPorts ports{
        *database, *http,   process.clock(), process.random(), null_log(),        *metrics,
        box,       *wamids, proof,           observer,         process.executor()};
    MetaAccess access;
    access.graph.base_url = access.instagram_url = "http://graph";
    runtimes = std::make_unique<AccountRuntimes>(ports, std::move(access), Secret(std::string(32, 't')),
                                                 DispatcherOptions{});
  }
  ~RuntimesTest() override { process.crash(); }

  Account add(NewAccount fresh, const std::string& token) {
    fresh.sealed_token = accounts::seal_token(box, fresh.sender_id, Secret(token));
    Account out;
    change([&](Transaction& tx) -> Result<> {
      PH_TRY_ASSIGN(out, accounts::add(tx, fresh, WallTime{}));
      return {};
    });
    refresh(out.id);
    return out;
  }
  void change(std::function<Result<>(Transaction&)> work) {
    Result<> done = fail(ErrorCode::internal, "it did not end");
    process.spawn(write(std::move(work), done));
    world.run_for(10ms);
    ASSERT_TRUE(done) << done.error().message;
  }
  void refresh(AccountId id) {
    Result<> done = fail(ErrorCode::internal, "it did not end");
    process.spawn(refreshed(id, done));
    world.run_for(10ms);
    ASSERT_TRUE(done) << done.error().message;
  }
  void replace_token(const Account& account, const std::string& token) {
    const auto sealed = accounts::seal_token(box, account.sender_id, Secret(token));
    change([&](Transaction& tx) -> Result<> {
      PH_TRY(accounts::replace_token(tx, account.id, sealed, WallTime{}));
      return accounts::lift(tx, account.id, BlockKind::token, WallTime{});
    });
  }
  Account now(AccountId id) {
    Account out;
    change([&](Transaction& tx) -> Result<> {
      PH_TRY_ASSIGN(out, accounts::get(tx, id));
      return {};
    });
    return out;
  }
  Task<> write(std::function<Result<>(Transaction&)> work, Result<>& done) {
    done = co_await database->write(std::move(work));
  }
  Task<> refreshed(AccountId id, Result<>& done) { done = co_await runtimes->refresh(id); }

  void queue_message(AccountId account) {
    change([&](Transaction& tx) -> Result<> {
      SingleSend send;
      send.account = account;
      send.lane = Lane::api;
      send.phone = PhoneNumber::from_digits(491701234567);
      send.payload =
          R"({"messaging_product":"whatsapp","to":"491701234567","type":"text","text":{"body":"hi"}})";
      PH_TRY(enqueue_single_send(tx, send, process.clock().wall_now()));
      return {};
    });
    runtimes->wake(account);
  }
  std::string state_of_message() {
    std::string out;
    change([&](Transaction& tx) -> Result<> {
      PH_TRY_ASSIGN(const auto status, single_send_status(tx, 1));
      out = status ? status->submission : "";
      return {};
    });
    return out;
  }

  simulated::World world{5};
  simulated::Disk disk{5};
  Graph graph{world};
  simulated::Process process{world, "server"};
  SecretBox box{Secret(std::string(32, 'm')), process.random()};
  std::unique_ptr<Metrics> metrics = make_metrics();
  MessagingObserver observer;
  WebhookProof proof;
  std::unique_ptr<Database> database;
  std::unique_ptr<WamidIndex> wamids;
  std::unique_ptr<HttpClient> http;
  std::unique_ptr<AccountRuntimes> runtimes;
};

NewAccount shop() {
  NewAccount out;
  out.name = "shop";
  out.business_id = "waba";
  out.sender_id = "111";
  return out;
}

TEST_F(RuntimesTest, A401ForTheFormerTokenSaysNothingAboutTheNewOne) {
  const Account account = add(shop(), "old");
  queue_message(account.id);
  world.run_for(1s);
  ASSERT_THAT(graph.tokens, ElementsAre("Bearer old")) << "it is on its way";
  replace_token(account, "new");
  refresh(account.id);
  world.run_for(5s);
  EXPECT_FALSE(now(account.id).blocked()) << now(account.id).blocked_reason;
  world.run_for(30s);
  EXPECT_THAT(graph.tokens, ElementsAre("Bearer old", "Bearer new")) << "it went out again";
  EXPECT_EQ(state_of_message(), "accepted");
}

TEST_F(RuntimesTest, A401BetweenTheNewTokensCommitAndItsFirstUse) {
  const Account account = add(shop(), "old");
  queue_message(account.id);
  world.run_for(1s);
  replace_token(account, "new");
  world.run_for(5s);  // the answer comes, the runtime has not heard of the new token
  EXPECT_FALSE(now(account.id).blocked());
  refresh(account.id);
  world.run_for(30s);
  EXPECT_EQ(graph.tokens.back(), "Bearer new");
  EXPECT_EQ(state_of_message(), "accepted");
}

TEST_F(RuntimesTest, A401ForTheTokenInUseBlocks) {
  const Account account = add(shop(), "old");
  queue_message(account.id);
  world.run_for(10s);
  EXPECT_TRUE(now(account.id).blocked());
  EXPECT_EQ(graph.tokens.size(), 1U);
  replace_token(account, "new");
  refresh(account.id);
  world.run_for(30s);
  EXPECT_EQ(state_of_message(), "accepted");
}

TEST_F(RuntimesTest, AnotherLoginMakesAnotherClient) {
  NewAccount fresh = shop();
  fresh.channel = "instagram";
  const Account account = add(fresh, "new");
  ASSERT_EQ(runtimes->meta_client(account.id)->config().login, meta_messaging::Login::facebook);
  change([&](Transaction& tx) -> Result<> {
    PH_TRY(tx.execute("UPDATE accounts SET login = 'instagram'"));
    return {};
  });
  refresh(account.id);
  EXPECT_EQ(runtimes->meta_client(account.id)->config().login, meta_messaging::Login::instagram);
}

TEST_F(RuntimesTest, ANumberThatMovesToAwsLeavesTheGraph) {
  const Account account = add(shop(), "new");
  ASSERT_NE(runtimes->client(account.id), nullptr);
  const auto* same = runtimes->client(account.id);
  refresh(account.id);
  EXPECT_EQ(runtimes->client(account.id), same) << "nothing changed, nothing is rebuilt";
  change([&](Transaction& tx) -> Result<> {
    PH_TRY(tx.execute("UPDATE accounts SET transport = 'aws', transport_id = 'phone-number-id-1'"));
    return {};
  });
  refresh(account.id);
  EXPECT_EQ(runtimes->client(account.id), nullptr);
}

}  // namespace
}  // namespace posthorn
