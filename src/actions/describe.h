// Documents made from the registry: for programs (OpenAPI, help) and for people (docs/actions.md).
#pragma once
#include <string>

#include "actions/registry.h"

namespace posthorn {

json::object describe_action(const Action& action);               // one entry of `help`
json::object parameters_schema(std::span<const Parameter> list);  // JSON Schema 2020-12
json::object openapi_document(const Registry& registry, std::string_view version);
std::string actions_markdown(const Registry& registry);

// Two spaces a level, one member a line: for documents that people read and version control compares.
std::string pretty_json(const json::value& value);

}  // namespace posthorn
