// A broadcast's progress: a bar on a terminal, a line every few seconds in a pipe.
#pragma once
#include <string>

#include "core/json.h"
#include "core/time.h"

namespace posthorn {

// "[#####.....]  43.2 %  accepted 21,600 · delivered 20,100 · read 12,000 · failed 321 · 998/s · 28 s left"
std::string progress_line(const json::value& broadcast, std::size_t bar_width);

class ProgressDisplay {
 public:
  enum class Style { bar, lines, json };
  explicit ProgressDisplay(Style style) : style_(style) {}
  void show(const json::value& broadcast, MonotonicTime now);
  void finish(const json::value& broadcast);  // the last state, and the line ended

 private:
  Style style_;
  std::string last_;
  MonotonicTime next_{};
  bool drawn_ = false;
};

bool is_terminal_output();

}  // namespace posthorn
