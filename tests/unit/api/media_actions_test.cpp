// Our files at WhatsApp: brought there once, checked before, deleted on request.
#include <gmock/gmock.h>

#include "actions/account_runtime.h"
#include "messaging/upload_once.h"
#include "platform/http_client.h"
#include "platform/http_server.h"
#include "unit/api/api_house.h"

namespace posthorn::api_testing {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const std::string kPng = "\x89PNG\r\n\x1a\n" + std::string(100, 'p');

// Takes files and deletes them.
struct Meta {
  explicit Meta(simulated::World& world) : process(world, "graph") {
    server = std::make_unique<HttpServer>(*process.network().listen("0.0.0.0", 80), process.clock(),
                                          process.executor(), [this](HttpExchange& x) { return answer(x); });
    server->start();
  }
  Task<> answer(HttpExchange& x) {
    HttpResponse response;
    response.headers.set("Content-Type", "application/json");
    if (x.request().method == "DELETE") {
      ++deleted;
      response.body = R"({"success":true})";
      if (gone) {
        response.status = 400;
        response.body =
            R"({"error":{"message":"gone","type":"GraphMethodException","code":100,"error_subcode":33}})";
      }
    } else {
      const auto body = co_await x.read_body(1'000'000);
      if (body) last = *body;
      response.body = R"({"id":")" + std::to_string(900 + ++uploaded) + R"("})";
    }
    (void)co_await x.respond(std::move(response));
  }
  simulated::Process process;
  std::unique_ptr<HttpServer> server;
  std::string last;
  int uploaded = 0, deleted = 0;
  bool gone = false;
};

class OneNumber final : public AccountRuntime {
 public:
  OneNumber(HttpClient& http, Clock& clock) {
    whatsapp::GraphConfig config;
    config.base_url = "http://graph";
    client_ = *whatsapp::GraphClient::create(http, clock, config, Secret("TOKEN"));
  }
  Result<whatsapp::GraphClient*> graph(const Account& account) override {
    if (account.channel != "whatsapp") return fail(ErrorCode::conflict, "not a WhatsApp number", "account");
    return client_.get();
  }
  Result<meta_messaging::MetaClient*> meta(const Account&) override { return none(); }
  Result<std::unique_ptr<meta_messaging::MetaClient>> meta_with(const Account&, Secret) override {
    return none();
  }
  Result<std::unique_ptr<whatsapp::GraphClient>> graph_with(Secret) override { return none(); }
  Task<Result<>> refresh(AccountId) override { co_return Result<>(); }
  void wake(AccountId) override {}
  std::optional<RateView> rate(AccountId) const override { return std::nullopt; }

 private:
  static std::unexpected<Error> none() { return fail(ErrorCode::unavailable, "nobody is there"); }
  std::unique_ptr<whatsapp::GraphClient> client_;
};

class MediaActions : public ApiHouse {
 protected:
  MediaActions() {
    auto fill = [now = process.clock().wall_now()](Transaction& tx) -> Result<> {
      PH_TRY(accounts::add(
          tx,
          {.channel = "whatsapp", .name = "shop", .business_id = "b", .sender_id = "11", .sealed_token = "t"},
          now));
      PH_TRY(accounts::add(tx,
                           {.channel = "instagram",
                            .name = "insta",
                            .business_id = "b",
                            .sender_id = "12",
                            .sealed_token = "t"},
                           now));
      return {};
    };
    EXPECT_TRUE(run(database->write(fill)));
    services.accounts = &runtime;
    services.upload_once = &once;
    admin = new_key(Role::admin);
  }
  // The upload's id.
  std::string file(const std::string& name, const std::string& bytes) {
    const auto stored = run(blobs->put(bytes));
    auto add = [=, key = stored->key,
                now = process.clock().wall_now()](Transaction& tx) -> Result<std::int64_t> {
      PH_TRY(tx.execute(
          "INSERT INTO uploads (file_name, blob, size, created_by, created_at) VALUES ($1, $2, $3, "
          "'t', $4)",
          {name, key, static_cast<std::int64_t>(bytes.size()), now}));
      PH_TRY_ASSIGN(auto rows, tx.query("SELECT MAX(id) FROM uploads"));
      PH_TRY(rows.next());
      return rows.integer(0);
    };
    return std::to_string(run(database->write(std::move(add))).value());
  }
  json::value ask(const std::string& action, const std::string& body) {
    return call(admin, action, body).answer();
  }
  std::string text(const json::value& answer, std::string_view member) {
    return std::string(JsonView(answer)[member].string_or(""));
  }

