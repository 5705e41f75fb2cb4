// A value that must never be printed: tokens, app secrets, keys, one-time codes (invariant I32).
#pragma once
#include <string>
#include <utility>

namespace posthorn {

// Has no stream operator, no formatter and no conversion; reveal() is the only way out, and easy to grep for.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret(Secret&&) = default;
  Secret& operator=(const Secret&) = default;
  Secret& operator=(Secret&&) = default;
  ~Secret();

  const std::string& reveal() const { return value_; }
  bool empty() const { return value_.empty(); }

 private:
  std::string value_;
};

}  // namespace posthorn
