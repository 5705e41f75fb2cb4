// What Meta tells of a WhatsApp number, as our row of it takes it.
#pragma once
#include "channels/whatsapp/graph_client.h"
#include "messaging/accounts.h"

namespace posthorn {

AccountUpdate facts_of(const whatsapp::PhoneNumberInfo& info);

}  // namespace posthorn
