#include "platform/config.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <set>

#include <fmt/format.h>

#include "platform/config_keys.h"
#include "platform/environment.h"
#include "platform/toml.h"

namespace posthorn {
namespace {

// A value as it was written, before the key's type is known to fit.
using RawValue = std::variant<std::int64_t, double, std::string, std::vector<std::string>>;

struct Origin {
  std::string place;     // "posthorn.toml, line 12", "POSTHORN_HTTP_PORT", "--set http.port"
  bool is_text = false;  // numbers and lists come as text (variables, command line)
};

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> entries;
  while (!trim(text).empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    entries.emplace_back(trim(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return entries;
}

template <class Number>
std::optional<Number> number_from(std::string_view text) {
  Number number{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string range_text(const ConfigKey& key) {
  const bool duration = type_name(key) == "duration";
  auto bound = [&](double value) {
    if (!duration) return fmt::format("{:.12g}", value);
    if (value < 1 && value > 0) return fmt::format("{:g}ms", value * 1000);
    if (value >= 86400) return fmt::format("{:g}d", value / 86400);
    return fmt::format("{:g}s", value);
  };
  if (key.range.max == ConfigRange{}.max) return "";
  return fmt::format("{} to {}", bound(key.range.min), bound(key.range.max));
}

std::string wanted_text(const ConfigKey& key) {
  if (!key.wanted.empty()) return std::string(key.wanted);
  const std::string range = range_text(key);
  std::string_view type = type_name(key);
  std::string text = type == "duration" ? "a duration such as 15m or 250ms"
                     : type == "secret" ? "a text"
                                        : fmt::format("a {}", type);
  return range.empty() ? text : fmt::format("{} from {}", text, range);
}

std::string shown(const RawValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return fmt::format("\"{}\"", *text);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value))
    return fmt::format("[{}]", fmt::join(*list, ", "));
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  return fmt::format("{}", std::get<std::int64_t>(value));
}

std::unexpected<Error> refuse(const ConfigKey& key, const Origin& origin, const std::string& given) {
  std::string message = fmt::format("{}: {} must be {}", origin.place, key.name, wanted_text(key));
  if (!given.empty() && !is_secret(key)) message += ", not " + given;
  return fail(ErrorCode::invalid_argument, std::move(message), std::string(key.name));
}

// Puts a raw value into the field of the key; false when type, range or form do not fit.
struct Store {
  const ConfigKey& key;
  Config& config;
  const RawValue& raw;
  bool is_text;

  bool in_range(double value) const { return value >= key.range.min && value <= key.range.max; }
  bool well_formed(std::string_view text) const { return key.valid == nullptr || key.valid(text); }
  const std::string* text() const { return std::get_if<std::string>(&raw); }

  bool operator()(std::int64_t& (*field)(Config&)) const {
    std::optional<std::int64_t> number;
    if (const auto* given = std::get_if<std::int64_t>(&raw)) number = *given;
    if (is_text && text()) number = number_from<std::int64_t>(trim(*text()));
    if (!number || !in_range(static_cast<double>(*number))) return false;
    field(config) = *number;
    return true;
  }
  bool operator()(double& (*field)(Config&)) const {
    std::optional<double> number;
    if (const auto* given = std::get_if<std::int64_t>(&raw)) number = static_cast<double>(*given);
    if (const auto* given = std::get_if<double>(&raw)) number = *given;
    if (is_text && text()) number = number_from<double>(trim(*text()));
    if (!number || !in_range(*number)) return false;
    field(config) = *number;
    return true;
  }
  bool operator()(std::string& (*field)(Config&)) const {
    if (!text() || !well_formed(*text())) return false;
    field(config) = *text();
    return true;
  }
  bool operator()(std::vector<std::string>& (*field)(Config&)) const {
    std::vector<std::string> list;
    if (const auto* given = std::get_if<std::vector<std::string>>(&raw))
      list = *given;
    else if (is_text && text())
      list = split_list(*text());
    else
      return false;
    if (!std::ranges::all_of(list, [&](const std::string& entry) { return well_formed(entry); }))
      return false;
    field(config) = std::move(list);
    return true;
  }
  bool operator()(Duration& (*field)(Config&)) const {
    if (!text()) return false;
    const Result<Duration> duration = parse_duration(trim(*text()));
    if (!duration || !in_range(std::chrono::duration<double>(*duration).count())) return false;
    field(config) = *duration;
    return true;
  }
  bool operator()(Secret& (*field)(Config&)) const {
    if (!text()) return false;
    field(config) = Secret(*text());
    return true;
  }
};

Result<> store(const ConfigKey& key, Config& config, const RawValue& raw, const Origin& origin) {
  if (std::visit(Store{key, config, raw, origin.is_text}, key.slot)) return {};
  return refuse(key, origin, shown(raw));
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row[b.size()];
}

const ConfigKey* find_key(std::string_view name) {
  const auto found = std::ranges::find(config_keys(), name, &ConfigKey::name);
  return found == config_keys().end() ? nullptr : &*found;
}

// A key without its section, or in a wrong one, is as near as one with a wrong letter.
std::size_t distance_to(const ConfigKey& key, std::string_view name) {
  auto last_part = [](std::string_view text) { return text.substr(text.rfind('.') + 1); };
  return std::min(edit_distance(key.name, name), edit_distance(last_part(key.name), last_part(name)) + 1);
}

std::unexpected<Error> unknown_key(std::string_view name, std::string_view place, bool as_variable) {
  const ConfigKey& nearest = *std::ranges::min_element(
      config_keys(), {}, [&](const ConfigKey& key) { return distance_to(key, name); });
  const std::string suggestion = as_variable ? environment_name(nearest) : std::string(nearest.name);
  const std::string help = distance_to(nearest, name) <= 1 + name.size() / 3
                               ? fmt::format("did you mean {}?", suggestion)
                               : "docs/configuration.md lists all keys";
  return fail(ErrorCode::invalid_argument,
              as_variable ? fmt::format("{}: there is no such setting; {}", place, help)
                          : fmt::format("{}: there is no setting {}; {}", place, name, help),
              std::string(name));
}

std::optional<RawValue> raw_from(const toml::node& node) {
  if (const auto* number = node.as_integer()) return RawValue(number->get());
  if (const auto* number = node.as_floating_point()) return RawValue(number->get());
  if (const auto* text = node.as_string()) return RawValue(text->get());
  const toml::array* array = node.as_array();
  if (array == nullptr) return std::nullopt;
  std::vector<std::string> list;
  for (const toml::node& entry : *array) {
    const auto* text = entry.as_string();
    if (text == nullptr) return std::nullopt;
    list.push_back(text->get());
  }
  return RawValue(std::move(list));
}

bool is_section(std::string_view name) {
  return std::ranges::any_of(config_keys(), [&](const ConfigKey& key) {
    return key.name.size() > name.size() && key.name.starts_with(name) && key.name[name.size()] == '.';
  });
}

Result<> apply_table(const toml::table& table, const std::string& prefix, const std::string& file,
                     Config& config) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    const Origin origin{fmt::format("{}, line {}", file, key.source().begin.line), false};
    if (node.is_table() && is_section(name)) {
      PH_TRY(apply_table(*node.as_table(), name + ".", file, config));
      continue;
    }
    const ConfigKey* known = find_key(name);
    if (known == nullptr && is_section(name)) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{}: {} is a section; write [{}]", origin.place, name, name), name);
    }
    if (known == nullptr) return unknown_key(name, origin.place, false);
    const std::optional<RawValue> raw = raw_from(node);
    if (!raw) return refuse(*known, origin, "");
    PH_TRY(store(*known, config, *raw, origin));
  }
  return {};
}

Result<> apply_file(const ConfigInput& input, Config& config) {
  if (input.file_name.empty()) return {};
  toml::parse_result parsed = toml::parse(input.file_text, input.file_name);
  if (!parsed) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}, line {}, column {}: not valid TOML: {}", input.file_name,
                            parsed.error().source().begin.line, parsed.error().source().begin.column,
                            parsed.error().description()));
  }
  return apply_table(parsed.table(), "", input.file_name, config);
}

