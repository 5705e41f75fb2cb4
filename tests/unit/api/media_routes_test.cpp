// What strangers sent, served: who may have it, how much of it, and that a browser runs none of it.
#include "api/media_routes.h"

#include <gmock/gmock.h>

#include "messaging/messages.h"
#include "unit/api/api_house.h"

namespace posthorn {
namespace {

using api_testing::ApiHouse;
using api_testing::FakeExchange;
using testing::HasSubstr;

const std::string kBytes = "0123456789";

class MediaRoutesTest : public ApiHouse {
 protected:
  MediaRoutesTest() {
    services.media_links = &links_;
    routes_.add_to(router_);
    key_ = new_key(Role::viewer);
    blob_ = run(blobs->put(kBytes))->key;
    EXPECT_TRUE(
        sql("INSERT INTO accounts (id, channel, name, business_id, sender_id, sealed_token, created_at, "
            "updated_at) "
            "VALUES (1, 'whatsapp', 'shop', '77', '106540', '', 0, 0)"));
    EXPECT_TRUE(sql("INSERT INTO conversations (id, account_id, person_id, created_at) VALUES (1, 1, 1, 0)"));
    auto store = [](Transaction& tx) {
      Message message;
      message.conversation = ConversationId{1};
      message.channel_id = "wamid.1";
      message.type = "image";
      return messages::insert(tx, message);
    };
    EXPECT_EQ(run(database->write(std::move(store))).value(), MessageId{1});
    add(7, "image", "image/jpeg", "photo.jpg", ".jpg");
  }
  Result<std::int64_t> sql(std::string text) {
    auto work = [text](Transaction& tx) { return tx.execute(text); };
    return run(database->write(std::move(work)));
  }
  void add(int id, std::string kind, std::string type, std::string name, std::string extension,
           int state = 1) {
    auto work = [=, blob = state == 1 ? blob_ : std::string()](Transaction& tx) {
      return tx.execute(
          "INSERT INTO attachments (id, message_id, position, account_id, kind, media_id, file_name, state, "
          "blob, "
          "size, mime_type, path, error) VALUES ($1, 1, 0, 1, $2, $3, $4, $5, $6, 10, $7, $8, 'because')",
          {id, kind, std::to_string(900 + id), name, state, blob, type, "mediaId=9" + extension});
    };
    const auto added = run(database->write(std::move(work)));
    EXPECT_TRUE(added) << added.error().message;
  }
  FakeExchange& open(FakeExchange& exchange) {
    bool done = false;
    process.spawn(answer(exchange, done));
    EXPECT_TRUE(world.run_until([&done] { return done; }, std::chrono::hours(1)));
    return exchange;
  }
  FakeExchange get(const std::string& target,
                   std::initializer_list<std::pair<const char*, std::string>> headers = {}) {
    FakeExchange exchange("GET", target);
    exchange.key(key_);
    for (const auto& [name, value] : headers) exchange.header(name, value);
    open(exchange);
    return exchange;
  }
  Task<> answer(FakeExchange& exchange, bool& done) {
    co_await router_.handle(exchange);
    done = true;
  }

