#include <algorithm>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "sandbox/aws_cloud.h"
#include "sandbox/json_values.h"

namespace posthorn::sandbox {
namespace {

namespace js = boost::json;

constexpr std::string_view kOk = R"({"ok":true})";
constexpr std::array<std::string_view, kAwsRefusals> kRefusals = {
    "missing", "incomplete", "unknown_key", "bad_token", "expired", "mismatch", "expired_token"};

HttpResponse control_error(const Error& error) {
  js::object inner{{"message", error.message}};
  if (!error.field.empty()) inner["field"] = error.field;
  return json_response(js::serialize(js::object{{"error", std::move(inner)}}),
                       error.code == ErrorCode::not_found ? 404 : 400);
}

js::object forms_json(const SnsStats& stats) {
  js::object out;
  for (std::size_t i = 0; i < kSnsForms; ++i) {
    const SnsFormStats& f = stats.forms.at(i);
    out[to_string(static_cast<SnsForm>(i))] = js::object{
        {"posted", f.posted}, {"accepted", f.accepted}, {"refused", f.refused}, {"unanswered", f.unanswered}};
  }
  return out;
}

js::object topics_json(const AwsTopics& topics) {
  const SnsStats& s = topics.stats();
  return {{"published", s.published},       {"acknowledged", s.acknowledged},
          {"retried", s.retried},           {"refused", s.refused},
          {"given_up", s.given_up},         {"confirmed", s.confirmed},
          {"waiting", topics.waiting()},    {"links_followed", s.links_followed},
          {"certificates", s.certificates}, {"forms", forms_json(s)}};
}

js::object queue_stats(const AwsQueue& queue) {
  const SqsStats& s = queue.stats();
  return {{"put", s.put},
          {"received", s.received},
          {"deleted", s.deleted},
          {"redelivered", s.redelivered},
          {"late_deletes", s.late_deletes},
          {"failed_deletes", s.failed_deletes},
          {"dead", s.dead},
          {"calls", s.calls},
          {"messages", queue.messages()},
          {"visible", queue.visible()}};
}

Result<SnsAudience> audience_of(std::string_view name) {
  if (name == "all") return SnsAudience::all;
  if (name == "http") return SnsAudience::http;
  if (name == "queue") return SnsAudience::queue;
  return fail(ErrorCode::invalid_argument, "\"to\" must be all, http or queue", "to");
}

// A share of `from` into `to`; what is not named stays.
Result<> share(const js::value& from, std::string_view name, double& to) {
  const double value = number_of(from, name, to);
  if (value < 0 || value > 1)
    return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" must be between 0 and 1", name),
                std::string(name));
  to = value;
  return {};
}

Result<> topic_chaos(SnsChaos& chaos, const js::value& body) {
  PH_TRY(share(body, "duplicate", chaos.duplicate));
  PH_TRY(share(body, "reorder", chaos.reorder));
  chaos.reorder_by = millis_of(body, "reorder_by_ms", chaos.reorder_by);
  for (std::size_t i = 1; i < kSnsForms; ++i) {
    PH_TRY(share(body, to_string(static_cast<SnsForm>(i)), chaos.hostile.at(i)));
  }
  return {};
}

Result<> queue_chaos(SqsChaos& chaos, const js::value& body) {
  PH_TRY(share(body, "duplicate", chaos.duplicate));
  PH_TRY(share(body, "delete_failure", chaos.delete_failure));
  PH_TRY(share(body, "receive_failure", chaos.receive_failure));
  PH_TRY(share(body, "lost_answer", chaos.lost_answer));
  return {};
}

}  // namespace

const std::vector<AwsCloud::Route>& AwsCloud::routes() {
  using C = AwsCloud;
  static const std::vector<Route> kRoutes = {
      {"GET", "", &C::show},
      {"GET", "stats", &C::stats},
      {"POST", "subscribe", &C::subscribe},
      {"POST", "unsubscribe", &C::unsubscribe},
      {"POST", "publish", &C::publish},
      {"POST", "chaos", &C::set_chaos},
      {"DELETE", "chaos", &C::clear_chaos},
      {"POST", "via", &C::set_via},
      {"POST", "config", &C::configure},
      {"POST", "reset", &C::forget},
  };
  return kRoutes;
}

