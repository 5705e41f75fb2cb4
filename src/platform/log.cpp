#include "platform/log.h"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include "platform/log_line.h"
#include "platform/real_log.h"

namespace posthorn {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// Our names of levels go into the payload: those of the library depend on how it was built.
constexpr const char* kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ",%v)";
constexpr const char* kTextPattern = "%Y-%m-%d %H:%M:%S.%e %v";

class SpdLog final : public RealLog {
 public:
  SpdLog(const LogOptions& options, bool json, spdlog::sink_ptr sink)
      : json_(json),
        pool_(std::make_shared<spdlog::details::thread_pool>(options.queue_lines, 1)),
        logger_(std::make_shared<spdlog::async_logger>("posthorn", std::move(sink), pool_,
                                                       spdlog::async_overflow_policy::overrun_oldest)) {
    logger_->set_level(level_of(options.level));
    logger_->flush_on(spdlog::level::err);
    logger_->set_error_handler([](const std::string&) {});  // a full log disk must not spread
    logger_->set_formatter(std::make_unique<spdlog::pattern_formatter>(json ? kJsonPattern : kTextPattern,
                                                                       spdlog::pattern_time_type::utc));
  }
  // A flush through a full queue would push a waiting line out, so the thread ends first and the sink is used
  // directly.
  ~SpdLog() override {
    const std::uint64_t lost = dropped();
    pool_.reset();  // writes what waits and joins
    const spdlog::sink_ptr& sink = logger_->sinks().front();
    try {
      if (lost > 0) {
        const std::string notice =
            line(LogLevel::warning, "log.dropped", {LogField("lines_since_start", lost)});
        sink->log(spdlog::details::log_msg(logger_->name(), spdlog::level::warn, notice));
      }
      sink->flush();
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): the log disk is full, and there is
                                       // nobody left to tell
    }
  }

  void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) override {
    if (!logger_->should_log(level_of(level))) return;
    report_drops();
    put(level, event, fields);
  }
  std::uint64_t dropped() const override { return pool_->overrun_counter(); }

 private:
  std::string line(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) const {
    if (json_) return fmt::format(R"("level":"{}",{})", to_string(level), json_log_tail(event, fields));
    return fmt::format("{:<7} {}", to_string(level), text_log_tail(event, fields));
  }
  void put(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
    const std::string text = line(level, event, fields);
    logger_->log(level_of(level), spdlog::string_view_t(text));
  }

  // Said once the queue has room again: while it overflows, the notice would only push out another line. It
  // says the sum, since a notice may be dropped as well.
  void report_drops() {
    const std::uint64_t now = dropped();
    if (now == reported_ || pool_->queue_size() > 0) return;
    put(LogLevel::warning, "log.dropped", {LogField("lines_since_start", now)});
    reported_ = now;
  }

  bool json_;
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<spdlog::async_logger> logger_;
  std::uint64_t reported_ = 0;
};

class NullLog final : public Log {
 public:
  void write(LogLevel, std::string_view, std::initializer_list<LogField>) override {}
};

}  // namespace

Result<std::unique_ptr<RealLog>> make_log(LogOptions options) {
  const bool terminal = options.file.empty() && ::isatty(STDERR_FILENO) == 1;
  const bool json =
      options.format == LogFormat::json || (options.format == LogFormat::automatic && !terminal);
  try {
    spdlog::sink_ptr sink;
    if (options.file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(options.file, options.rotate_bytes,
                                                                    options.rotate_files);
    }
    return std::make_unique<SpdLog>(options, json, std::move(sink));
  } catch (const spdlog::spdlog_ex& error) {
    return fail(ErrorCode::internal,
                fmt::format("cannot open the log file {}: {}", options.file, error.what()), "log.file");
  }
}

Log& null_log() {
  static NullLog log;
  return log;
}

}  // namespace posthorn
