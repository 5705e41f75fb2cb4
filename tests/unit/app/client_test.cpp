// The command line's HTTP side against a real server component in a simulated world.
#include "app/client.h"

#include <gmock/gmock.h>

#include "api/http_answers.h"
#include "platform/http_server.h"
#include "platform/simulated/process.h"
#include "platform/simulated/world.h"

namespace posthorn {
namespace {

using ::testing::HasSubstr;

class ClientTest : public testing::Test {
 protected:
  ClientTest() {
    server_ = std::make_unique<HttpServer>(*server_process_.network().listen("0.0.0.0", 80),
                                           server_process_.clock(), server_process_.executor(),
                                           [this](HttpExchange& exchange) { return answer(exchange); });
    server_->start();
  }
  ~ClientTest() override {
    client_process_.crash();
    server_process_.crash();
  }

  Task<> answer(HttpExchange& exchange) {
    authorization_ = std::string(exchange.request().headers.get("Authorization"));
    if (exchange.request().method == "POST") body_ = (co_await exchange.read_body(1 << 20)).value_or("?");
    if (refuse_) {
      auto response = error_response(*refuse_);
      (void)co_await exchange.respond(std::move(response));
      co_return;
    }
    if (pieces_ == 0) {
      auto response = json_response(200, json::object{{"ok", true}});
      (void)co_await exchange.respond(std::move(response));
      co_return;
    }
    auto head = plain_response(200, "", "text/csv");
    if (!co_await exchange.begin_stream(std::move(head))) co_return;
    const std::string piece(10'000, 'x');
    for (int i = 0; i < pieces_; ++i) {
      if (i == break_at_) {
        server_->stop();
        co_return;
      }
      if (!co_await exchange.write_chunk(piece)) co_return;
    }
  }

  template <class T>
  T run(Task<T> task) {
    std::optional<T> out;
    client_process_.spawn(keep(std::move(task), out));
    EXPECT_TRUE(world_.run_until([&out] { return out.has_value(); }, std::chrono::hours(1)));
    return std::move(*out);
  }
  template <class T>
  static Task<> keep(Task<T> task, std::optional<T>& out) {
    out.emplace(co_await std::move(task));
  }

  simulated::World world_{7};
  simulated::Process server_process_{world_, "server"};
  simulated::Process client_process_{world_, "client"};
  std::unique_ptr<HttpServer> server_;
  Client client_{client_process_.network(),
                 client_process_.clock(),
                 client_process_.executor(),
                 {"http://server:80", Secret("ph_key")}};
  std::string authorization_, body_;
  std::optional<Error> refuse_;
  int pieces_ = 0, break_at_ = -1;
};

TEST_F(ClientTest, CallsAnActionWithItsKey) {
  const auto answer = run(client_.call("get_broadcast", json::object{{"id", 7}}));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->at("ok"), json::value(true));
  EXPECT_EQ(authorization_, "Bearer ph_key");
  EXPECT_EQ(body_, R"({"id":7})");
}

TEST_F(ClientTest, GivesTheServersErrorsOn) {
  refuse_ = Error{ErrorCode::conflict, "the broadcast is running", "id"};
  const auto answer = run(client_.call("start_broadcast", json::object()));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::conflict);
  EXPECT_EQ(answer.error().message, "the broadcast is running");
  EXPECT_EQ(answer.error().field, "id");
}

TEST_F(ClientTest, DownloadsComeInPieces) {
  pieces_ = 500;
  std::size_t largest = 0, total = 0;
  Client::Sink sink = [&](std::string_view piece) -> Result<> {
    largest = std::max(largest, piece.size());
    total += piece.size();
    return {};
  };
  const auto bytes = run(client_.download("/api/broadcasts/7/report.csv", std::move(sink)));
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_EQ(*bytes, 5'000'000);
  EXPECT_EQ(total, 5'000'000U);
  EXPECT_LE(largest, 300'000U) << "a report is never whole in memory";
}

TEST_F(ClientTest, AnErrorAnswerIsNoDownload) {
  refuse_ = Error{ErrorCode::not_found, "there is no such broadcast", "id"};
  Client::Sink sink = [](std::string_view) -> Result<> { return fail(ErrorCode::internal, "called"); };
  const auto bytes = run(client_.download("/api/broadcasts/8/report.csv", std::move(sink)));
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, ErrorCode::not_found);
}

TEST_F(ClientTest, AFullDiskEndsTheDownload) {
  pieces_ = 500;
  int calls = 0;
  Client::Sink sink = [&calls](std::string_view) -> Result<> {
    ++calls;
    return fail(ErrorCode::internal, "report.csv cannot be written", "output");
  };
  const auto bytes = run(client_.download("/x.csv", std::move(sink)));
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().field, "output");
  EXPECT_EQ(calls, 1);
}

TEST_F(ClientTest, ABrokenDownloadIsAnError) {
  pieces_ = 500;
  break_at_ = 100;
  Client::Sink sink = [](std::string_view) -> Result<> { return {}; };
  const auto bytes = run(client_.download("/x.csv", std::move(sink)));
  ASSERT_FALSE(bytes) << "a part must not pass for the whole";
  EXPECT_EQ(bytes.error().code, ErrorCode::unavailable);
}

TEST_F(ClientTest, NobodyThereSaysHowToStart) {
  server_->stop();
  const auto answer = run(client_.call("ping", json::object()));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
  EXPECT_THAT(answer.error().message, HasSubstr("posthorn serve"));
}

TEST_F(ClientTest, FilesThatCannotBeSentAreNamed) {
  EXPECT_EQ(run(client_.upload("/no/such/file.csv")).error().code, ErrorCode::not_found);
  const auto folder = run(client_.upload(testing::TempDir()));
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error().message, HasSubstr("is a folder"));
}

TEST(ErrorFrom, AnswersThatAreNotOursBecomeInternal) {
  for (const char* body : {"", "<html>", "[]", "{}", R"({"error":7})", R"({"error":{"code":"strange"}})"}) {
    HttpResponse response;
    response.status = 502;
    response.body = body;
    EXPECT_EQ(error_from(response).code, ErrorCode::internal) << body;
    EXPECT_THAT(error_from(response).message, HasSubstr("502"));
  }
}

}  // namespace
}  // namespace posthorn
