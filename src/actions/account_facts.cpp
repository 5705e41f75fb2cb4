#include "actions/account_facts.h"

namespace posthorn {

AccountUpdate facts_of(const whatsapp::PhoneNumberInfo& info) {
  AccountUpdate update;
  update.display_number = info.display_phone_number;
  update.verified_name = info.verified_name;
  update.status = info.status;
  update.quality = info.quality_rating;
  update.throughput = info.throughput();
  update.throughput_level = info.throughput_level;
  if (!info.messaging_tier.empty()) update.messaging_tier = info.messaging_tier;
  return update;
}

}  // namespace posthorn