  MediaLinks links_{Secret(std::string(32, 'k')), "https://posthorn.test"};
  MediaRoutes routes_{MediaRoutesPorts{*database, *blobs, *access, process.clock(), links_}};
  Router router_;
  std::string key_, blob_;
};

TEST_F(MediaRoutesTest, GivesTheBytesHarmless) {
  const auto exchange = get("/media/7");
  ASSERT_EQ(exchange.status(), 200);
  EXPECT_EQ(exchange.response->body, kBytes);
  const HttpHeaders& h = exchange.response->headers;
  EXPECT_EQ(h.get("Content-Type"), "image/jpeg");
  EXPECT_EQ(h.get("Content-Length"), "10");
  EXPECT_EQ(h.get("Content-Disposition"), "inline; filename=\"photo.jpg\"");
  EXPECT_EQ(h.get("Content-Security-Policy"), "sandbox; default-src 'none'");
  EXPECT_EQ(h.get("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(h.get("Cross-Origin-Resource-Policy"), "same-origin");
  EXPECT_EQ(h.get("ETag"), "\"" + blob_ + "\"");
}

TEST_F(MediaRoutesTest, OnlyHarmlessKindsAreShownInPlace) {
  add(8, "document", "text/html", "invoice\r\n.html", ".html");
  add(9, "document", "application/pdf", "../../Rechnung März.pdf", ".pdf");
  add(10, "document", "image/svg+xml", "", ".svg");
  EXPECT_EQ(get("/media/8").response->headers.get("Content-Disposition"),
            "attachment; filename=\"invoice.html\"");
  EXPECT_EQ(get("/media/9").response->headers.get("Content-Disposition"),
            "attachment; filename=\"Rechnung M_rz.pdf\"; filename*=UTF-8''Rechnung%20M%C3%A4rz.pdf");
  EXPECT_EQ(get("/media/10").response->headers.get("Content-Disposition"),
            "attachment; filename=\"document-10.svg\"");
  EXPECT_THAT(std::string(get("/media/7?download=1").response->headers.get("Content-Disposition")),
              testing::StartsWith("attachment;"));
}

TEST_F(MediaRoutesTest, NeedsAKeyOrASignedLink) {
  FakeExchange nobody("GET", "/media/7");
  EXPECT_EQ(open(nobody).status(), 401);
  EXPECT_EQ(nobody.response->body.find(kBytes), std::string::npos);
  const WallTime until = process.clock().wall_now() + std::chrono::hours(1);
  const std::string path = links_.path(AttachmentId{7}, until);
  FakeExchange linked("GET", path);
  EXPECT_EQ(open(linked).status(), 200);
  FakeExchange other("GET", "/media/8" + path.substr(8));
  EXPECT_EQ(open(other).status(), 403);
  FakeExchange longer("GET",
                      path.substr(0, path.find("until=") + 6) + "9" + path.substr(path.find("until=") + 6));
  EXPECT_EQ(open(longer).status(), 403);
  world.run_for(std::chrono::minutes(61));
  FakeExchange late("GET", path);
  EXPECT_EQ(open(late).status(), 403);
  EXPECT_THAT(late.response->body, HasSubstr("expired"));
}

TEST_F(MediaRoutesTest, SaysWhyThereIsNothing) {
  add(20, "image", "", "", "", 0);
  add(21, "image", "", "", "", 2);
  add(22, "image", "", "", "", 3);
  add(23, "image", "", "", "", 4);
  EXPECT_EQ(get("/media/20").status(), 503);
  for (const char* id : {"21", "22", "23", "999", "abc", "0", "-1", "99999999999999999999"})
    EXPECT_EQ(get(std::string("/media/") + id).status(), 404) << id;
  EXPECT_THAT(get("/media/21").response->body, HasSubstr("because"));
}

TEST_F(MediaRoutesTest, ABlobThatIsMissingIsAnErrorAndNotAnEmptyFile) {
  ASSERT_TRUE(run(blobs->remove(blob_)));
  EXPECT_EQ(get("/media/7").status(), 404);
}

struct Range {
  std::string header;
  int status;
  std::string body, content_range;
};
class Ranges : public MediaRoutesTest, public testing::WithParamInterface<Range> {};
TEST_P(Ranges, AreServed) {
  const auto exchange = get("/media/7", {{"Range", GetParam().header}});
  EXPECT_EQ(exchange.status(), GetParam().status);
  if (GetParam().status != 416) {
    EXPECT_EQ(exchange.response->body, GetParam().body);
    EXPECT_EQ(exchange.response->headers.get("Content-Length"), std::to_string(GetParam().body.size()));
  }
  EXPECT_EQ(exchange.response->headers.get("Content-Range"), GetParam().content_range);
}
INSTANTIATE_TEST_SUITE_P(
    Table, Ranges,
    testing::Values(Range{"bytes=0-3", 206, "0123", "bytes 0-3/10"},
                    Range{"bytes=4-", 206, "456789", "bytes 4-9/10"},
                    Range{"bytes=-2", 206, "89", "bytes 8-9/10"},
                    Range{"bytes=-20", 206, kBytes, "bytes 0-9/10"},
                    Range{"bytes=9-99", 206, "9", "bytes 9-9/10"}, Range{"bytes=10-", 416, "", "bytes */10"},
                    Range{"bytes=-0", 416, "", "bytes */10"}, Range{"bytes=5-4", 200, kBytes, ""},
                    Range{"bytes=0-1,3-4", 200, kBytes, ""}, Range{"lines=0-3", 200, kBytes, ""},
                    Range{"bytes=a-b", 200, kBytes, ""}, Range{"bytes=-", 200, kBytes, ""},
                    Range{"bytes=99999999999999999999-", 200, kBytes, ""}, Range{"bytes", 200, kBytes, ""}));

TEST_F(MediaRoutesTest, WhoHasItGetsNothingAgain) {
  const auto same = get("/media/7", {{"If-None-Match", "\"" + blob_ + "\""}});
  EXPECT_EQ(same.status(), 304);
  EXPECT_EQ(same.response->body, "");
  EXPECT_EQ(get("/media/7", {{"If-None-Match", "\"other\""}}).status(), 200);
  const auto changed = get("/media/7", {{"Range", "bytes=0-3"}, {"If-Range", "\"other\""}});
  EXPECT_EQ(changed.status(), 200);
  FakeExchange head("HEAD", "/media/7");
  head.key(key_);
  open(head);
  EXPECT_EQ(head.status(), 200);
  EXPECT_EQ(head.response->headers.get("Content-Length"), "10");
  EXPECT_EQ(head.chunks, 0);
}

TEST_F(MediaRoutesTest, ActionsTellAndLink) {
  const auto agent = new_key(Role::agent);
  auto exchange = call(agent, "get_media_url", R"({"messageId":"wamid.1","expirySeconds":60})");
  ASSERT_EQ(exchange.status(), 200) << exchange.response->body;
  const auto answer = exchange.answer();
  const std::string url(JsonView(answer)["url"].string_or(""));
  ASSERT_TRUE(url.starts_with("https://posthorn.test/media/7?")) << exchange.response->body;
  FakeExchange linked("GET", url.substr(21));
  EXPECT_EQ(open(linked).status(), 200);
  exchange = call(agent, "download_media",
                  R"({"metaWabaId":"77","mediaId":"907","filename":"../x","mimeType":"image/png"})");
  ASSERT_EQ(exchange.status(), 200) << exchange.response->body;
  EXPECT_THAT(exchange.response->body, HasSubstr(R"("file_name":"x.jpg")"));
  EXPECT_EQ(call(agent, "download_media", R"({"mediaId":"1"})").status(), 404);
  EXPECT_EQ(call(agent, "get_media_url", R"({"messageId":"wamid.1","position":3})").error_field(),
            "position");
  EXPECT_EQ(call(agent, "get_media_url", "{}").status(), 400);
  EXPECT_EQ(call(key_, "get_media_url", R"({"id":7})").status(), 403);
  EXPECT_EQ(call(agent, "retry_attachment", R"({"id":7})").status(), 503) << "no fetcher runs here";
}

TEST_F(MediaRoutesTest, ActionsKnowWhatWhatsAppTakes) {
  auto exchange = call(key_, "validate_media", R"({"mimeType":"image/jpeg","fileSizeBytes":1048576})");
  EXPECT_THAT(exchange.response->body, HasSubstr(R"("within_size_limit":true)"));
  exchange = call(key_, "validate_media", R"({"mimeType":"image/jpeg","fileSizeBytes":6000000})");
  EXPECT_THAT(exchange.response->body, HasSubstr(R"("within_size_limit":false)"));
  exchange = call(key_, "validate_media", R"({"mimeType":"image/svg+xml"})");
  EXPECT_THAT(exchange.response->body, HasSubstr(R"("supported":false)"));
  EXPECT_EQ(call(key_, "validate_media", "{}").error_field(), "mime_type");
  exchange = call(key_, "get_supported_formats", R"({"category":"sticker"})");
  EXPECT_THAT(exchange.response->body, HasSubstr(R"("total_formats":2)"));
  EXPECT_EQ(call(key_, "get_supported_formats", R"({"category":"hologram"})").status(), 400);
}

}  // namespace
}  // namespace posthorn
