// Which secrets prove that a webhook comes from Meta.
#pragma once
#include <vector>

#include "core/secret.h"
#include "platform/config.h"

namespace posthorn::meta_messaging {

// Every configured one. Which of the two app secrets signs events of an Instagram login is told differently
// by Meta's pages and by what integrations meet, so a signature by any of them counts.
inline std::vector<Secret> webhook_secrets(const Config& config) {
  std::vector<Secret> out;
  for (const Secret* secret :
       {&config.whatsapp.app_secret, &config.whatsapp.app_secret_previous, &config.instagram.app_secret,
        &config.instagram.app_secret_previous, &config.messenger.app_secret}) {
    if (!secret->empty()) out.push_back(*secret);
  }
  return out;
}

}  // namespace posthorn::meta_messaging
