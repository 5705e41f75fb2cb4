// The parameters of send_template turned into a request body.
#pragma once
#include <string>

#include "actions/parameter.h"
#include "channels/whatsapp/template.h"
#include "channels/whatsapp/template_message.h"
#include "core/phone_number.h"

namespace posthorn {

// Slot values from `values` (slot name → value) and from the short forms body_params, header_text,
// header_media_id, header_media_link, header_document_filename and buttons. invalid_argument names the
// parameter.
Result<whatsapp::SlotValues> slot_values(const whatsapp::Template& message_template, const Params& params);

// The whole body without token. With `components` these are sent as they are.
Result<std::string> single_template_body(const whatsapp::Template& message_template, const Params& params,
                                         PhoneNumber to);

}  // namespace posthorn
