// From a template and a person's mapping to the message that each row becomes.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "broadcasts/mapping.h"
#include "broadcasts/recipient_list.h"
#include "channels/whatsapp/template.h"
#include "channels/whatsapp/template_message.h"
#include "core/ids.h"
#include "core/json.h"
#include "core/result.h"

namespace posthorn {

// A mapping as people write it (mapping.h), with two more members per slot than the column mapping knows:
//   "type": "currency" | "date_time"   how a body variable is sent
//   "upload": 12                       header media from an uploaded file; becomes a media id at pre-flight
struct MessagePlan {
  std::vector<MappingSlot> slots;  // to be filled: all required ones, and the optional ones that are mapped
  json::object mapping;  // without the extra members; slots fed by an upload are absent until resolved
  std::map<std::string, whatsapp::SlotType, std::less<>> types;
  std::map<std::string, UploadId, std::less<>> uploads;  // slot → uploaded file
};

// invalid_argument with field "mapping.<slot>" for a wrong type or upload.
Result<MessagePlan> plan_message(const whatsapp::Template& message_template, const json::object& mapping);

// The slots of a template as the column mapping wants them; all of them, for proposals.
std::vector<MappingSlot> mapping_slots(const whatsapp::Template& message_template);

// The message with the list's constants filled in; its variables are the list's other slots, in their order.
Result<whatsapp::CompiledTemplateMessage> compile_message(
    whatsapp::Template message_template, const std::vector<ListSlot>& slots,
    const std::map<std::string, whatsapp::SlotType, std::less<>>& types);

}  // namespace posthorn
