// What the command line prints: JSON for programs, short text for people.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/result.h"

namespace posthorn {

struct Column {
  const char* member;  // "counters.total"
  const char* title;
};

// Columns as wide as their widest cell; numbers to the right. Empty lists give `when_empty`.
std::string table(const json::array& rows, const std::vector<Column>& columns, std::string_view when_empty);
// "name: value" lines; members that are objects or lists are left out.
std::string fields(const json::object& object);
std::string grouped(std::int64_t number);    // 50,000
std::string short_duration(double seconds);  // "51 s", "4 min 10 s", "2 h 5 min"
std::string cell_text(const json::value* value);

void print(std::string_view text);  // to standard output, with what is waiting flushed
void print_error(const Error& error, bool as_json);

std::string report_text(const json::value& report);  // totals, errors with meaning and next step
std::string preflight_text(const json::value& summary);
std::string previews_text(const json::value& answer);
std::string template_text(const json::value& answer);  // fields, texts, variables to fill in
std::string doctor_text(const json::array& checks);

}  // namespace posthorn
