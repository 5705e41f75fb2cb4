// One log line as text. Apart from the logger so that escaping can be tested without threads.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>

#include "platform/log.h"

namespace posthorn {

std::string_view to_string(LogLevel level);

// The members after time and level: "event":"send.unknown","campaign":7}
std::string json_log_tail(std::string_view event, std::initializer_list<LogField> fields);

// send.unknown campaign=7 reason="two words". Everything that is not plainly a word is quoted and escaped, so
// that a value from outside can neither forge a line nor send control sequences to a terminal.
std::string text_log_tail(std::string_view event, std::initializer_list<LogField> fields);

}  // namespace posthorn
