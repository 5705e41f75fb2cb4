// The program itself as a child process, as an operator runs it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace posthorn::bench {

// Beside this benchmark in the build folder, or POSTHORN_BINARY.
std::string posthorn_binary();
std::uint16_t free_port();

class Child {
 public:
  explicit Child(std::vector<std::string> command);  // output goes nowhere
  ~Child();                                          // kill -9 if it still runs
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  int pid() const { return pid_; }
  void kill_now();
  int wait();  // → exit code

 private:
  pid_t pid_ = -1;
};

// One blocking exchange on a connection of its own: status, or 0 when nobody answers; the body in `body` if
// given.
int exchange(std::uint16_t port, const std::string& request, std::string* body = nullptr);
int get(std::uint16_t port, const std::string& path, std::string* body = nullptr);
// Milliseconds until `request` is answered with 200; negative after ten seconds.
double wait_for_ok(std::uint16_t port, const std::string& request);
std::string get_request(const std::string& path);

}  // namespace posthorn::bench
