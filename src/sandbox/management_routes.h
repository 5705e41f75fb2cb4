// The Graph API beside sending: numbers, account, templates, media, webhook subscriptions, tokens.
#pragma once
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "sandbox/answer.h"
#include "sandbox/controls.h"
#include "sandbox/webhooks.h"
#include "sandbox/world.h"

namespace posthorn::sandbox {

class ManagementRoutes {
 public:
  ManagementRoutes(World& world, Controls& controls, Webhooks& webhooks)
      : world_(world), controls_(controls), webhooks_(webhooks) {}

  // `path`: segments behind the version. The token has been checked.
  Task<HttpResponse> handle(std::vector<std::string> path, const HttpRequest& request, std::string body);

 private:
  enum class Node { number, account, app, message_template, media, upload, token, me, none };
  struct Call {
    std::vector<std::string> path;
    const HttpRequest& request;
    std::string body;
    // A parameter of the query, of a form body or of a JSON body.
    std::string parameter(std::string_view name) const;
  };
  using Reply = Graph<std::string>;
  struct Route {
    Node node;
    std::string_view method, edge;
    Reply (ManagementRoutes::*handler)(const Call&);
    bool counted;  // against the hourly limit of management calls
  };
  static const std::vector<Route>& routes();

  Node node_of(const std::string& id) const;
  Reply dispatch(const Call& call);

  Reply get_number(const Call& call);
  Reply post_number(const Call& call);
  Reply get_profile(const Call& call);
  Reply list_numbers(const Call& call);
  Reply get_account(const Call& call);
  Reply list_templates(const Call& call);
  Reply create_template(const Call& call);
  Reply delete_template(const Call& call);
  Reply get_template(const Call& call);
  Reply edit_template(const Call& call);
  Reply list_subscribed_apps(const Call& call);
  Reply unsubscribe_app(const Call& call);
  Reply list_subscriptions(const Call& call);
  Reply debug_token(const Call& call);
  Reply permissions(const Call& call);
  Reply upload_media(const Call& call);
  Reply get_media(const Call& call);
  Reply delete_media(const Call& call);
  Reply begin_upload(const Call& call);
  Reply finish_upload(const Call& call);
  Task<HttpResponse> subscribe(Call call);

  boost::json::object number_fields(const Number& number) const;
  boost::json::object template_fields(const Template& t) const;

  World& world_;
  Controls& controls_;
  Webhooks& webhooks_;
  std::deque<MonotonicTime> creations_;
};

}  // namespace posthorn::sandbox
