#include "broadcasts/campaign_message.h"

#include <fmt/format.h>

namespace posthorn {
namespace {

MappingSlot to_mapping_slot(const whatsapp::Slot& slot) {
  MappingSlot out;
  out.name = slot.name;
  if (slot.max_length > 0) out.max_characters = slot.max_length;
  out.single_line = slot.type == whatsapp::SlotType::text;
  out.example = slot.example;
  out.hint = slot.label;
  return out;
}

std::string field_of(std::string_view slot) {
  return fmt::format("mapping.{}", slot);
}

// Takes "type" and "upload" out of one entry of the mapping into the plan. False: nothing is left to map.
Result<bool> take_extras(MessagePlan& plan, const std::string& slot, json::object& entry) {
  if (const json::value* type = entry.if_contains("type")) {
    const auto known = type->is_string() ? whatsapp::slot_type_from(type->get_string()) : std::nullopt;
    if (!known || (*known != whatsapp::SlotType::currency && *known != whatsapp::SlotType::date_time)) {
      return fail(ErrorCode::invalid_argument,
                  "type must be \"currency\" or \"date_time\"; leave it out for text", field_of(slot));
    }
    plan.types[slot] = *known;
    entry.erase("type");
  }
  if (const json::value* upload = entry.if_contains("upload")) {
    if (!upload->is_int64() || upload->get_int64() <= 0) {
      return fail(ErrorCode::invalid_argument, "upload must be the number of an uploaded file",
                  field_of(slot));
    }
    plan.uploads[slot] = UploadId{upload->get_int64()};
    return false;
  }
  return true;
}

}  // namespace

Result<MessagePlan> plan_message(const whatsapp::Template& message_template, const json::object& mapping) {
  MessagePlan plan;
  for (const auto& [slot, entry] : mapping) {
    json::value copy = entry;
    bool keep = true;
    if (copy.is_object()) {
      PH_TRY_ASSIGN(keep, take_extras(plan, std::string(slot), copy.get_object()));
    }
    if (keep) plan.mapping[slot] = std::move(copy);
  }
  for (const whatsapp::Slot& slot : whatsapp::variables(message_template)) {
    if (slot.required || mapping.contains(slot.name)) plan.slots.push_back(to_mapping_slot(slot));
  }
  return plan;
}

std::vector<MappingSlot> mapping_slots(const whatsapp::Template& message_template) {
  std::vector<MappingSlot> out;
  for (const whatsapp::Slot& slot : whatsapp::variables(message_template))
    out.push_back(to_mapping_slot(slot));
  return out;
}

Result<whatsapp::CompiledTemplateMessage> compile_message(
    whatsapp::Template message_template, const std::vector<ListSlot>& slots,
    const std::map<std::string, whatsapp::SlotType, std::less<>>& types) {
  whatsapp::CompileOptions options;
  options.types = types;
  for (const ListSlot& slot : slots) {
    if (slot.constant) {
      options.constants[slot.name] = slot.value;
    } else {
      options.variables.push_back(slot.name);
    }
  }
  auto compiled = whatsapp::CompiledTemplateMessage::compile(std::move(message_template), std::move(options));
  if (!compiled && !compiled.error().field.empty()) {
    return fail(compiled.error().code, compiled.error().message, field_of(compiled.error().field));
  }
  return compiled;
}

}  // namespace posthorn