// Variables of ours that are no settings: where the file is, and how the command line reaches a server.
const std::set<std::string, std::less<>> kOtherVariables{"POSTHORN_CONFIG", "POSTHORN_URL",
                                                         "POSTHORN_API_KEY"};

Result<> apply_environment(const ConfigInput& input, Config& config) {
  for (const auto& [variable, value] : input.environment) {
    const auto known = std::ranges::find(config_keys(), variable, environment_name);
    if (known != config_keys().end()) {
      PH_TRY(store(*known, config, value, Origin{variable, true}));
      continue;
    }
    if (!variable.starts_with("POSTHORN_") || kOtherVariables.contains(variable)) continue;
    std::string name = variable.substr(std::string_view("POSTHORN_").size());
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const std::size_t section_end = name.find('_');
    if (section_end == std::string::npos || !is_section(name.substr(0, section_end))) continue;
    name[section_end] = '.';
    return unknown_key(name, variable, true);
  }
  return {};
}

void fill_derived(Config& config) {
  if (config.database.path.empty()) config.database.path = config.data_dir + "/posthorn.db";
  for (std::string* url : {&config.http.public_url, &config.graph.base_url}) {
    while (url->ends_with('/')) url->pop_back();
  }
}

Result<std::string> read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::not_found, fmt::format("cannot read the configuration file {}", path));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

