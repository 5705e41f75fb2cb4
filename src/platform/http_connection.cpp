#include "platform/http_connection.h"

#include <charconv>
#include <cstring>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "platform/http_text.h"

namespace posthorn {
namespace {

constexpr std::size_t kFirstBuffer = 4 * 1024;  // idle connections should cost little
constexpr std::size_t kJoinLimit = 64 * 1024;   // bodies up to this size leave in one write with the head
constexpr std::size_t kSkipLimit = 64 * 1024;   // unread body bytes worth reading to keep the connection
constexpr std::size_t kLingerLimit = 1024 * 1024;
constexpr Duration kLingerTime = std::chrono::seconds(2);
constexpr std::uint64_t kMinBytesPerSecond = 1024;

// What a handler says about the length of an answer that it streams.
std::optional<std::uint64_t> announced_length(const HttpResponse& head) {
  const auto text = head.headers.get("Content-Length");
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return length;
}

}  // namespace

const std::string& HttpServerCore::date() {
  const auto second = stopped ? date_second_ : std::chrono::floor<std::chrono::seconds>(clock.wall_now());
  if (date_.empty() || second != date_second_) {
    date_second_ = second;
    date_ = fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(second.time_since_epoch().count()));
  }
  return date_;
}

HttpConnection::HttpConnection(std::shared_ptr<HttpServerCore> core, std::unique_ptr<Stream> stream)
    : core_(std::move(core)), stream_(std::move(stream)), in_(kFirstBuffer) {
  place_ = core_->connections.insert(core_->connections.end(), this);
  enter(Phase::head);  // a new connection owes its first request within the head timeout
}

HttpConnection::~HttpConnection() {
  core_->connections.erase(place_);
}

void HttpConnection::enter(Phase phase) {
  phase_ = phase;
  phase_since_ = core_->now();
}

Task<> HttpConnection::serve(std::shared_ptr<HttpConnection> self) {
  try {
    co_await self->run();
  } catch (const std::exception&) {
    // Cancelled from outside: the connection ends like any other.
  }
  self->close();
}

Task<> HttpConnection::run() {
  while (!core_->stopped) {
    const bool complete = co_await read_head();
    if (!complete) co_return;
    start_body();
    enter(Phase::handling);
    co_await answer();
    const bool in_step = body_ended() || (!close_after_ && co_await skip_rest_of_body());
    if (!in_step || close_after_) {
      co_await linger();
      co_return;
    }
    enter(begin_ == end_ ? Phase::idle : Phase::head);
  }
}

// False when the connection is over: closed, timed out or refused.
Task<bool> HttpConnection::read_head() {
  const HeadLimits limits{core_->limits.max_head, core_->limits.max_header_fields};
  for (;;) {
    const HeadResult parsed = parse_head(buffered(), limits, head_);
    if (parsed.progress == HeadProgress::complete) {
      begin_ += parsed.consumed;
      co_return true;
    }
    if (parsed.progress == HeadProgress::refused) {
      co_await refuse(parsed.refusal);
      co_return false;
    }
    const std::span<char> room = space();
    const auto got = co_await stream_->read_some(room);
    if (!got || *got == 0) co_return false;
    end_ += *got;
    if (phase_ == Phase::idle) enter(Phase::head);
  }
}

// Free space behind the unread input, which is moved to the front first.
std::span<char> HttpConnection::space() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == in_.size() && begin_ > 0) {
    std::memmove(in_.data(), in_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == in_.size()) in_.resize(in_.size() * 2);
  return {in_.data() + end_, in_.size() - end_};
}

void HttpConnection::start_body() {
  answer_ = Answer::none;
  close_after_ = !head_.keep_alive;
  body_left_ = head_.content_length;
  chunks_ = ChunkReader();
  body_waited_ = {};
  body_progress_ = 0;
}

Task<bool> HttpConnection::call_handler() {
  try {
    co_await core_->handler(*this);
  } catch (const std::exception&) {
    co_return false;
  }
  co_return true;
}

Task<> HttpConnection::answer() {
  const bool returned = co_await call_handler();
  if (answer_ == Answer::none) {
    close_after_ = true;
    HttpResponse failure;
    failure.status = 500;
    failure.headers.add("Content-Type", "text/plain");
    failure.body = "Internal error. The server's log says more.\n";
    co_await respond(std::move(failure));
  } else if (answer_ == Answer::streaming) {
    answer_ = Answer::streamed;
    const bool cut_short = stream_left_.value_or(0) > 0 && head_.request.method != "HEAD";
    if (!returned || cut_short) close();  // no last chunk: the client can tell that the answer is incomplete
    const bool chunked = !stream_left_ && !head_.http10 && head_.request.method != "HEAD";
    if (returned && chunked) co_await write_all("0\r\n\r\n");
  }
}

