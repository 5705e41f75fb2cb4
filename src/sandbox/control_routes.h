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
#include "sandbox/load.h"
#include "sandbox/messaging.h"
#include "sandbox/people.h"
#include "sandbox/webhooks.h"
#include "sandbox/world.h"

namespace posthorn::sandbox {

class ControlRoutes {
 public:
  struct Parts {
    World& world;
    Controls& controls;
    Deliveries& deliveries;
    Webhooks& webhooks;
    Messaging& messaging;
    People& people;
    Load& load;
  };
  explicit ControlRoutes(const Parts& parts)
      : world_(parts.world),
        controls_(parts.controls),
        deliveries_(parts.deliveries),
        webhooks_(parts.webhooks),
        messaging_(parts.messaging),
        people_(parts.people),
        load_(parts.load) {}

  bool idle() const;  // nothing is outstanding anywhere

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
  Reply set_media_chaos(const boost::json::value& given);
  Reply emit_event(const Call& call);
  Reply list_events(const Call& call);
  Reply begin_script(const Call& call);
  Reply show_scripts(const Call& call);
  Reply clear_scripts(const Call& call);
  Reply list_accounts(const Call& call);
  Reply change_account(const Call& call);
  Reply ledger_of_account(const Call& call);
  Reply user_send(const Call& call);
  Reply user_behaviour(const Call& call);
  Reply begin_load(const Call& call);
  Reply show_load(const Call& call);
  Reply stop_load(const Call& call);
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
  Messaging& messaging_;
  People& people_;
  Load& load_;
};

}  // namespace posthorn::sandbox
