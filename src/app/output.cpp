#include "app/output.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

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
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string padded(std::string_view text, std::size_t to, bool right) {
  const std::string gap(to > width(text) ? to - width(text) : 0, ' ');
  return right ? gap + std::string(text) : std::string(text) + gap;
}

std::int64_t count(const json::value& object, std::string_view path) {
  const auto* value = member(object, path);
  return value != nullptr && value->is_number() ? value->to_number<std::int64_t>() : 0;
}

std::string text_of(const json::value& object, std::string_view path) { return cell_text(member(object, path)); }

void append_points(std::string& out, const json::value& summary, const char* list, const char* word) {
  const auto* points = member(summary, list);
  if (points == nullptr || !points->is_array()) return;
  for (const auto& point : points->get_array()) out += fmt::format("  {}: {}\n", word, text_of(point, "message"));
}

}  // namespace

std::string grouped(std::int64_t number) {
  auto digits = fmt::format("{}", number);
  for (auto at = static_cast<std::int64_t>(digits.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3) digits.insert(static_cast<std::size_t>(at), ",");
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
  if (value->is_int64()) return fmt::format("{}", value->get_int64());
  if (value->is_double()) return fmt::format("{}", value->get_double());
  return json::serialize(*value);
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
    print(json::serialize(out) + "\n");
    return;
  }
  std::fprintf(stderr, "posthorn: %s\n", error.message.c_str());
}

std::string report_text(const json::value& report) {
  std::string out = fmt::format("\nReport of “{}”: {}{}\n\n", text_of(report, "name"), text_of(report, "state"),
                                text_of(report, "state_reason").empty() ? "" : " (" + text_of(report, "state_reason") + ")");
  constexpr std::pair<const char*, const char*> kTotals[] = {
      {"total", "recipients"}, {"accepted", "accepted by Meta"}, {"sent", "sent"}, {"delivered", "delivered"}, {"read", "read"},
      {"failed", "failed at delivery"}, {"rejected", "rejected at sending"}, {"unknown", "outcome not known yet"},
      {"unknown_final", "outcome unknown for good"}, {"suppressed", "opted out"}, {"cancelled", "cancelled"}, {"expired", "expired"}};
  for (const auto& [name, label] : kTotals) {
    const auto n = count(report, std::string("totals.") + name);
    if (n > 0 || name == std::string_view("accepted")) out += fmt::format("  {:>12}  {}\n", grouped(n), label);
  }
  const auto* errors = member(report, "errors");
  if (errors == nullptr || !errors->is_array() || errors->get_array().empty()) return out;
  out += "\nErrors:\n";
  for (const auto& line : errors->get_array()) {
    out += fmt::format("  {:>8} × {}: {}\n             → {}\n", grouped(count(line, "at_submission") + count(line, "at_delivery")),
                       count(line, "code"), text_of(line, "meaning"), text_of(line, "next_step"));
  }
  return out;
}

std::string preflight_text(const json::value& summary) {
  std::string out = fmt::format("  {} rows: {} accepted, {} rejected, {} duplicates, {} opted out\n", grouped(count(summary, "rows")),
                                grouped(count(summary, "accepted")), grouped(count(summary, "rejected")),
                                grouped(count(summary, "duplicates")), grouped(count(summary, "opted_out")));
  const auto* seconds = member(summary, "seconds");
  if (seconds != nullptr && seconds->is_number())
    out += fmt::format("  about {} at {:.0f} messages/s\n", short_duration(seconds->to_number<double>()),
                       member(summary, "rate_per_second")->to_number<double>());
  const auto* cost = member(summary, "cost.amount");
  if (cost != nullptr && cost->is_number())
    out += fmt::format("  about {:.2f} {}\n", cost->to_number<double>(), text_of(summary, "cost.currency"));
  append_points(out, summary, "warnings", "warning");
  append_points(out, summary, "blockers", "BLOCKED");
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