Task<> HttpConnection::refuse(Refusal refusal) {
  close_after_ = true;
  answer_ = Answer::none;
  head_.http10 = false;
  head_.request.method = "GET";
  HttpResponse response;
  response.status = refusal.status;
  response.headers.add("Content-Type", "text/plain");
  response.body = fmt::format("{}: {}\n", reason_phrase(refusal.status), refusal.reason);
  co_await respond(std::move(response));
  co_await linger();
}

// A small unread body is read away so that the connection can go on; a large one is not worth it.
Task<bool> HttpConnection::skip_rest_of_body() {
  std::vector<char> scratch(16 * 1024);
  std::size_t skipped = 0;
  while (skipped <= kSkipLimit) {
    const auto got = co_await read_body_some(scratch);
    if (!got) co_return false;
    if (*got == 0) co_return true;
    skipped += *got;
  }
  co_return false;
}

// Closing a socket with unread input resets it, and the reset may overtake our answer. So: finish our side,
// then read the rest away for a short while.
Task<> HttpConnection::linger() {
  enter(Phase::lingering);
  stream_->finish_writing();
  std::size_t dropped = 0;
  while (dropped < kLingerLimit) {
    const auto got = co_await stream_->read_some(in_);
    if (!got || *got == 0) co_return;
    dropped += *got;
  }
}

Task<Result<std::size_t>> HttpConnection::read_for_body(std::span<char> out) {
  enter(Phase::body);
  auto got = co_await stream_->read_some(out);
  if (phase_ == Phase::body) {
    const MonotonicTime started = phase_since_;
    enter(Phase::handling);
    body_waited_ += phase_since_ - started;
  }
  if (!got) close_after_ = true;
  if (got && *got == 0) {
    close_after_ = true;
    co_return fail(ErrorCode::unavailable, "the client closed the connection in the middle of the body");
  }
  if (got) body_progress_ += *got;
  co_return got;
}

Task<Result<std::size_t>> HttpConnection::read_body_some(std::span<char> out) {
  if (out.empty()) co_return std::size_t{0};
  for (;;) {
    if (head_.chunked) begin_ += chunks_.advance(buffered());
    if (head_.chunked && chunks_.failed()) {
      close_after_ = true;
      co_return fail(ErrorCode::invalid_argument, "the chunked request body is malformed");
    }
    if (body_ended()) co_return std::size_t{0};
    const std::uint64_t available = head_.chunked ? chunks_.available() : body_left_;
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(available, out.size()));
    std::size_t n = std::min(want, end_ - begin_);
    if (n > 0) {
      std::memcpy(out.data(), in_.data() + begin_, n);
      begin_ += n;
    } else {
      const std::span<char> target = want > 0 ? out.first(want) : space();
      const auto got = co_await read_for_body(target);
      if (!got) co_return got;
      if (want == 0) {
        end_ += *got;
        continue;
      }
      n = *got;
    }
    if (head_.chunked) {
      chunks_.took(n);
    } else {
      body_left_ -= n;
    }
    co_return n;
  }
}

Task<Result<std::string>> HttpConnection::read_body(std::size_t limit) {
  std::string body;
  if (body_left_ > limit) {
    close_after_ = true;
    co_return fail(ErrorCode::too_large, fmt::format("the request body is over {} bytes", limit));
  }
  std::size_t size = 0;
  while (!body_ended()) {
    if (size == body.size()) {
      const std::size_t known = head_.chunked ? 4096 : static_cast<std::size_t>(body_left_);
      body.resize(size + std::max<std::size_t>(1, std::min(known, std::max<std::size_t>(size, 64 * 1024))));
    }
    const std::span<char> room(body.data() + size, body.size() - size);
    const auto got = co_await read_body_some(room);
    if (!got) co_return std::unexpected(got.error());
    size += *got;
    if (size > limit) {
      close_after_ = true;
      co_return fail(ErrorCode::too_large, fmt::format("the request body is over {} bytes", limit));
    }
  }
  body.resize(size);
  co_return body;
}

void HttpConnection::append_head(const HttpResponse& response, bool with_length) {
  out_.clear();
  fmt::format_to(std::back_inserter(out_), "HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status,
                 reason_phrase(response.status), core_->date());
  for (const auto& [name, value] : response.headers) {
    if (!framing_field(name)) append_field(out_, name, value);
  }
  const bool bodyless = response.status == 204 || response.status == 304;
  if (with_length && !bodyless) {
    fmt::format_to(std::back_inserter(out_), "Content-Length: {}\r\n", response.body.size());
  }
  if (close_after_ || core_->stopped) {
    close_after_ = true;
    out_ += "Connection: close\r\n";
  } else if (head_.http10) {
    out_ += "Connection: keep-alive\r\n";
  }
}

