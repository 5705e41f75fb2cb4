#include <algorithm>
#include <charconv>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>

#include <fmt/format.h>

#include "actions/registry.h"
#include "app/commands.h"
#include "app/exit_codes.h"
#include "app/output.h"
#include "core/json_text.h"
#include "platform/environment.h"

namespace posthorn {
namespace {

struct ListShape {
  const char* member;
  std::vector<Column> columns;
  const char* when_empty;
};

const ListShape* shape_of(const std::string& action) {
  static const std::map<std::string, ListShape, std::less<>> shapes = {
      {"list_broadcasts",
       {"broadcasts",
        {{"id", "ID"},
         {"name", "NAME"},
         {"state", "STATE"},
         {"counters.total", "RECIPIENTS"},
         {"counters.accepted", "ACCEPTED"},
         {"counters.delivered", "DELIVERED"},
         {"created_at", "CREATED"}},
        "no broadcast yet"}},
      {"list_templates",
       {"templates",
        {{"name", "NAME"},
         {"language", "LANGUAGE"},
         {"status", "STATUS"},
         {"category", "CATEGORY"},
         {"quality", "QUALITY"}},
        "no template; read them with `posthorn template sync`"}},
      {"list_channels",
       {"channels",
        {{"id", "ID"},
         {"name", "NAME"},
         {"display_number", "NUMBER"},
         {"status", "STATUS"},
         {"quality", "QUALITY"},
         {"throughput", "PER SECOND"},
         {"blocked_reason", "BLOCKED"}},
        "no number; add one with `posthorn channel add`"}},
      {"list_keys",
       {"keys",
        {{"name", "NAME"},
         {"role", "ROLE"},
         {"created_at", "CREATED"},
         {"last_used_at", "LAST USED"},
         {"revoked_at", "REVOKED"}},
        "no key"}},
      {"list_uploads",
       {"uploads",
        {{"id", "ID"}, {"file_name", "FILE"}, {"size", "BYTES"}, {"created_at", "CREATED"}},
        "no upload"}},
  };
  const auto found = shapes.find(action);
  return found == shapes.end() ? nullptr : &found->second;
}

// From POSTHORN_TOKEN, or the first line of standard input: never from an argument, which every process list
// shows.
Result<std::string> read_token() {
  if (auto token = environment_variable("POSTHORN_TOKEN")) return *token;
  std::string line;
  std::getline(std::cin, line);
  while (line.ends_with('\r') || line.ends_with(' ')) line.pop_back();
  if (line.empty())
    return fail(ErrorCode::invalid_argument, "the access token is missing: pipe it in, or set POSTHORN_TOKEN",
                "token");
  return line;
}

Result<std::string> value_or_file(const std::string& text) {
  if (!text.starts_with('@')) return text;
  std::ifstream file(text.substr(1), std::ios::binary);
  if (!file) return fail(ErrorCode::not_found, fmt::format("{} cannot be read", text.substr(1)));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

template <class Number>
Result<json::value> number_from(const std::string& text, const std::string& name) {
  Number n{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error == std::errc() && end == text.data() + text.size()) return json::value(n);
  return fail(ErrorCode::invalid_argument, fmt::format("{} must be a number, not '{}'", name, text), name);
}

Result<json::value> typed_value(ParameterType type, const std::string& text, const std::string& name) {
  switch (type) {
    case ParameterType::integer:
      return number_from<std::int64_t>(text, name);
    case ParameterType::number:
      return number_from<double>(text, name);
    case ParameterType::boolean:
      if (text == "true" || text == "false") return json::value(text == "true");
      return fail(ErrorCode::invalid_argument, fmt::format("{} must be true or false", name), name);
    case ParameterType::object:
    case ParameterType::list:
      return parse_json(text);
    case ParameterType::text:
    case ParameterType::phone:
    case ParameterType::time:
      return json::value(text);
  }
  return json::value(text);
}

void print_value(const CommandContext& c, const json::value& value) {
  if (c.json || !value.is_object()) {
    print(json_text(value) + "\n");
  } else {
    print(fields(value.get_object()));
  }
}

int health_code(const json::value& answer) {
  return JsonView(answer)["ok"].boolean_or(false) ? kExitOk : kExitUnhealthy;
}

void print_checks(const CommandContext& c, const json::value& answer) {
  if (c.json) return print(json_text(answer) + "\n");
  const auto* checks = answer.as_object().if_contains("checks");
  if (checks != nullptr && checks->is_array()) print(doctor_text(checks->get_array()));
}

}  // namespace

Result<json::object> parameters_from_words(std::string_view action, const std::vector<std::string>& words) {
  const auto registry = make_registry();
  PH_TRY_ASSIGN(const Action* declared, registry.get(action));
  json::object out;
  for (const auto& word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos)
      return fail(ErrorCode::invalid_argument, fmt::format("'{}' is not parameter=value", word), word);
    const auto name = word.substr(0, equals);
    PH_TRY_ASSIGN(const auto text, value_or_file(word.substr(equals + 1)));
    const auto parameter = std::ranges::find(declared->parameters, name, &Parameter::name);
    const auto type = parameter == declared->parameters.end() ? ParameterType::text : parameter->type;
    PH_TRY_ASSIGN(out[name], typed_value(type, text, name));
  }
  return out;
}

Task<Result<int>> upload_file(CommandContext c, std::string file) {
  PH_CO_TRY_ASSIGN(const auto upload, co_await c.client->upload(std::move(file)));
  print_value(c, upload);
  co_return kExitOk;
}

namespace {

struct ChannelCall {
  std::string action;
  json::object parameters;
  bool wants_token = true;
};

Result<ChannelCall> channel_call(const AddChannel& o) {
  const int kinds =
      (o.phone_number_id.empty() ? 0 : 1) + (o.instagram_id.empty() ? 0 : 1) + (o.page_id.empty() ? 0 : 1);
  if (kinds != 1)
    return fail(ErrorCode::invalid_argument, "give one of --phone-number-id, --instagram-id and --page-id");
  ChannelCall call;
  call.parameters["name"] = o.name;
  if (o.phone_number_id.empty()) {
    call.action = "add_meta_account";
    call.parameters["channel"] = o.page_id.empty() ? "instagram" : "messenger";
    call.parameters["account_id"] = o.page_id.empty() ? o.instagram_id : o.page_id;
    call.parameters["login"] = o.instagram_login ? "instagram" : "facebook";
    return call;
  }
  if (o.business_id.empty())
    return fail(ErrorCode::invalid_argument, "a WhatsApp number needs --business-id, too", "business_id");
  call.action = o.aws_number_id.empty() ? "add_channel" : "add_aws_number";
  call.parameters["business_id"] = o.business_id;
  call.parameters["phone_number_id"] = o.phone_number_id;
  call.wants_token = o.aws_number_id.empty();
  if (!call.wants_token) call.parameters["aws_phone_number_id"] = o.aws_number_id;
  return call;
}

}  // namespace

Task<Result<int>> add_channel(CommandContext c, AddChannel options) {
  PH_CO_TRY_ASSIGN(auto call, channel_call(options));
  if (call.wants_token) {
    PH_CO_TRY_ASSIGN(const auto token, read_token());
    call.parameters["token"] = token;
  }
  PH_CO_TRY_ASSIGN(const auto added, co_await c.client->call(call.action, std::move(call.parameters)));
  print_value(c, added);
  const JsonView warnings = JsonView(added)["warnings"];
  for (std::size_t i = 0; !c.json && i < warnings.size(); ++i)
    print(fmt::format("warning: {}\n", warnings[i].string_or("")));
  co_return kExitOk;
}

Task<Result<int>> set_channel_token(CommandContext c, std::string account) {
  PH_CO_TRY_ASSIGN(const auto token, read_token());
  json::object parameters;
  parameters["account"] = account;
  parameters["token"] = token;
  co_return co_await show_one(c, "set_channel_token", std::move(parameters));
}

Task<Result<int>> check_channel(CommandContext c, std::string account) {
  json::object parameters;
  if (!account.empty()) parameters["account"] = account;
  PH_CO_TRY_ASSIGN(const auto answer, co_await c.client->call("check_channel", std::move(parameters)));
  print_checks(c, answer);
  co_return health_code(answer);
}

Task<Result<int>> run_doctor(CommandContext c) {
  PH_CO_TRY_ASSIGN(const auto answer, co_await c.client->call("doctor", json::object()));
  print_checks(c, answer);
  co_return health_code(answer);
}

Task<Result<int>> create_key(CommandContext c, std::string name, std::string role) {
  json::object parameters;
  parameters["name"] = name;
  parameters["role"] = role;
  PH_CO_TRY_ASSIGN(const auto created, co_await c.client->call("create_key", std::move(parameters)));
  if (c.json) {
    print_value(c, created);
  } else {
    print(fmt::format("{}\nThis key is shown this once.\n", JsonView(created)["key"].string_or("")));
  }
  co_return kExitOk;
}

Task<Result<int>> login_link(CommandContext c, std::string role, std::string next) {
  json::object parameters;
  parameters["role"] = role;
  parameters["next"] = next;
  PH_CO_TRY_ASSIGN(const auto link, co_await c.client->call("create_login_link", std::move(parameters)));
  const auto url = c.client->url() + std::string(JsonView(link)["path"].string_or(""));
  json::object out;
  out["url"] = url;
  print(c.json ? json_text(out) + "\n" : url + "\nGood for 15 minutes and one use.\n");
  co_return kExitOk;
}

Task<Result<int>> show_list(CommandContext c, std::string action, json::object parameters) {
  PH_CO_TRY_ASSIGN(const auto answer, co_await c.client->call(action, std::move(parameters)));
  const auto* shape = shape_of(action);
  const auto* rows = shape == nullptr ? nullptr : answer.as_object().if_contains(shape->member);
  if (c.json || rows == nullptr || !rows->is_array()) {
    print(json_text(answer) + "\n");
  } else {
    print(table(rows->get_array(), shape->columns, shape->when_empty));
  }
  co_return kExitOk;
}

Task<Result<int>> show_one(CommandContext c, std::string action, json::object parameters) {
  const bool of_template = action == "get_template";
  PH_CO_TRY_ASSIGN(const auto answer, co_await c.client->call(std::move(action), std::move(parameters)));
  if (of_template && !c.json) {
    print(template_text(answer));
  } else {
    print_value(c, answer);
  }
  co_return kExitOk;
}

Task<Result<int>> run_action(CommandContext c, std::string action, std::vector<std::string> words) {
  PH_CO_TRY_ASSIGN(auto parameters, parameters_from_words(action, words));
  PH_CO_TRY_ASSIGN(const auto answer, co_await c.client->call(std::move(action), std::move(parameters)));
  print(json_text(answer) + "\n");
  co_return kExitOk;
}

}  // namespace posthorn
