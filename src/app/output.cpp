#include "app/output.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "core/json_text.h"

namespace posthorn {
namespace {

const json::value* member(const json::value& row, std::string_view path) {
  const json::value* at = &row;
  while (at != nullptr && !path.empty()) {
    const auto dot = std::min(path.find('.'), path.size());
    at = at->is_object() ? at->get_object().if_contains(path.substr(0, dot)) : nullptr;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return at;
}

// Characters that a terminal shows, roughly: UTF-8 sequences count once.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string padded(std::string_view text, std::size_t to, bool right) {
  const std::string gap(to > width(text) ? to - width(text) : 0, ' ');
  return right ? gap + std::string(text) : std::string(text) + gap;
}

std::int64_t count(const json::value& object, std::string_view path) {
  const auto* value = member(object, path);
  return value != nullptr && value->is_number() ? value->to_number<std::int64_t>() : 0;
}

std::string text_of(const json::value& object, std::string_view path) {
  return cell_text(member(object, path));
}

void append_points(std::string& out, const json::value& summary, const char* list, const char* word) {
  const auto* points = member(summary, list);
  if (points == nullptr || !points->is_array()) return;
  for (const auto& point : points->get_array())
    out += fmt::format("  {}: {}\n", word, text_of(point, "message"));
}

std::string reason_text(std::string_view reason) {
  constexpr std::pair<std::string_view, std::string_view> kReasons[] = {
      {"no_phone", "without phone number"},
      {"bad_phone", "not a phone number"},
      {"missing_value", "a variable has no value"},
      {"value_too_long", "a value is too long"},
      {"value_not_single_line", "a value has line breaks or tabs"},
      {"bad_value", "a value that Meta would refuse"},
      {"too_many_cells", "more cells than columns"}};
  for (const auto& [name, text] : kReasons)
    if (name == reason) return std::string(text);
  return std::string(reason);
}

using Counted = std::pair<std::string, std::int64_t>;

// An object of counts, largest first.
std::vector<Counted> counted(const json::value& summary, std::string_view name) {
  std::vector<Counted> out;
  const auto* object = member(summary, name);
  if (object == nullptr || !object->is_object()) return out;
  for (const auto& [key, n] : object->get_object())
    if (n.is_number()) out.emplace_back(std::string(key), n.to_number<std::int64_t>());
  std::ranges::sort(out, [](const Counted& a, const Counted& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  return out;
}

void append_reasons(std::string& out, const json::value& summary) {
  for (const auto& [reason, n] : counted(summary, "problems_by_reason"))
    if (reason != "duplicate" && reason != "opted_out")
      out += fmt::format("    {:>10}  {}\n", grouped(n), reason_text(reason));
}

// A number read with the wrong default region lands in a wrong country: only people can see that, so they are
// shown.
void append_countries(std::string& out, const json::value& summary) {
  constexpr std::size_t kMost = 15;
  const auto countries = counted(summary, "by_region");
  if (countries.empty()) return;
  out += "  countries:";
  std::int64_t rest = 0;
  for (std::size_t i = 0; i < countries.size(); ++i) {
    if (i < kMost) {
      out += fmt::format("{} {} {}", i == 0 ? "" : ",", countries[i].first, grouped(countries[i].second));
    } else {
      rest += countries[i].second;
    }
  }
  if (rest > 0) out += fmt::format(", {} more countries {}", countries.size() - kMost, grouped(rest));
  out += "\n";
}

void append_budget(std::string& out, const json::value& summary) {
  if (member(summary, "budget.limit") == nullptr) return;
  out += fmt::format("  budget: {} of {} people left in 24 hours ({})\n",
                     grouped(count(summary, "budget.remaining")), grouped(count(summary, "budget.limit")),
                     text_of(summary, "budget.tier"));
}

}  // namespace

std::string grouped(std::int64_t number) {
  auto digits = fmt::format("{}", number);
  for (auto at = static_cast<std::int64_t>(digits.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

std::string short_duration(double seconds) {
  const auto s = static_cast<std::int64_t>(seconds + 0.999);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {} s", s / 60, s % 60);
  return fmt::format("{} h {} min", s / 3600, s % 3600 / 60);
}

std::string cell_text(const json::value* value) {
  if (value == nullptr || value->is_null()) return "";
  if (value->is_string()) return std::string(value->get_string());
  return json_text(*value);
}

std::string table(const json::array& rows, const std::vector<Column>& columns, std::string_view when_empty) {
  if (rows.empty()) return std::string(when_empty) + "\n";
  std::vector<std::vector<std::string>> cells(1);
  std::vector<bool> right(columns.size(), true);
  for (const auto& column : columns) cells[0].emplace_back(column.title);
  for (const auto& row : rows) {
    cells.emplace_back();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto* value = member(row, columns[i].member);
      right[i] = right[i] && value != nullptr && value->is_number();
      cells.back().push_back(cell_text(value));
    }
  }
  std::string out;
  for (const auto& line : cells) {
    std::string text;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      std::size_t widest = 0;
      for (const auto& other : cells) widest = std::max(widest, width(other[i]));
      text += (i == 0 ? "" : "  ") + padded(line[i], widest, right[i]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  }
  return out;
}

std::string fields(const json::object& object) {
  std::size_t widest = 0;
  for (const auto& [name, value] : object)
    if (!value.is_object() && !value.is_array()) widest = std::max(widest, name.size());
  std::string out;
  for (const auto& [name, value] : object) {
    if (value.is_object() || value.is_array()) continue;
    out += fmt::format("{}  {}\n", padded(name, widest, false), cell_text(&value));
  }
  return out;
}

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void print_error(const Error& error, bool as_json) {
  if (as_json) {
    json::object inner;
    inner["code"] = to_string(error.code);
    inner["message"] = error.message;
    inner["field"] = error.field;
    json::object out;
    out["error"] = std::move(inner);
    print(json_text(out) + "\n");
    return;
  }
  std::fprintf(stderr, "posthorn: %s\n", error.message.c_str());
}

std::string report_text(const json::value& report) {
  std::string out = fmt::format(
      "\nReport of “{}”: {}{}\n\n", text_of(report, "name"), text_of(report, "state"),
      text_of(report, "state_reason").empty() ? "" : " (" + text_of(report, "state_reason") + ")");
  constexpr std::pair<const char*, const char*> kTotals[] = {{"total", "recipients"},
                                                             {"accepted", "accepted by Meta"},
                                                             {"sent", "sent"},
                                                             {"delivered", "delivered"},
                                                             {"read", "read"},
                                                             {"failed", "failed at delivery"},
                                                             {"rejected", "rejected at sending"},
                                                             {"unknown", "outcome not known yet"},
                                                             {"unknown_final", "outcome unknown for good"},
                                                             {"suppressed", "opted out"},
                                                             {"cancelled", "cancelled"},
                                                             {"expired", "expired"}};
  for (const auto& [name, label] : kTotals) {
    const auto n = count(report, std::string("totals.") + name);
    if (n > 0 || name == std::string_view("accepted"))
      out += fmt::format("  {:>12}  {}\n", grouped(n), label);
  }
  const auto* errors = member(report, "errors");
  if (errors == nullptr || !errors->is_array() || errors->get_array().empty()) return out;
  out += "\nErrors:\n";
  for (const auto& line : errors->get_array()) {
    out += fmt::format("  {:>8} × {}: {}\n             → {}\n",
                       grouped(count(line, "at_submission") + count(line, "at_delivery")),
                       count(line, "code"), text_of(line, "meaning"), text_of(line, "next_step"));
  }
  return out;
}

std::string preflight_text(const json::value& summary) {
  std::string out = fmt::format("  {} rows: {} accepted, {} rejected, {} duplicates, {} opted out\n",
                                grouped(count(summary, "rows")), grouped(count(summary, "accepted")),
                                grouped(count(summary, "rejected")), grouped(count(summary, "duplicates")),
                                grouped(count(summary, "opted_out")));
  append_reasons(out, summary);
  append_countries(out, summary);
  append_budget(out, summary);
  const auto* seconds = member(summary, "seconds");
  if (seconds != nullptr && seconds->is_number())
    out +=
        fmt::format("  time: about {} at {:.0f} messages/s\n", short_duration(seconds->to_number<double>()),
                    member(summary, "rate_per_second")->to_number<double>());
  const auto* cost = member(summary, "cost.amount");
  if (cost != nullptr && cost->is_number()) {
    out += fmt::format("  cost: about {:.2f} {} (rates of {})\n", cost->to_number<double>(),
                       text_of(summary, "cost.currency"), text_of(summary, "cost.rates_of"));
  } else {
    out += "  cost: not estimated, because no rate card is configured (rates.file)\n";
  }
  append_points(out, summary, "warnings", "warning");
  append_points(out, summary, "blockers", "BLOCKED");
  return out;
}

std::string previews_text(const json::value& answer) {
  const auto* previews = member(answer, "previews");
  if (previews == nullptr || !previews->is_array() || previews->get_array().empty()) return "no such line\n";
  std::string out;
  for (const auto& row : previews->get_array()) {
    const auto phone = text_of(row, text_of(row, "phone").empty() ? "phone_as_given" : "phone");
    out += fmt::format("line {}{}{}\n", text_of(row, "line"), phone.empty() ? "" : " to ", phone);
    const auto problem = text_of(row, "problem");
    if (!problem.empty()) out += fmt::format("  not sent: {}\n", problem);
    std::string_view text;
    if (const auto* value = member(row, "text"); value != nullptr && value->is_string())
      text = value->get_string();
    while (!text.empty()) {
      const auto end = std::min(text.find('\n'), text.size());
      out += fmt::format("  | {}\n", text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }
  return out;
}

std::string template_text(const json::value& answer) {
  auto out = answer.is_object() ? fields(answer.get_object()) : std::string();
  if (const auto* components = member(answer, "components");
      components != nullptr && components->is_array()) {
    for (const auto& component : components->get_array())
      if (const auto text = text_of(component, "text"); !text.empty())
        out += fmt::format("\n{}\n{}\n", text_of(component, "type"), text);
  }
  const auto* variables = member(answer, "variables");
  if (variables != nullptr && variables->is_array())
    out += "\n" + table(variables->get_array(),
                        {{"name", "VARIABLE"},
                         {"type", "TYPE"},
                         {"required", "REQUIRED"},
                         {"label", "MEANING"},
                         {"example", "EXAMPLE"}},
                        "nothing to fill in");
  append_points(out, answer, "problems", "problem");
  return out;
}

std::string doctor_text(const json::array& checks) {
  std::string out;
  for (const auto& check : checks) {
    const auto health = text_of(check, "health");
    const char* mark = health == "ok" ? "ok     " : health == "warning" ? "WARNING" : "FAILURE";
    out += fmt::format("{}  {}: {}\n", mark, text_of(check, "name"), text_of(check, "finding"));
    if (health != "ok") out += fmt::format("         → {}\n", text_of(check, "next_step"));
  }
  return out;
}

}  // namespace posthorn
