// The sandbox's Amazon, called with the product's signer and posting to a business over the simulated
// network.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "platform/aws_signature.h"
#include "sandbox/aws_cloud.h"
#include "sandbox_fixture.h"

namespace posthorn::sandbox {

struct SnsPost {
  js::object body;
  std::string type, subscription;
};

class AwsTest : public SandboxTest {
 protected:
  static constexpr const char* kEndpoint = "http://shop:8080/webhooks/aws/sns";
  std::vector<SnsPost> posts;
  std::vector<int> answers;  // to the next posts; then 200
  AwsConfig aws;

  HttpRequest request(std::string method, std::string target, std::string body = {},
                      const std::map<std::string, std::string>& headers = {}) {
    HttpRequest out;
    out.method = std::move(method);
    out.target = std::move(target);
    out.body = std::move(body);
    out.headers.set("Host", "meta.test");
    for (const auto& [name, value] : headers) out.headers.set(name, value);
    return out;
  }
  AwsCredentials keys() const {
    AwsCredentials out;
    out.access_key_id = aws.access_key_id;
    out.secret_access_key = aws.secret_access_key;
    return out;
  }
  Reply perform(HttpRequest r) {
    FakeExchange exchange(std::move(r));
    bool done = false;
    meta.spawn(serve(*sandbox, exchange, done));
    EXPECT_TRUE(world.run_until([&] { return done; }, std::chrono::hours(2)));
    Reply reply{exchange.answer.status, exchange.answer.body, {}, exchange.answer.headers, exchange.reset};
    js::error_code ec;
    reply.body = js::parse(reply.text, ec);
    return reply;
  }
  Reply perform(const std::string& service, HttpRequest r) {
    AwsSigner signer(aws.region, service);
    signer.sign(r, "meta.test", keys(), meta.clock().wall_now());
    return perform(std::move(r));
  }
  Reply sqs(const std::string& operation, js::object body) {
    if (!body.contains("QueueUrl"))
      body["QueueUrl"] = "https://sqs.eu-central-1.amazonaws.com" + aws.queue_path();
    return perform("sqs", request("POST", "/", js::serialize(body),
                                  {{"Content-Type", "application/x-amz-json-1.0"},
                                   {"X-Amz-Target", "AmazonSQS." + operation}}));
  }
  Reply sns(std::string form) {
    return perform("sns", request("POST", "/", std::move(form),
                                  {{"Content-Type", "application/x-www-form-urlencoded"}}));
  }
  Reply confirm(const std::string& token, const std::string& topic = {}) {
    return sns("Action=ConfirmSubscription&Version=2010-03-31&AuthenticateOnUnsubscribe=true&TopicArn=" +
               percent_encode(topic.empty() ? aws.topic_arn("whatsapp-events") : topic) + "&Token=" + token);
  }
  Reply social(std::string method, std::string target, std::string body = {}) {
    return perform("social-messaging", request(std::move(method), std::move(target), std::move(body),
                                               {{"Content-Type", "application/json"}}));
  }
  Reply control(std::string method, const std::string& path, const js::object& body = {}) {
    return call(std::move(method), "/sandbox/aws" + path, js::serialize(body), "");
  }
  js::value stats(std::string_view part) { return control("GET", "/stats").body.at(part); }

  // A business that takes SNS.
  void open_shop() {
    business = std::make_unique<HttpServer>(*shop.network().listen("0.0.0.0", 8080), shop.clock(),
                                            shop.executor(), [this](HttpExchange& x) { return take(x); });
    business->start();
  }
  Task<> take(HttpExchange& x) {
    auto body = co_await x.read_body(8 << 20);
    SnsPost post;
    post.body = js::parse(*body).as_object();
    post.type = std::string(x.request().headers.get("x-amz-sns-message-type"));
    post.subscription = std::string(x.request().headers.get("x-amz-sns-subscription-arn"));
    posts.push_back(std::move(post));
    HttpResponse response;
    if (!answers.empty()) {
      response.status = answers.front();
      answers.erase(answers.begin());
    }
    co_await x.respond(std::move(response));
  }
  void settle() {
    EXPECT_TRUE(world.run_until([&] { return sandbox->idle(); }, std::chrono::hours(1)));
  }
  // Subscribed and confirmed; `posts` is empty afterwards.
  void subscribe() {
    open_shop();
    ASSERT_EQ(control("POST", "/subscribe", {{"endpoint", kEndpoint}}).status, 200);
    settle();
    ASSERT_EQ(posts.size(), 1U);
    ASSERT_EQ(confirm(text(posts.front().body, "Token")).status, 200);
    posts.clear();
  }
  static std::string text(const js::object& object, std::string_view name) {
    const js::value* v = object.if_contains(name);
    return v == nullptr ? std::string() : std::string(v->as_string());
  }
};

}  // namespace posthorn::sandbox