  Meta meta{world};
  HttpClient http{process.network(), process.clock(), process.executor()};
  OneNumber runtime{http, process.clock()};
  UploadOnce once{*database, process.clock(), null_log(), process.executor()};
  std::string admin;
};

TEST_F(MediaActions, AFileGoesUpOnce) {
  const std::string id = file("logo.png", kPng);
  const auto first = ask("upload_media", R"({"account":"shop","upload_id":)" + id + "}");
  EXPECT_EQ(text(first, "media_id"), "901");
  EXPECT_EQ(text(first, "mime_type"), "image/png");
  EXPECT_FALSE(JsonView(first)["already_there"].boolean_or(true));
  EXPECT_THAT(meta.last, HasSubstr(kPng));
  const auto again =
      ask("upload_media", R"({"account":"shop","upload_id":)" + file("other name.png", kPng) + "}");
  EXPECT_EQ(text(again, "media_id"), "901");
  EXPECT_TRUE(JsonView(again)["already_there"].boolean_or(false));
  EXPECT_EQ(meta.uploaded, 1);
}

TEST_F(MediaActions, ADeletedFileGoesUpAgain) {
  const std::string body = R"({"account":"shop","upload_id":)" + file("logo.png", kPng) + "}";
  (void)ask("upload_media", body);
  const auto deleted = ask("delete_media", R"({"account":"shop","media_id":"901"})");
  EXPECT_TRUE(JsonView(deleted)["was_there"].boolean_or(false));
  EXPECT_EQ(meta.deleted, 1);
  EXPECT_EQ(text(ask("upload_media", body), "media_id"), "902");
  meta.gone = true;
  const auto gone = ask("delete_media", R"({"account":"shop","media_id":"902"})");
  EXPECT_FALSE(JsonView(gone)["was_there"].boolean_or(true)) << "Meta had dropped it itself";
  EXPECT_EQ(text(ask("upload_media", body), "media_id"), "903");
}

TEST_F(MediaActions, WhatWhatsAppDoesNotTakeStaysHere) {
  struct Case {
    std::string body, code, field;
  };
  const std::string page = file("photo.png", "<html><script>alert(1)</script>");
  const std::string unknown = file("data.bin", std::string("\0\1\2\3", 4));
  const std::string large = file("large.png", kPng + std::string(6 << 20, 'p'));
  const std::string fine = file("logo.png", kPng);
  const Case cases[] = {
      {R"({"account":"shop"})", "invalid_argument", "upload_id"},
      {R"({"account":"shop","upload_id":99})", "not_found", "upload_id"},
      {R"({"account":"shop","id":99})", "not_found", "id"},
      {R"({"account":"shop","upload_id":)" + page + "}", "invalid_argument", "upload_id"},
      {R"({"account":"shop","upload_id":)" + unknown + "}", "invalid_argument", "upload_id"},
      {R"({"account":"shop","upload_id":)" + large + "}", "too_large", "upload_id"},
      {R"({"account":"insta","upload_id":)" + fine + "}", "conflict", "account"},
  };
  for (const Case& c : cases) {
    auto exchange = call(admin, "upload_media", c.body);
    EXPECT_EQ(exchange.error_code(), c.code) << c.body;
    EXPECT_EQ(exchange.error_field(), c.field) << c.body;
  }
  EXPECT_EQ(meta.uploaded, 0);
}

TEST_F(MediaActions, OfficeDocumentsAreToldByTheirNames) {
  const std::string zip = std::string("PK\x03\x04", 4) + std::string(100, 'z');
  const auto answer =
      ask("upload_media", R"({"account":"shop","upload_id":)" + file("Prices.XLSX", zip) + "}");
  EXPECT_EQ(text(answer, "mime_type"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
  EXPECT_EQ(text(answer, "media_id"), "901");
}

}  // namespace
}  // namespace posthorn::api_testing
