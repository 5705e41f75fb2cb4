// Amazon beside the simulated Meta, on the same listener: SNS, SQS, STS, End User Messaging Social and S3
// told apart by what a call looks like, each with its signature verified; and the controls under
// /sandbox/aws.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "platform/http_client.h"
#include "sandbox/answer.h"
#include "sandbox/aws_bucket.h"
#include "sandbox/aws_query.h"
#include "sandbox/aws_queue.h"
#include "sandbox/aws_signature_check.h"
#include "sandbox/aws_social.h"
#include "sandbox/aws_tokens.h"
#include "sandbox/aws_topics.h"
#include "sandbox/send_route.h"
#include "sandbox/webhooks.h"
#include "sandbox/world.h"

namespace posthorn::sandbox {

class AwsCloud {
 public:
  // From now on `webhooks` shows it every update: those of numbers with `via` "aws" or "both" go to the first
  // topic.
  AwsCloud(World& world, SendRoute& sending, Webhooks& webhooks, HttpClient& http, Executor executor);

  void start() { topics_->start(); }
  void stop();  // after this neither ports nor configuration are touched any more
  void reset();
  bool idle() const { return topics_->waiting() == 0; }

  // Is this a call for Amazon rather than for Meta?
  bool claims(const HttpRequest& request) const;
  // The request with its body. The caller keeps the object alive.
  Task<Answer> handle(HttpRequest request);
  // `path`: segments behind /sandbox/aws. Errors are {"error":{"message","field"}}.
  HttpResponse control(const std::string& method, const std::vector<std::string>& path,
                       const std::string& body);

  AwsTopics& topics() { return *topics_; }
  AwsQueue& queue() { return *queue_; }
  AwsQueue& dead_queue() { return *dead_; }
  AwsTokens& tokens() { return tokens_; }
  AwsBucket& bucket() { return bucket_; }
  // An entry of a WhatsApp webhook as an event on the first topic; the MessageId.
  Result<std::string> publish_entry(std::string_view entry, SnsForm form = SnsForm::genuine,
                                    SnsAudience audience = SnsAudience::all);

 private:
  enum class Service { sns, sqs, social, s3, sts };
  using Reply = Result<std::string>;
  struct Route {
    std::string_view method, path;
    Reply (AwsCloud::*handler)(const boost::json::value&);
  };
  static const std::vector<Route>& routes();

  bool divert(const Update& update);
  std::string via_of(const Update& update) const;
  AwsVerdict verify(const HttpRequest& request, Service service) const;
  HttpResponse refuse(Service service, const AwsRefusal& refusal);
  Task<Answer> queue_call(HttpRequest request);
  std::shared_ptr<AwsQueue> queue_at(std::string_view url) const;  // nullptr: none
  HttpResponse queue_url(const boost::json::value& body) const;
  HttpResponse list_queues() const;
  Service service_of(const HttpRequest& request) const;
  HttpResponse topic_call(const HttpRequest& request);
  // The elements inside …Result.
  Reply sns_confirm(const AwsForm& form);
  Reply sns_subscribe(const AwsForm& form);
  Reply sns_unsubscribe(const AwsForm& form);
  Reply sns_publish(const AwsForm& form);
  Reply sns_subscriptions(const AwsForm& form);
  Reply sns_topics(const AwsForm& form);
  Reply sns_topic_attributes(const AwsForm& form);
  Reply sns_set_topic_attributes(const AwsForm& form);
  HttpResponse link(const HttpRequest& request);
  HttpResponse certificate(const HttpRequest& request);

  Reply show(const boost::json::value&);
  Reply stats(const boost::json::value&);
  Reply subscribe(const boost::json::value& body);
  Reply unsubscribe(const boost::json::value& body);
  Reply publish(const boost::json::value& body);
  Reply set_chaos(const boost::json::value& body);
  Reply clear_chaos(const boost::json::value&);
  Reply set_via(const boost::json::value& body);
  Reply configure(const boost::json::value& body);
  Reply forget(const boost::json::value&);

  World& world_;
  std::shared_ptr<AwsQueue> queue_, dead_;
  std::shared_ptr<AwsTopics> topics_;
  AwsBucket bucket_;
  AwsSocial social_;
  AwsTokens tokens_;
  std::array<std::uint64_t, kAwsRefusals> refused_{};  // by AwsRefusal::Kind
  bool stopped_ = false;
};

}  // namespace posthorn::sandbox
