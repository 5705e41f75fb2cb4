// People who answer by themselves: scripted conversations, and people who tap the first thing they are
// offered. Works for phones and for Instagram and Messenger users alike; both are known here by a name.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "core/result.h"
#include "sandbox/wakeup.h"

namespace posthorn::sandbox {

class Scripts {
 public:
  // Sends a short form as this person; an error is remembered in the script's report.
  using Send =
      std::function<Result<std::string>(const std::string& person, const boost::json::value& message)>;

  Scripts(Clock& clock, Executor executor, Send send);
  void stop() { wakeup_.stop(); }

  // {"steps":[{"expect":"any" | text it contains | {"type","contains"},"send":{…},"after_ms":5}]}. A step
  // without "expect" sends without waiting. Replaces the person's script. invalid_argument names what is
  // wrong.
  Result<> begin(const std::string& person, const boost::json::value& script);
  bool remove(const std::string& person) { return scripts_.erase(person) > 0; }

  // The person got a message; `text` is what it says, `type` its type. May answer, later.
  void received(const std::string& person, std::string_view type, std::string_view text);
  // Sends once, later.
  void send_later(const std::string& person, boost::json::value message, Duration after);
  bool watches(const std::string& person) const { return scripts_.contains(person); }
  bool empty() const { return scripts_.empty(); }

  // {"scripts":[{"person","step","steps","done","unexpected":[…],"errors":[…]}]}
  boost::json::value report() const;
  bool idle() const { return calendar_.empty(); }
  void clear();

 private:
  struct Step {
    bool waits = false;
    std::string type, contains;  // contains: lower case; both empty: anything will do
    boost::json::value send;     // null: nothing is sent
    Duration after{};
  };
  struct Script {
    std::vector<Step> steps;
    std::size_t next = 0;
    std::vector<std::string> unexpected, errors;
  };
  struct Due {
    std::string person;
    boost::json::value message;
  };
  static Result<Step> read_step(const boost::json::value& given, std::size_t position);
  static bool meets(const Step& step, std::string_view type, std::string_view text);
  void advance(const std::string& person, Script& script, Duration after);
  void wake();

  Clock& clock_;
  Send send_;
  std::map<std::string, Script> scripts_;
  Calendar<Due> calendar_;
  Wakeup wakeup_;
};

}  // namespace posthorn::sandbox
