// Templates between the store and the channel.
#pragma once
#include <string>

#include "channels/whatsapp/template.h"
#include "messaging/template_store.h"

namespace posthorn {

// The row as the channel understands it.
Result<whatsapp::Template> parse_stored(const StoredTemplate& stored);

// What Meta showed at `now`, as a row.
StoredTemplate as_stored(const whatsapp::Template& t, const std::string& business_id, WallTime now);

}  // namespace posthorn