Result<Config> parse_config(const ConfigInput& input) {
  Config config;
  for (const ConfigKey& key : config_keys()) {
    PH_TRY(store(key, config, std::string(key.default_text), Origin{"default", true}));
  }
  PH_TRY(apply_file(input, config));
  PH_TRY(apply_environment(input, config));
  for (const auto& [name, value] : input.overrides) {
    const std::string place = "--set " + name;
    const ConfigKey* key = find_key(name);
    if (key == nullptr) return unknown_key(name, place, false);
    PH_TRY(store(*key, config, value, Origin{place, true}));
  }
  fill_derived(config);
  return config;
}

Result<Config> load_config(const std::optional<std::string>& path,
                           std::vector<std::pair<std::string, std::string>> overrides) {
  constexpr const char* kUsualName = "posthorn.toml";
  ConfigInput input;
  input.overrides = std::move(overrides);
  input.environment = environment_with_prefix("POSTHORN_");
  std::optional<std::string> file = path ? path : environment_variable("POSTHORN_CONFIG");
  if (!file && std::ifstream(kUsualName)) file = kUsualName;
  if (file) {
    PH_TRY_ASSIGN(input.file_text, read_text(*file));
    input.file_name = *file;
  }
  return parse_config(input);
}

std::string config_reference_markdown() {
  std::string text =
      "# Configuration\n\n"
      "Settings come from a TOML file (`--config FILE`, else `POSTHORN_CONFIG`, else `posthorn.toml` in the "
      "current folder),\n"
      "then from `POSTHORN_*` variables, then from `--set KEY=VALUE`; later ones win. Unknown keys, wrong "
      "types and values out\n"
      "of range are refused at the start. In variables and on the command line lists are separated by "
      "commas. A duration is a\n"
      "whole number and a unit: `us`, `ms`, `s`, `m`, `h` or `d`. Secrets are never printed or logged.\n\n"
      "This page is generated from the table in `src/platform/config_keys.cpp`.\n";
  std::string section = "none yet";
  for (const ConfigKey& key : config_keys()) {
    const std::size_t dot = key.name.find('.');
    const std::string own(key.name.substr(0, dot == std::string_view::npos ? 0 : dot));
    if (own != section) {
      text += fmt::format("\n## {}\n\n| key | variable | type | default | meaning |\n|---|---|---|---|---|\n",
                          own.empty() ? "General" : fmt::format("[{}]", own));
      section = own;
    }
    const std::string range = range_text(key);
    const std::string fallback = key.default_text.empty() ? "" : fmt::format("`{}`", key.default_text);
    text += fmt::format("| `{}` | `{}` | {}{} | {} | {} |\n", key.name, environment_name(key), type_name(key),
                        range.empty() ? "" : ", " + range, fallback, key.help);
  }
  return text;
}

Result<DailyHours> parse_daily_hours(std::string_view text) {
  if (text.empty()) return DailyHours{};
  const auto malformed =
      fail(ErrorCode::invalid_argument, "hours must be written like 21:00-08:00, or be empty for none");
  if (text.size() != 11 || text[2] != ':' || text[5] != '-' || text[8] != ':') return malformed;
  auto minute = [&](std::size_t at) -> std::optional<int> {
    const auto hour = number_from<unsigned>(text.substr(at, 2));
    const auto rest = number_from<unsigned>(text.substr(at + 3, 2));
    if (!hour || !rest || *hour > 23 || *rest > 59) return std::nullopt;
    return static_cast<int>(*hour * 60 + *rest);
  };
  const std::optional<int> from = minute(0);
  const std::optional<int> to = minute(6);
  if (!from || !to || *from == *to) return malformed;
  return DailyHours{*from, *to};
}

Result<Duration> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::int64_t micros;
  };
  constexpr std::array<Unit, 6> kUnits{{{"us", 1},
                                        {"ms", 1'000},
                                        {"s", 1'000'000},
                                        {"m", 60'000'000},
                                        {"h", 3'600'000'000},
                                        {"d", 86'400'000'000}}};
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto amount = number_from<std::int64_t>(text.substr(0, digits));
  const auto unit = std::ranges::find(kUnits, text.substr(digits), &Unit::name);
  if (!amount || unit == kUnits.end() || *amount > std::numeric_limits<std::int64_t>::max() / unit->micros) {
    return fail(ErrorCode::invalid_argument,
                "a duration is a whole number and a unit, such as 250ms, 30s, 15m, 2h or 7d");
  }
  return Duration(*amount * unit->micros);
}

}  // namespace posthorn
