// The rows of the error table.
#pragma once
#include <span>

#include "channels/meta_messaging/error_table.h"

namespace posthorn::meta_messaging {

std::span<const ErrorInfo> error_entries();

}  // namespace posthorn::meta_messaging
