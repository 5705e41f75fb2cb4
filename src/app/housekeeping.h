// What nobody asks for: rows that have served their time are deleted, and when each API key and session was
// last used is kept.
#pragma once
#include "platform/async.h"
#include "platform/clock.h"
#include "platform/log.h"

namespace posthorn {

class Access;
class Database;

class Housekeeping {
 public:
  struct Ports {
    Database& database;
    Access& access;
    Clock& clock;
    Log& log;
    Executor executor;
  };
  explicit Housekeeping(Ports ports) : ports_(ports) {}

  void start();
  // Nothing is begun any more. What is asleep goes with the executor, so this object must outlive it.
  void stop() { stopping_ = true; }

 private:
  Task<> run();
  Task<> prune();
  Ports ports_;
  bool stopping_ = false;
};

}  // namespace posthorn
