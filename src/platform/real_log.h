// The log of the running program: asynchronous, JSON lines for machines or plain text for terminals.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "core/result.h"
#include "platform/log.h"

namespace posthorn {

enum class LogFormat { automatic, json, text };  // automatic: text when standard error is a terminal

struct LogOptions {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::automatic;
  std::string file = {};                             // empty: standard error
  std::size_t rotate_bytes = std::size_t{64} << 20;  // of one file
  std::size_t rotate_files = 5;                      // kept beside the current one
  std::size_t queue_lines = 8192;  // when full, the oldest waiting line is dropped and counted
};

class RealLog : public Log {
 public:
  virtual std::uint64_t dropped() const = 0;  // lines lost to a full queue since the start
};

// Fails with `internal` when the file cannot be opened. The destructor writes out what is waiting.
// One line: {"time":"2026-07-01T12:00:00.000000Z","level":"info","event":"send.unknown","campaign":7}
Result<std::unique_ptr<RealLog>> make_log(LogOptions options);

}  // namespace posthorn
