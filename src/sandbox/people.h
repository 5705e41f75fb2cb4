// The people behind phones and scoped ids who answer by themselves: glue between deliveries and scripts.
#pragma once
#include <string>

#include <boost/json/value.hpp>

#include "core/result.h"
#include "sandbox/controls.h"
#include "sandbox/messaging.h"
#include "sandbox/scripts.h"
#include "sandbox/world.h"

namespace posthorn::sandbox {

class People {
 public:
  People(World& world, Controls& controls, Deliveries& deliveries, Messaging& messaging, Executor executor);
  void stop() { scripts_.stop(); }
  Scripts& scripts() { return scripts_; }

  // {"phone":"49…"} or {"user":"…","account":"…"} as the name of a person in scripts.
  Result<std::string> person_of(const boost::json::value& given) const;

 private:
  Result<std::string> speak(const std::string& person, const boost::json::value& message);
  void phone_got(const Message& message);
  void user_got(const ScopedUser& user, const MetaMessage& message);

  World& world_;
  Controls& controls_;
  Messaging& messaging_;
  Scripts scripts_;
};

}  // namespace posthorn::sandbox