HttpResponse AwsCloud::control(const std::string& method, const std::vector<std::string>& path,
                               const std::string& body) {
  topics_->set_base_url(world_.base_url());
  const std::string name = path.empty() ? std::string() : path.front();
  if (method == "GET" && name == "ca.pem") {
    HttpResponse response;
    response.headers.set("Content-Type", "application/x-pem-file");
    response.body = topics_->authority().ca_pem();
    return response;
  }
  js::error_code ec;
  const js::value parsed = body.empty() ? js::value() : js::parse(body, ec);
  if (ec) return control_error({ErrorCode::invalid_argument, "the body is not valid JSON: " + ec.message()});
  for (const Route& route : routes()) {
    if (route.method != method || route.path != name || path.size() > 1) continue;
    Reply reply = (this->*route.handler)(parsed);
    return reply ? json_response(*std::move(reply)) : control_error(reply.error());
  }
  return control_error({ErrorCode::not_found, "the sandbox has no " + method + " /sandbox/aws/" + name});
}

AwsCloud::Reply AwsCloud::show(const js::value&) {
  const AwsConfig& aws = world_.config.aws;
  js::array topics, numbers, subscriptions;
  for (const std::string& name : aws.topics) topics.emplace_back(aws.topic_arn(name));
  for (const Number& n : world_.numbers)
    numbers.push_back(js::object{{"number", n.config.id},
                                 {"id", aws_number_id(n.config.id)},
                                 {"arn", aws_number_arn(aws, n.config.id)},
                                 {"via", n.config.via}});
  for (const SnsSubscription& s : topics_->subscriptions())
    subscriptions.push_back(js::object{{"arn", s.arn},
                                       {"topic", s.topic_arn},
                                       {"protocol", s.protocol},
                                       {"endpoint", s.endpoint},
                                       {"confirmed", s.confirmed},
                                       {"guarded", s.guarded}});
  const std::string base = world_.base_url();
  return js::serialize(js::object{{"region", aws.region},
                                  {"access_key_id", aws.access_key_id},
                                  {"secret_access_key", aws.secret_access_key.reveal()},
                                  {"session_token", aws.session_token.reveal()},
                                  {"topics", std::move(topics)},
                                  {"queue_url", base + aws.queue_path()},
                                  {"queue_arn", aws.queue_arn()},
                                  {"dead_queue_url", base + aws.dead_queue_path()},
                                  {"dead_queue_arn", aws.dead_queue_arn()},
                                  {"role_arn", aws.role_arn()},
                                  {"external_id", aws.external_id},
                                  {"web_identity_token", aws.web_identity_token.reveal()},
                                  {"bucket", aws.bucket},
                                  {"certificate_url", base + topics_->authority().certificate_path()},
                                  {"numbers", std::move(numbers)},
                                  {"subscriptions", std::move(subscriptions)}});
}

AwsCloud::Reply AwsCloud::stats(const js::value&) {
  js::object refused;
  for (std::size_t i = 0; i < kRefusals.size(); ++i) refused[kRefusals.at(i)] = refused_.at(i);
  js::array keys;
  for (const auto& [key, object] : bucket_.objects()) keys.emplace_back(key);
  const EumStats& s = social_.stats();
  return js::serialize(
      js::object{{"sns", topics_json(*topics_)},
                 {"sqs", queue_stats(*queue_)},
                 {"dead_letters", queue_stats(*dead_)},
                 {"sts", js::object{{"roles", tokens_.stats().roles},
                                    {"web_identities", tokens_.stats().web_identities},
                                    {"refused", tokens_.stats().refused}}},
                 {"social", js::object{{"sends", s.sends}, {"media", s.media}, {"lists", s.lists}}},
                 {"bucket", std::move(keys)},
                 {"refused_signatures", std::move(refused)}});
}

