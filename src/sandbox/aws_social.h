// The sandbox's End User Messaging Social (API reference, version 2024-01-01): the business account and its
// numbers as linked, media copied into the bucket, and messages that go on to the simulated Meta.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "sandbox/answer.h"
#include "sandbox/aws_bucket.h"
#include "sandbox/send_route.h"
#include "sandbox/world.h"

namespace posthorn::sandbox {

struct EumStats {
  std::uint64_t sends = 0, media = 0, lists = 0;
};

class AwsSocial {
 public:
  AwsSocial(World& world, SendRoute& sending, AwsBucket& bucket)
      : world_(world), sending_(sending), bucket_(bucket) {}

  // A call whose signature was found good.
  Answer call(const HttpRequest& request);
  const EumStats& stats() const { return stats_; }
  void clear() { stats_ = {}; }

 private:
  Answer send(const boost::json::value& body);
  HttpResponse media(const boost::json::value& body);
  HttpResponse list();
  HttpResponse details(const HttpRequest& request);
  const Number* find(std::string_view id_or_arn) const;
  std::string account_members() const;

  World& world_;
  SendRoute& sending_;
  AwsBucket& bucket_;
  EumStats stats_;
};

// An error as the service writes it.
HttpResponse eum_error(int status, std::string_view code, std::string_view message);

}  // namespace posthorn::sandbox
