// What Meta accepts as a send on Instagram and Messenger (Send API references of both).
#pragma once
#include <string>

#include <boost/json/value.hpp>

#include "sandbox/graph_error.h"
#include "sandbox/messaging.h"

namespace posthorn::sandbox {

struct CheckedSend {
  std::string user, comment;  // one of them: recipient.id or recipient.comment_id
  std::string action;         // sender_action; empty for messages
  boost::json::value action_payload;
  std::string tag;
  boost::json::object message;  // without metadata
  std::string metadata;
  bool slow_media = false;  // counts against the limit for audio and video
};

Graph<CheckedSend> check_send(const boost::json::value& body, const MetaAccount& account,
                              const Messaging& messaging);

// Graph errors of these channels: no error_data, and the subcode matters.
std::string messaging_error_body(const GraphFailure& failure, std::uint64_t trace);
HttpResponse messaging_error(const GraphFailure& failure, std::uint64_t trace);

}  // namespace posthorn::sandbox
