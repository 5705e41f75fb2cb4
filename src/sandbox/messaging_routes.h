// The Graph API of Instagram and Messenger: sends, profiles, conversations, subscriptions, tokens.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "sandbox/answer.h"
#include "sandbox/messaging.h"
#include "sandbox/messaging_check.h"

namespace posthorn::sandbox {

class MessagingRoutes {
 public:
  MessagingRoutes(World& world, Messaging& messaging) : world_(world), messaging_(messaging) {}

  // Whether a request concerns these channels: by its token, or by the account or edge it names first.
  bool owns(std::string_view path, std::string_view token) const;
  // `path`: segments behind the version.
  HttpResponse handle(const std::vector<std::string>& path, const HttpRequest& request,
                      const std::string& body, std::string_view token);
  static bool is_send(const std::vector<std::string>& path, const HttpRequest& request) {
    return path.size() == 2 && path[1] == "messages" && request.method == "POST";
  }

 private:
  using Reply = Graph<boost::json::value>;
  struct Call {
    const std::vector<std::string>& path;
    const HttpRequest& request;
    boost::json::value body;
    std::vector<std::size_t> accounts;  // that the token is for
    std::size_t account = 0;            // the one that is meant
  };
  Reply dispatch(Call& call, std::string_view token);
  Reply authorise(std::string_view token, std::vector<std::size_t>& accounts) const;
  Reply refresh(const HttpRequest& request);
  Reply send(Call& call);
  Reply act(Call& call, const CheckedSend& send, ScopedUser& user);
  Graph<ScopedUser*> recipient_of(Call& call, const CheckedSend& send);
  Graph<> check_window(const CheckedSend& send, const ScopedUser& user) const;
  Graph<> check_rate(MetaAccount& account, const CheckedSend& send);
  Reply node(Call& call);
  Reply edge(Call& call);
  Reply profile(const Call& call, ScopedUser& user);
  Reply subscriptions(Call& call);
  Reply conversations(Call& call);
  Reply conversation(const Call& call, const ScopedUser& user);
  Reply message(const MetaMessage& message);
  Reply attachment(Call& call);
  Reply messenger_profile(Call& call);

  World& world_;
  Messaging& messaging_;
};

}  // namespace posthorn::sandbox