// {"protocol":"https","endpoint":"http://…/webhooks/aws/sns","topic":"…"}, {"protocol":"sqs"}
AwsCloud::Reply AwsCloud::subscribe(const js::value& body) {
  const std::string topic = text_of(body, "topic", world_.config.aws.topics.front());
  PH_TRY_ASSIGN(const std::string arn,
                topics_->subscribe(topic, text_of(body, "protocol", "https"), text_of(body, "endpoint")));
  return js::serialize(js::object{{"arn", arn}});
}

AwsCloud::Reply AwsCloud::unsubscribe(const js::value& body) {
  PH_TRY(topics_->unsubscribe(text_of(body, "endpoint", world_.config.aws.queue_arn())));
  return std::string(kOk);
}

// {"entry":{…}} as an event, or {"message":"…"} as it is; "topic", "as" (a form), "to" (all, http, queue).
AwsCloud::Reply AwsCloud::publish(const js::value& body) {
  PH_TRY_ASSIGN(const SnsForm form, parse_sns_form(text_of(body, "as", "genuine")));
  PH_TRY_ASSIGN(const SnsAudience audience, audience_of(text_of(body, "to", "all")));
  const js::value* entry = member(body, "entry");
  const js::value* message = member(body, "message");
  std::string id;
  if (entry != nullptr) {
    const std::string text = entry->is_string() ? std::string(entry->get_string()) : meta_json(*entry);
    PH_TRY_ASSIGN(id, publish_entry(text, form, audience));
  } else if (message != nullptr && message->is_string()) {
    const std::string topic = text_of(body, "topic", world_.config.aws.topics.front());
    PH_TRY_ASSIGN(id, topics_->publish(topic, message->get_string(), form, audience));
  } else {
    return fail(ErrorCode::invalid_argument,
                "give \"entry\", one of a WhatsApp webhook, or \"message\", a text", "entry");
  }
  return js::serialize(js::object{{"message_id", id}});
}

// {"sns":{"duplicate","reorder","reorder_by_ms","forged",…},"sqs":{"duplicate","delete_failure",…}}
AwsCloud::Reply AwsCloud::set_chaos(const js::value& body) {
  SnsChaos sns = topics_->chaos;
  SqsChaos sqs = queue_->chaos;
  if (const js::value* part = member(body, "sns")) {
    PH_TRY(topic_chaos(sns, *part));
  }
  if (const js::value* part = member(body, "sqs")) {
    PH_TRY(queue_chaos(sqs, *part));
  }
  topics_->chaos = sns;
  queue_->chaos = sqs;
  return std::string(kOk);
}

AwsCloud::Reply AwsCloud::clear_chaos(const js::value&) {
  topics_->chaos = {};
  queue_->chaos = {};
  return std::string(kOk);
}

// {"number":"1065…","via":"meta"|"aws"|"both"}; without a number: all.
AwsCloud::Reply AwsCloud::set_via(const js::value& body) {
  const std::string via = text_of(body, "via"), id = text_of(body, "number");
  if (via != "meta" && via != "aws" && via != "both")
    return fail(ErrorCode::invalid_argument, "\"via\" must be meta, aws or both", "via");
  if (!id.empty() && world_.find_number(id) == nullptr)
    return fail(ErrorCode::not_found, "there is no phone number with id " + id, "number");
  for (Number& n : world_.numbers)
    if (id.empty() || n.config.id == id) n.config.via = via;
  return std::string(kOk);
}

// The members of "aws" in the configuration file.
AwsCloud::Reply AwsCloud::configure(const js::value& body) {
  PH_TRY(merge_config(world_.config, js::serialize(js::object{{"aws", body}})));
  return std::string(kOk);
}

AwsCloud::Reply AwsCloud::forget(const js::value&) {
  reset();
  return std::string(kOk);
}

}  // namespace posthorn::sandbox
