#include "platform/programs.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/file_descriptor.h"

extern char** environ;

namespace posthorn {
namespace {

constexpr std::size_t kMostOutput = 1024 * 1024;
using Deadline = std::chrono::steady_clock::time_point;

struct Actions {
  posix_spawn_file_actions_t value{};
  Actions() { posix_spawn_file_actions_init(&value); }
  ~Actions() { posix_spawn_file_actions_destroy(&value); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
};

Result<pid_t> start(std::vector<std::string>& words, int out) {
  Actions actions;
  posix_spawn_file_actions_addopen(&actions.value, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions.value, out, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions.value, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&actions.value, STDERR_FILENO + 1);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int failed = posix_spawnp(&pid, argv.front(), &actions.value, nullptr, argv.data(), environ);
  if (failed == 0) return pid;
  return fail(ErrorCode::not_found,
              fmt::format("{} cannot be started: {}", words.front(), std::strerror(failed)));
}

// Until the program closes its output.
Result<std::string> read_output(int fd, Deadline deadline) {
  std::string out;
  std::array<char, 4096> buffer;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd wanted{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = left.count() > 0 ? ::poll(&wanted, 1, static_cast<int>(left.count())) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return fail(ErrorCode::deadline_exceeded, "it did not end in time");
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return out;
    out.append(buffer.data(), static_cast<std::size_t>(n));
    if (out.size() > kMostOutput) return fail(ErrorCode::too_large, "it wrote more than 1 MiB");
  }
}

// The status, or nothing when it does not end in time although its output is closed.
Result<int> wait_for(pid_t pid, Deadline deadline) {
  int status = 0;
  for (;;) {
    const pid_t done = ::waitpid(pid, &status, WNOHANG);
    if (done == pid) return status;
    if (done < 0 && errno != EINTR) return fail(ErrorCode::internal, "its end cannot be waited for");
    if (std::chrono::steady_clock::now() >= deadline)
      return fail(ErrorCode::deadline_exceeded, "it did not end in time");
    ::poll(nullptr, 0, 5);
  }
}

void kill_and_reap(pid_t pid) {
  ::kill(pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

// What one reads from a quoted or bare stretch; `at` is moved behind it.
bool take_quoted(std::string_view text, std::size_t& at, std::string& word) {
  const char quote = text[at++];
  while (at < text.size() && text[at] != quote) {
    const bool escape = quote == '"' && text[at] == '\\' && at + 1 < text.size() &&
                        (text[at + 1] == '"' || text[at + 1] == '\\');
    if (escape) ++at;
    word += text[at++];
  }
  return at++ < text.size();
}

}  // namespace

Result<std::vector<std::string>> split_command(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  bool begun = false;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      if (std::exchange(begun, false)) out.push_back(std::exchange(word, {}));
      ++at;
      continue;
    }
    begun = true;
    if (c == '"' || c == '\'') {
      if (!take_quoted(text, at, word)) return fail(ErrorCode::invalid_argument, "a quote is not closed");
    } else {
      if (c == '\\' && at + 1 < text.size()) ++at;
      word += text[at++];
    }
  }
  if (begun) out.push_back(std::move(word));
  if (out.empty() || out.front().empty())
    return fail(ErrorCode::invalid_argument, "there is no program to run");
  return out;
}

Result<std::string> run_program(std::vector<std::string> words, Duration timeout) {
  if (words.empty()) return fail(ErrorCode::invalid_argument, "there is no program to run");
  const Deadline deadline = std::chrono::steady_clock::now() + timeout;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(ErrorCode::resource_exhausted, "no pipe can be made");
  const FileDescriptor ours(ends[0]);
  FileDescriptor theirs(ends[1]);
  PH_TRY_ASSIGN(const pid_t pid, start(words, theirs.get()));
  theirs = FileDescriptor();
  Result<std::string> output = read_output(ours.get(), deadline);
  const Result<int> status = output ? wait_for(pid, deadline) : std::unexpected(output.error());
  if (!status) {
    kill_and_reap(pid);
    return fail(status.error().code, fmt::format("{}: {}", words.front(), status.error().message));
  }
  if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return output;
  return fail(ErrorCode::unavailable,
              WIFEXITED(*status)
                  ? fmt::format("{} ended with status {}", words.front(), WEXITSTATUS(*status))
                  : fmt::format("{} was ended by signal {}", words.front(), WTERMSIG(*status)));
}

}  // namespace posthorn
