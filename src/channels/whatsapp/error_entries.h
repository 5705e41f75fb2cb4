// The rows of the error table, sorted by code; general rows (subcode 0) before special ones of the same code.
#pragma once
#include <span>

#include "channels/whatsapp/error_table.h"

namespace posthorn::whatsapp {

std::span<const ErrorInfo> error_entries();

}  // namespace posthorn::whatsapp
