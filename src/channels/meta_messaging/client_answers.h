// Meta's answers → values. Apart from the client so that they can be read and tested without a network.
#pragma once
#include <string>
#include <vector>

#include "channels/meta_messaging/client.h"

namespace posthorn::meta_messaging {

std::vector<json::object> data_of(const json::object& answer);  // data[]
std::string next_cursor(const json::object& answer);            // empty on the last page

Profile read_profile(json::object answer);
Identity read_identity(const MetaClientConfig& config, json::object answer);
Subscription read_subscription(const json::object& entry);
ConversationHead read_conversation(const json::object& entry);
std::vector<MessageHead> read_message_heads(const json::object& answer);
RemoteMessage read_remote_message(json::object answer);

}  // namespace posthorn::meta_messaging
