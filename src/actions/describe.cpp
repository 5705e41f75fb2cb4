#include "actions/describe.h"

#include <fmt/format.h>

#include "core/json_text.h"
#include "core/json_writer.h"

namespace posthorn {
namespace {

std::string_view effect_word(const Action& action) {
  return action.effect == Effect::mutates ? "changes data" : "reads";
}

json::object type_schema(ParameterType type) {
  switch (type) {
    case ParameterType::text:
      return {{"type", "string"}};
    case ParameterType::integer:
      return {{"type", "integer"}, {"format", "int64"}};
    case ParameterType::number:
      return {{"type", "number"}};
    case ParameterType::boolean:
      return {{"type", "boolean"}};
    case ParameterType::object:
      return {{"type", "object"}};
    case ParameterType::list:
      return {{"type", "array"}};
    case ParameterType::phone:
      return {{"type", "string"}, {"examples", {"+491701234567"}}};
    case ParameterType::time:
      return {{"type", "string"}, {"format", "date-time"}};
  }
  return {};
}

struct LimitNames {
  const char* min;
  const char* max;
};

LimitNames limit_names(ParameterType type) {
  switch (type) {
    case ParameterType::text:
      return {"minLength", "maxLength"};
    case ParameterType::list:
      return {"minItems", "maxItems"};
    default:
      return {"minimum", "maximum"};
  }
}

std::optional<std::int64_t> upper_limit(const Parameter& p) {
  if (p.max) return p.max;
  if (p.type == ParameterType::text && p.choices.empty()) return kMaxText;
  if (p.type == ParameterType::list) return kMaxListEntries;
  return std::nullopt;
}

json::object parameter_schema(const Parameter& p) {
  json::object schema = type_schema(p.type);
  schema["description"] = p.help;
  const auto names = limit_names(p.type);
  if (p.min) schema[names.min] = *p.min;
  if (const auto max = upper_limit(p)) schema[names.max] = *max;
  if (!p.choices.empty()) schema["enum"] = json::array(p.choices.begin(), p.choices.end());
  if (!p.fallback.is_null()) schema["default"] = p.fallback;
  if (p.secret) schema["writeOnly"] = true;
  return schema;
}

json::object json_content(json::object schema) {
  json::object media;
  media["schema"] = std::move(schema);
  json::object content;
  content["application/json"] = std::move(media);
  return content;
}

json::object answer(std::string_view description, json::object schema) {
  json::object out;
  out["description"] = description;
  out["content"] = json_content(std::move(schema));
  return out;
}

json::object reference(std::string_view target) {
  json::object out;
  out["$ref"] = target;
  return out;
}

json::object operation(const Action& action) {
  json::object body;
  auto content = json_content(parameters_schema(action.parameters));
  if (!action.example.empty()) content["application/json"].as_object()["example"] = action.example;
  body["content"] = std::move(content);
  json::object responses;
  json::object any;
  any["type"] = "object";
  responses["200"] = answer("The action's result.", std::move(any));
  responses["default"] = reference("#/components/responses/Error");
  json::object out;
  out["operationId"] = action.name;
  out["summary"] = action.summary;
  out["description"] = fmt::format("Needs the role `{}`; {}.", to_string(action.role), effect_word(action));
  out["tags"] = {action.category};
  if (action.effect == Effect::mutates && !action.secret_answer)
    out["parameters"] = json::array{reference("#/components/parameters/IdempotencyKey")};
  out["requestBody"] = std::move(body);
  out["responses"] = std::move(responses);
  return out;
}

// The parts every operation refers to. Written as text because it is read more often than it changes.
constexpr std::string_view kComponents = R"({
  "securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer", "description": "An API key: ph_…"}},
  "parameters": {"IdempotencyKey": {"name": "Idempotency-Key", "in": "header", "required": false,
    "description": "The same key with the same parameters gives the same answer and one effect, for 72 hours at least.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200}}},
  "schemas": {"Error": {"type": "object", "required": ["error"], "properties": {"error": {"type": "object",
    "required": ["code", "message"], "properties": {
      "code": {"type": "string", "description": "For programs: invalid_argument, unauthenticated, permission_denied, not_found, conflict, too_large, resource_exhausted, unavailable, deadline_exceeded, cancelled, data_loss, internal."},
      "message": {"type": "string", "description": "For people: what was wrong and what to do."},
      "field": {"type": "string", "description": "The parameter it is about."}}}}}},
  "responses": {"Error": {"description": "Nothing was done, for the reason given.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}}
})";

std::string limits_text(const Parameter& p) {
  std::string out;
  const auto add = [&out](const std::string& part) { out += (out.empty() ? "" : "; ") + part; };
  if (!p.choices.empty()) add(fmt::format("one of `{}`", fmt::join(p.choices, "`, `")));
  const auto unit = p.type == ParameterType::text   ? " bytes"
                    : p.type == ParameterType::list ? " entries"
                                                    : "";
  if (p.min && p.max) {
    add(fmt::format("{} to {}{}", *p.min, *p.max, unit));
  } else if (p.min) {
    add(fmt::format("at least {}{}", *p.min, unit));
  } else if (p.max) {
    add(fmt::format("at most {}{}", *p.max, unit));
  }
  if (!p.fallback.is_null()) add(fmt::format("default `{}`", json_text(p.fallback)));
  if (!p.aliases.empty()) add(fmt::format("also spelled `{}`", fmt::join(p.aliases, "`, `")));
  return out;
}

void append_action(std::string& out, const Action& action) {
  out += fmt::format("### {}\n\n{} Role: `{}`; {}.\n\n", action.name, action.summary, to_string(action.role),
                     effect_word(action));
  if (action.parameters.empty()) {
    out += "No parameters.\n\n";
  } else {
    out += "| parameter | type | | meaning | limits |\n|---|---|---|---|---|\n";
    for (const auto& p : action.parameters) {
      out += fmt::format("| `{}` | {} | {} | {} | {} |\n", p.name, to_string(p.type),
                         p.need == Need::required ? "required" : "", p.help, limits_text(p));
    }
    out += '\n';
  }
  if (!action.example.empty()) out += fmt::format("```json\n{}\n```\n\n", json_text(action.example));
}

void append_pretty(std::string& out, const json::value& value, std::size_t level) {
  const auto line = [&out](std::size_t depth) { out.append(1, '\n').append(depth * 2, ' '); };
  if (value.is_object() && !value.get_object().empty()) {
    out += '{';
    bool first = true;
    for (const auto& [key, member] : value.get_object()) {
      if (!std::exchange(first, false)) out += ',';
      line(level + 1);
      append_json_string(out, key);
      out += ": ";
      append_pretty(out, member, level + 1);
    }
    line(level);
    out += '}';
  } else if (value.is_array() && !value.get_array().empty()) {
    out += '[';
    bool first = true;
    for (const auto& entry : value.get_array()) {
      if (!std::exchange(first, false)) out += ',';
      line(level + 1);
      append_pretty(out, entry, level + 1);
    }
    line(level);
    out += ']';
  } else {
    out += json_text(value);
  }
}

}  // namespace

json::object parameters_schema(std::span<const Parameter> list) {
  json::object properties;
  json::array required;
  for (const auto& p : list) {
    properties[p.name] = parameter_schema(p);
    if (p.need == Need::required) required.emplace_back(p.name);
  }
  json::object schema;
  schema["type"] = "object";
  schema["properties"] = std::move(properties);
  if (!required.empty()) schema["required"] = std::move(required);
  schema["additionalProperties"] = false;
  return schema;
}

json::object describe_action(const Action& action) {
  json::object out;
  out["name"] = action.name;
  out["category"] = action.category;
  out["role"] = to_string(action.role);
  out["mutates"] = action.effect == Effect::mutates;
  out["summary"] = action.summary;
  out["parameters"] = parameters_schema(action.parameters);
  out["example"] = action.example;
  return out;
}

json::object openapi_document(const Registry& registry, std::string_view version) {
  json::object info;
  info["title"] = "Posthorn";
  info["version"] = version;
  info["description"] =
      "Every action of the server. Errors carry a code, a sentence for people and the field.";
  json::object paths;
  for (const auto& action : registry.actions()) {
    json::object methods;
    methods["post"] = operation(action);
    paths["/api/actions/" + action.name] = std::move(methods);
  }
  json::object security;
  security["apiKey"] = json::array();
  json::object out;
  out["openapi"] = "3.1.0";
  out["info"] = std::move(info);
  out["security"] = json::array{std::move(security)};
  out["paths"] = std::move(paths);
  if (auto components = parse_json(kComponents)) out["components"] = std::move(*components);
  return out;
}

std::string actions_markdown(const Registry& registry) {
  std::string out =
      "# Actions\n\nGenerated from the action registry by `posthorn actions --markdown`; edit "
      "`src/actions/`, not this file.\n\n"
      "Call an action with `POST /api/actions/<name>` and its parameters as a JSON object (64 KiB at most), "
      "or with\n"
      "`posthorn action <name> parameter=value …`. `POST /api` takes `{\"action\": \"<name>\", …parameters}` "
      "as well.\n"
      "Names are snake_case; their camelCase spelling is accepted. Actions that change data take an "
      "`Idempotency-Key` header.\n"
      "Roles: `viewer` < `agent` < `marketer` < `admin`; each may all that those before it may. A viewer "
      "reads what is stored "
      "about people,\nmessages and broadcasts, whatever the way in (`GET /events` with `full=1`, `GET "
      "/media/<id>` and reports, too); "
      "an agent answers people and\nkeeps their records; a marketer broadcasts, sets rules and uploads "
      "files; an admin keeps numbers, "
      "keys, webhooks out and the server.\n\n";
  for (const auto& category : registry.categories()) {
    out += fmt::format("## {}\n\n", category);
    for (const auto& action : registry.actions())
      if (action.category == category) append_action(out, action);
  }
  out.pop_back();
  return out;
}

std::string pretty_json(const json::value& value) {
  std::string out;
  append_pretty(out, value, 0);
  out += '\n';
  return out;
}

}  // namespace posthorn
