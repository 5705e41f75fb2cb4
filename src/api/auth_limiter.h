// Slows down guessing: an address that keeps presenting wrong credentials is refused unseen for a while.
#pragma once
#include <map>
#include <string>

#include "core/time.h"

namespace posthorn {

// Pure: time is an argument. Holds at most kMaxAddresses; the oldest go first.
class AuthLimiter {
 public:
  static constexpr int kFailures = 10;                          // in a row, before …
  static constexpr Duration kForget = std::chrono::minutes(1);  // … one is forgiven each
  static constexpr std::size_t kMaxAddresses = 10'000;

  bool allows(const std::string& address, MonotonicTime now) const;
  void failed(const std::string& address, MonotonicTime now);

 private:
  struct Failures {
    double count = 0;
    MonotonicTime at{};
  };
  static double remaining(const Failures& failures, MonotonicTime now);
  void make_room();
  std::map<std::string, Failures> addresses_;
};

}  // namespace posthorn
