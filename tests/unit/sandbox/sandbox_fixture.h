// A sandbox in a simulated world, called without sockets; webhooks go over the simulated network to a
// business.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/http_client.h"
#include "platform/http_server.h"
#include "platform/simulated/process.h"
#include "platform/simulated/world.h"
#include "sandbox/sandbox.h"

namespace posthorn::sandbox {

namespace js = boost::json;

class FakeExchange final : public HttpExchange {
 public:
  explicit FakeExchange(HttpRequest request) : body_(std::move(request.body)), request_(std::move(request)) {
    request_.body.clear();
  }
  const HttpRequest& request() const override { return request_; }
  std::string peer_address() const override { return "192.0.2.1"; }
  Task<Result<std::string>> read_body(std::size_t limit) override {
    if (body_.size() > limit) co_return fail(ErrorCode::too_large, "too large");
    co_return std::move(body_);
  }
  Task<Result<std::size_t>> read_body_some(std::span<char>) override { co_return std::size_t{0}; }
  Task<Result<>> respond(HttpResponse response) override {
    answer = std::move(response);
    ++answers;
    co_return Result<>();
  }
  Task<Result<>> begin_stream(HttpResponse head) override {
    answer = std::move(head);
    ++answers;
    co_return Result<>();
  }
  Task<Result<>> write_chunk(std::string_view bytes) override {
    answer.body += bytes;
    if (answer.body.size() > kPatience) co_return fail(ErrorCode::unavailable, "the client has gone");
    co_return Result<>();
  }
  static constexpr std::size_t kPatience = 4 << 20;  // a client that reads no more
  void abort() override { reset = true; }

  HttpResponse answer;
  int answers = 0;
  bool reset = false;

 private:
  std::string body_;
  HttpRequest request_;
};

struct Reply {
  int status = 0;
  std::string text;
  js::value body;
  HttpHeaders headers;
  bool reset = false;
  int code() const {
    const js::value* error = body.is_object() ? body.get_object().if_contains("error") : nullptr;
    return error == nullptr ? 0 : static_cast<int>(error->at("code").as_int64());
  }
  std::string details() const {
    return std::string(body.at("error").at("error_data").at("details").as_string());
  }
  std::string wamid() const { return std::string(body.at("messages").at(0).at("id").as_string()); }
};

struct ReceivedWebhook {
  std::string body, signature;
  MonotonicTime at;
};

inline SandboxConfig all_receive() {
  SandboxConfig config = default_config();
  config.phones.receive = 1;
  config.phones.not_on_whatsapp = config.phones.not_chosen = config.phones.blocked = 0;
  config.phones.read = 1;
  config.phones.reply = config.phones.reply_stop = config.phones.opt_out = 0;
  return config;
}

class SandboxTest : public ::testing::Test {
 protected:
  simulated::World world{42};
  simulated::Process meta{world, "meta"};
  simulated::Process shop{world, "shop"};
  HttpClient client{meta.network(), meta.clock(), meta.executor()};
  std::unique_ptr<Sandbox> sandbox;
  std::unique_ptr<HttpServer> business;
  std::vector<ReceivedWebhook> webhooks;
  int answer_with = 200;
  int refuse_next = 0;  // so many POSTs get 503
  Duration answer_after{};

  void make(SandboxConfig config) {
    sandbox =
        std::make_unique<Sandbox>(std::move(config), meta.clock(), meta.random(), client, meta.executor());
    sandbox->start();
  }
  void SetUp() override { make(all_receive()); }
  void TearDown() override {
    sandbox->stop();
    if (business) business->stop();
    meta.crash();
    shop.crash();
  }

  void open_business() {
    business = std::make_unique<HttpServer>(*shop.network().listen("0.0.0.0", 8080), shop.clock(),
                                            shop.executor(), [this](HttpExchange& x) { return receive(x); });
    business->start();
    sandbox->set_callback("http://shop:8080/webhooks/whatsapp");
  }
  Task<> receive(HttpExchange& x) {
    HttpResponse response;
    if (x.request().method == "GET") {
      const bool good = x.request().query("hub.verify_token") == "right";
      response.status = good ? 200 : 403;
      response.body = x.request().query("hub.challenge");
      co_await x.respond(std::move(response));
      co_return;
    }
    auto body = co_await x.read_body(4 << 20);
    ReceivedWebhook one{*body, std::string(x.request().headers.get("X-Hub-Signature-256")), world.now()};
    if (answer_after > Duration::zero()) co_await shop.clock().sleep_for(answer_after);
    response.status = refuse_next > 0 ? 503 : answer_with;
    if (refuse_next > 0)
      --refuse_next;
    else
      webhooks.push_back(std::move(one));
    co_await x.respond(std::move(response));
  }

  static Task<> serve(Sandbox& s, FakeExchange& exchange, bool& done) {
    co_await s.handle(exchange);
    done = true;
  }
  Reply call(std::string method, std::string target, std::string body = {},
             std::string token = std::string(kDefaultToken), std::string content_type = "application/json") {
    HttpRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    request.headers.set("Host", "meta.test");
    request.headers.set("Content-Type", std::move(content_type));
    if (!token.empty()) request.headers.set("Authorization", "Bearer " + token);
    FakeExchange exchange(std::move(request));
    bool done = false;
    meta.spawn(serve(*sandbox, exchange, done));
    EXPECT_TRUE(world.run_until([&] { return done; }, std::chrono::hours(2)));
    EXPECT_EQ(exchange.answers + (exchange.reset ? 1 : 0), 1);
    Reply reply{exchange.answer.status, exchange.answer.body, {}, exchange.answer.headers, exchange.reset};
    js::error_code ec;
    reply.body = js::parse(reply.text, ec);
    return reply;
  }
  Reply send(std::string body, std::string_view number = kDefaultNumber) {
    return call("POST", "/v25.0/" + std::string(number) + "/messages", std::move(body));
  }
  static std::string order_update(std::string_view to, std::string_view token = "t") {
    return R"({"messaging_product":"whatsapp","recipient_type":"individual","to":")" + std::string(to) +
           R"(","type":"template","biz_opaque_callback_data":")" + std::string(token) +
           R"(","template":{"name":"order_update","language":{"code":"en_US"},"components":[{"type":"body","parameters":[{"type":"text","text":"A-1001"}]}]}})";
  }
  // Every status of every webhook: "status token".
  std::vector<std::string> statuses() const {
    std::vector<std::string> out;
    for (const ReceivedWebhook& w : webhooks)
      for (const js::value& entry : js::parse(w.body).at("entry").as_array())
        for (const js::value& change : entry.at("changes").as_array())
          if (const js::value* list = change.at("value").as_object().if_contains("statuses"))
            for (const js::value& s : list->as_array()) {
              const js::value* token = s.as_object().if_contains("biz_opaque_callback_data");
              out.push_back(std::string(s.at("status").as_string()) + " " +
                            (token ? std::string(token->as_string()) : ""));
            }
    return out;
  }
  bool run_until_idle(Duration limit = std::chrono::hours(1)) {
    return world.run_until([&] { return sandbox->idle(); }, limit);
  }
};

}  // namespace posthorn::sandbox
