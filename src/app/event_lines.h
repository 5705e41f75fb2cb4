// Server-sent events as `posthorn tail` reads them, and an event as one line for people.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace posthorn {

struct StreamedEvent {
  std::string id;    // position to resume after; "0" until one was told
  std::string name;  // "message" unless the server names another, such as "gap"
  std::string data;  // empty: only the position moved
};

// By the event stream rules of the HTML standard (9.2.6), as far as our server uses them: lines end with LF
// or CRLF.
class EventStreamParser {
 public:
  explicit EventStreamParser(std::string last_id = "0") : last_id_(std::move(last_id)) {}
  // Takes bytes as they come, returns the events that are complete.
  std::vector<StreamedEvent> feed(std::string_view bytes);
  const std::string& last_id() const { return last_id_; }

 private:
  void take_line(std::string_view line, std::vector<StreamedEvent>& out);

  std::string rest_, last_id_, name_, data_;
  bool any_ = false;
};

// "12:30:05  message.received  conversation:7  Anna: Hello". Control characters are replaced: what people
// write must not reach the terminal as commands.
std::string event_line(const json::value& event);

}  // namespace posthorn
