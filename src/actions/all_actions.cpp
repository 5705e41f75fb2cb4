#include <algorithm>
#include <iterator>

#include "actions/registry.h"

namespace posthorn {

Registry make_registry() {
  std::vector<Action> all;
  for (auto* declare : {broadcast_actions,
                        upload_actions,
                        template_actions,
                        message_actions,
                        media_actions,
                        conversation_actions,
                        contact_actions,
                        channel_actions,
                        meta_account_actions,
                        suppression_actions,
                        notification_actions,
                        intake_actions,
                        key_actions,
                        webhook_endpoint_actions,
                        webhook_delivery_actions,
                        event_actions,
                        automation_actions,
                        menu_actions,
                        menu_sending_actions,
                        system_actions}) {
    auto some = declare();
    std::ranges::move(some, std::back_inserter(all));
  }
  return Registry(std::move(all));
}

}  // namespace posthorn
