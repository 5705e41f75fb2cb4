// Structured logs: an event name and typed fields, never a sentence glued together. A Secret has no overload
// here, so it cannot be logged. Asynchronous: a blocked log disk drops and counts, it never holds up a send.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace posthorn {

enum class LogLevel { debug, info, warning, error };

struct LogField {
  std::string_view name;
  std::variant<std::string, std::int64_t, double, bool> value;
  LogField(std::string_view n, std::string_view v) : name(n), value(std::string(v)) {}
  LogField(std::string_view n, const char* v) : name(n), value(std::string(v)) {}
  LogField(std::string_view n, std::int64_t v) : name(n), value(v) {}
  LogField(std::string_view n, std::uint64_t v) : name(n), value(static_cast<std::int64_t>(v)) {}
  LogField(std::string_view n, int v) : name(n), value(static_cast<std::int64_t>(v)) {}
  LogField(std::string_view n, double v) : name(n), value(v) {}
  LogField(std::string_view n, bool v) : name(n), value(v) {}
};

class Log {
 public:
  virtual ~Log() = default;
  // `event` is a stable dotted name ("send.unknown", "webhook.bad_signature") that operators can search for.
  virtual void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) = 0;
  void debug(std::string_view event, std::initializer_list<LogField> f = {}) {
    write(LogLevel::debug, event, f);
  }
  void info(std::string_view event, std::initializer_list<LogField> f = {}) {
    write(LogLevel::info, event, f);
  }
  void warning(std::string_view event, std::initializer_list<LogField> f = {}) {
    write(LogLevel::warning, event, f);
  }
  void error(std::string_view event, std::initializer_list<LogField> f = {}) {
    write(LogLevel::error, event, f);
  }
};

Log& null_log();  // swallows everything; for tests

}  // namespace posthorn
