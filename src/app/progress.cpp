#include "app/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include "app/output.h"
#include "core/json_text.h"

namespace posthorn {
namespace {

constexpr Duration kLineInterval = std::chrono::seconds(5);
constexpr std::size_t kBar = 24;

std::int64_t settled(const JsonView& counters) {
  std::int64_t sum = 0;
  for (const char* name : {"accepted", "rejected", "unknown_final", "suppressed", "cancelled", "expired"})
    sum += counters[name].integer_or(0);
  return sum;
}

}  // namespace

std::string progress_line(const json::value& broadcast, std::size_t bar_width) {
  const JsonView view(broadcast);
  const auto counters = view["counters"];
  const auto total = counters["total"].integer_or(0);
  const double share = total > 0 ? static_cast<double>(settled(counters)) / static_cast<double>(total) : 0;
  const auto filled = static_cast<std::size_t>(share * static_cast<double>(bar_width));
  std::string line;
  if (bar_width > 0)
    line = fmt::format("[{}{}] ", std::string(filled, '#'), std::string(bar_width - filled, '.'));
  line += fmt::format("{:5.1f} %  sent {} · delivered {} · read {} · failed {}", share * 100,
                      grouped(counters["accepted"].integer_or(0)),
                      grouped(counters["delivered"].integer_or(0)), grouped(counters["read"].integer_or(0)),
                      grouped(counters["failed"].integer_or(0) + counters["rejected"].integer_or(0)));
  const auto state = view["state"].string_or("");
  if (state == "running") {
    line += fmt::format(" · {:.0f}/s", view["rate_per_second"].number().value_or(0));
    const auto left = view["seconds_left"].number();
    if (left) line += fmt::format(" · {} left", short_duration(*left));
  } else {
    line += fmt::format(" · {}", state);
    const auto reason = view["state_reason"].string_or("");
    if (!reason.empty()) line += fmt::format(": {}", reason);
  }
  return line;
}

void ProgressDisplay::show(const json::value& broadcast, MonotonicTime now) {
  if (style_ == Style::json) {
    auto text = json_text(broadcast);
    if (text != last_) print(text + "\n");
    last_ = std::move(text);
    return;
  }
  auto line = progress_line(broadcast, style_ == Style::bar ? kBar : 0);
  if (style_ == Style::bar) {
    if (line != last_) print("\r\033[K" + line);
    drawn_ = true;
  } else if (now >= next_ && line != last_) {
    print(line + "\n");
    next_ = now + kLineInterval;
  } else {
    return;
  }
  last_ = std::move(line);
}

void ProgressDisplay::finish(const json::value& broadcast) {
  if (style_ == Style::json) return;
  const auto line = progress_line(broadcast, style_ == Style::bar ? kBar : 0);
  if (drawn_) {
    print("\r\033[K" + line + "\n");
  } else if (line != last_) {
    print(line + "\n");
  }
}

bool is_terminal_output() {
  return ::isatty(STDOUT_FILENO) == 1;
}

}  // namespace posthorn
