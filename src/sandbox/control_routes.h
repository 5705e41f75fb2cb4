// The sandbox's own API under /sandbox/: what the judge saw, and the strings to pull, over HTTP.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "core/result.h"
#include "platform/async.h"
#include "platform/http.h"
#include "sandbox/controls.h"
#include "sandbox/deliveries.h"
#include "sandbox/webhooks.h"
#include "sandbox/world.h"

namespace posthorn::sandbox {

class ControlRoutes {
 public:
  ControlRoutes(World& world, Controls& controls, Deliveries& deliveries, Webhooks& webhooks)
      : world_(world), controls_(controls), deliveries_(deliveries), webhooks_(webhooks) {}

  // `path`: segments behind /sandbox. Errors are {"error":{"message","field"}} with a 4xx status.
  Task<HttpResponse> handle(std::vector<std::string> path, const HttpRequest& request, std::string body);

 private:
  struct Call {
    std::vector<std::string> path;
    const HttpRequest& request;
    boost::json::value body;
  };
  using Reply = Result<std::string>;
  struct Route {
    std::string_view method, pattern;  // "*" in a pattern stands for any one segment
    Reply (ControlRoutes::*handler)(const Call&);
  };
  static const std::vector<Route>& routes();

  Reply dispatch(const Call& call);
  Task<Reply> set_callback(Call call);
  Reply health(const Call& call);
  Reply summary(const Call& call);
  Reply ledger_of_phone(const Call& call);
  Reply ledger_of_token(const Call& call);
  Reply pace(const Call& call);
  Reply reset(const Call& call);
  Reply show_chaos(const Call& call);
  Reply set_chaos(const Call& call);
  Reply clear_chaos(const Call& call);
  Reply configure(const Call& call);
  Reply phone_send(const Call& call);
  Reply phone_behaviour(const Call& call);
  Reply phone_preference(const Call& call);
  Reply put_template(const Call& call);
  Reply change_template(const Call& call);
  Reply change_number(const Call& call);
  Reply tokens(const Call& call);
  Reply account(const Call& call);
  Reply held(const Call& call);

  World& world_;
  Controls& controls_;
  Deliveries& deliveries_;
  Webhooks& webhooks_;
};

}  // namespace posthorn::sandbox