Task<Result<>> HttpConnection::respond(HttpResponse response) {
  if (answer_ != Answer::none) co_return fail(ErrorCode::conflict, "this exchange has been answered already");
  answer_ = Answer::whole;
  const bool large_rest = !head_.chunked && body_left_ > kSkipLimit;
  if (large_rest || response.status == 413) close_after_ = true;
  append_head(response, true);
  out_ += "\r\n";
  const bool silent = head_.request.method == "HEAD" || response.status == 204 || response.status == 304;
  const bool joined = response.body.size() <= kJoinLimit;
  if (joined && !silent) out_ += response.body;
  auto written = co_await write_all(out_);
  if (written && !joined && !silent) written = co_await write_all(response.body);
  co_return written;
}

Task<Result<>> HttpConnection::begin_stream(HttpResponse head) {
  if (answer_ != Answer::none) co_return fail(ErrorCode::conflict, "this exchange has been answered already");
  answer_ = Answer::streaming;
  if (head_.http10) close_after_ = true;  // the end of such a body is the end of the connection
  append_head(head, false);
  stream_left_ = announced_length(head);
  if (stream_left_) {
    fmt::format_to(std::back_inserter(out_), "Content-Length: {}\r\n", *stream_left_);
  } else if (!head_.http10) {
    out_ += "Transfer-Encoding: chunked\r\n";
  }
  out_ += "\r\n";
  co_return co_await write_all(out_);
}

Task<Result<>> HttpConnection::write_chunk(std::string_view bytes) {
  if (answer_ != Answer::streaming)
    co_return fail(ErrorCode::conflict, "begin_stream() comes before write_chunk()");
  if (bytes.empty() || head_.request.method == "HEAD") co_return Result<>();
  if (stream_left_ && bytes.size() > *stream_left_)
    co_return fail(ErrorCode::internal, "the answer is longer than its head said");
  if (stream_left_) *stream_left_ -= bytes.size();
  if (head_.http10 || stream_left_) co_return co_await write_all(bytes);
  out_.clear();
  fmt::format_to(std::back_inserter(out_), "{:x}\r\n", bytes.size());
  out_ += bytes;
  out_ += "\r\n";
  co_return co_await write_all(out_);
}

Task<Result<>> HttpConnection::write_all(std::string_view bytes) {
  const Phase before = phase_;
  while (!bytes.empty()) {
    enter(Phase::writing);
    const auto n = co_await stream_->write_some(bytes);
    if (!n) {
      close_after_ = true;
      co_return std::unexpected(n.error());
    }
    bytes.remove_prefix(*n);
  }
  phase_ = before;
  co_return Result<>();
}

bool HttpConnection::body_too_slow(MonotonicTime now) {
  const Duration waited = body_waited_ + (now - phase_since_);
  if (waited < core_->limits.body_timeout) return false;
  const auto seconds =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(waited).count());
  if (body_progress_ < kMinBytesPerSecond * seconds) return true;
  body_waited_ = {};
  body_progress_ = 0;
  phase_since_ = now;
  return false;
}

void HttpConnection::sweep(MonotonicTime now) {
  const Duration elapsed = now - phase_since_;
  switch (phase_) {
    case Phase::handling:
      return;
    case Phase::idle:
      if (elapsed >= core_->limits.keep_alive_timeout) close();
      return;
    case Phase::head:
      if (elapsed >= core_->limits.head_timeout) time_out();
      return;
    case Phase::body:
      if (body_too_slow(now)) time_out();
      return;
    case Phase::writing:
      if (elapsed >= core_->limits.body_timeout) close();
      return;
    case Phase::lingering:
      if (elapsed >= kLingerTime) close();
      return;
  }
}

// The connection's own coroutine is waiting for input, so the answer comes from a second one.
void HttpConnection::time_out() {
  const bool unanswered = answer_ == Answer::none || phase_ == Phase::head;
  if (!unanswered) return close();
  enter(Phase::lingering);
  asio::co_spawn(core_->executor, say_timeout(shared_from_this()), asio::detached);
}

Task<> HttpConnection::say_timeout(std::shared_ptr<HttpConnection> self) {
  static constexpr std::string_view kAnswer =
      "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  self->answer_ = Answer::whole;
  co_await self->stream_->write_some(kAnswer);
  self->close();
}

}  // namespace posthorn
