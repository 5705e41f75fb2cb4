#include "platform/safe_fetch.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include "platform/authority.h"
#include "platform/http_client.h"
#include "platform/http_head.h"
#include "platform/http_reply.h"

namespace posthorn {
namespace {

constexpr Duration kLook = std::chrono::milliseconds(250);
constexpr std::size_t kPiece = 64 * 1024;
constexpr Duration kLongestPause = std::chrono::hours(1);

using Failed = std::unexpected<FetchFailure>;

Failed failed(FetchProblem problem, Error error) {
  return Failed(FetchFailure{problem, 0, Duration(0), std::move(error)});
}
Failed failed(FetchProblem problem, ErrorCode code, std::string message) {
  return failed(problem, Error{code, std::move(message)});
}

// What a watcher needs to end an exchange that takes too long. Shared: either may go first.
struct Watch {
  Stream* stream = nullptr;  // nullptr: nothing to end
  MonotonicTime head_by;     // until the head has come
  MonotonicTime end_by;
  bool head_came = false;
  std::uint64_t received = 0;  // of the body
  Duration waited_for_us{};    // the sink's time is not the server's
  bool late = false;
};

class Pace {
 public:
  Pace(const FetchLimits& limits, MonotonicTime now)
      : window_(limits.pace_window), least_(limits.min_bytes_per_second), since_(now) {}

  // False if too little came in a whole window.
  bool keeps_up(const Watch& watch, MonotonicTime now) {
    const Duration span = now - since_ - (watch.waited_for_us - waited_);
    if (span < window_) return true;
    const auto wanted = least_ * static_cast<std::uint64_t>(window_.count()) / 1'000'000;
    const bool enough = watch.received - received_ >= wanted;
    since_ = now;
    waited_ = watch.waited_for_us;
    received_ = watch.received;
    return enough;
  }

 private:
  const Duration window_;
  const std::uint64_t least_;
  MonotonicTime since_;
  Duration waited_{};
  std::uint64_t received_ = 0;
};

Task<> watch_over(std::shared_ptr<Watch> watch, Clock& clock, FetchLimits limits) {
  std::unique_ptr<Pace> pace;
  while (watch->stream != nullptr) {
    co_await clock.sleep_for(kLook);
    if (watch->stream == nullptr) co_return;
    const MonotonicTime now = clock.now();
    if (watch->head_came && !pace) pace = std::make_unique<Pace>(limits, now);
    const bool late = now >= watch->end_by || (!watch->head_came && now >= watch->head_by) ||
                      (pace && !pace->keeps_up(*watch, now));
    if (!late) continue;
    watch->late = true;
    watch->stream->close();
    co_return;
  }
}

std::string request_text(const ParsedUrl& url, const Secret& authorization) {
  std::string out = fmt::format("GET {} HTTP/1.1\r\nHost: ", url.target);
  append_authority(out, url.endpoint);
  out += "\r\nUser-Agent: posthorn\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n";
  if (!authorization.empty()) out += "Authorization: " + authorization.reveal() + "\r\n";
  return out + "\r\n";
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// The address that a Location header means, seen from `from` (RFC 3986, 5.2; without dot segments).
std::string redirect_target(const ParsedUrl& from, std::string_view location) {
  if (location.contains("://")) return std::string(location);
  const std::string origin = origin_of(from.endpoint);
  if (location.starts_with("//")) return fmt::format("{}:{}", from.endpoint.tls ? "https" : "http", location);
  if (location.starts_with('/')) return fmt::format("{}{}", origin, location);
  const std::string path = from.target.substr(0, from.target.find('?'));
  return fmt::format("{}{}{}", origin, path.substr(0, path.rfind('/') + 1), location);
}

Duration retry_after(std::string_view text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0) return Duration(0);
  return std::min<Duration>(std::chrono::seconds(std::min<std::int64_t>(seconds, 3600)), kLongestPause);
}

// One request and its answer.
class Hop {
 public:
  Hop(Clock& clock, ParsedUrl url, const FetchLimits& limits, std::shared_ptr<Watch> watch,
      std::unique_ptr<Stream> stream)
      : clock_(clock),
        url_(std::move(url)),
        limits_(limits),
        watch_(std::move(watch)),
        stream_(std::move(stream)) {
    watch_->stream = stream_.get();
  }
  ~Hop() { watch_->stream = nullptr; }
  Hop(const Hop&) = delete;
  Hop& operator=(const Hop&) = delete;

  // Until the answer's head is there.
  Task<std::expected<void, FetchFailure>> ask(std::string request) {
    std::string_view rest = request;
    while (!rest.empty()) {
      const auto n = co_await stream_->write_some(rest);
      if (!n) co_return broke(n.error());
      rest.remove_prefix(*n);
    }
    parser_.start(false, limits_.max_bytes);
    in_.resize(kPiece);
    while (parser_.status() == 0) {
      auto fed = co_await read_more();
      if (!fed) co_return std::unexpected(std::move(fed.error()));
      if (*fed == Fed::ended) break;
    }
    watch_->head_came = true;
    co_return std::expected<void, FetchFailure>();
  }

  // The body into the sink.
  Task<std::expected<Fetched, FetchFailure>> take(FetchSink& sink) {
    if (const auto coding = parser_.field("Content-Encoding");
        !coding.empty() && !same_token(coding, "identity"))
      co_return failed(FetchProblem::broken, ErrorCode::data_loss,
                       host() + " sent compressed bytes, which nobody asked for");
    Fetched out;
    out.content_type = parser_.field("Content-Type");
    out.origin = origin_of(url_.endpoint);
    for (;;) {
      std::string piece = parser_.take_body_so_far();
      out.size += piece.size();
      watch_->received = out.size;
      if (!piece.empty()) {
        const MonotonicTime before = clock_.now();
        auto taken = co_await sink(std::move(piece));
        watch_->waited_for_us += clock_.now() - before;
        if (!taken) co_return failed(FetchProblem::sink, std::move(taken.error()));
      }
      if (ended_ || parser_.done()) break;
      auto fed = co_await read_more();
      if (!fed) co_return std::unexpected(std::move(fed.error()));
    }
    co_return out;
  }

  int status() const { return parser_.status(); }
  std::string field(std::string_view name) const { return parser_.field(name); }
  const ParsedUrl& url() const { return url_; }
  const std::string& host() const { return url_.endpoint.host; }

 private:
  enum class Fed { more, ended };

  Failed broke(const Error& error) const {
    if (watch_->late) {
      return failed(FetchProblem::too_slow, ErrorCode::deadline_exceeded, host() + " was too slow");
    }
    if (error.code == ErrorCode::too_large) {
      return failed(FetchProblem::too_large, ErrorCode::too_large,
                    fmt::format("{} sent more than {} bytes", host(), limits_.max_bytes));
    }
    const auto problem =
        error.code == ErrorCode::data_loss ? FetchProblem::broken : FetchProblem::unreachable;
    return failed(problem, error.code, fmt::format("{}: {}", host(), error.message));
  }

  Task<std::expected<Fed, FetchFailure>> read_more() {
    if (held_ == in_.size()) in_.resize(in_.size() * 2);
    const std::span<char> room(in_.data() + held_, in_.size() - held_);
    const auto got = co_await stream_->read_some(room);
    if (!got) co_return broke(got.error());
    if (*got == 0) {
      ended_ = true;
      if (auto whole = parser_.end_of_input(); !whole) co_return broke(whole.error());
      co_return Fed::ended;
    }
    held_ += *got;
    const auto used = parser_.feed({in_.data(), held_});
    if (!used) co_return broke(used.error());
    held_ -= *used;
    if (held_ > 0 && *used > 0) std::memmove(in_.data(), in_.data() + *used, held_);
    co_return Fed::more;
  }

  Clock& clock_;
  const ParsedUrl url_;
  const FetchLimits& limits_;
  std::shared_ptr<Watch> watch_;
  std::unique_ptr<Stream> stream_;
  ReplyParser parser_;
  std::vector<char> in_;
  std::size_t held_ = 0;
  bool ended_ = false;
};

FetchFailure status_failure(const Hop& hop) {
  FetchFailure failure{FetchProblem::status, hop.status(), retry_after(hop.field("Retry-After")), {}};
  failure.error = {ErrorCode::unavailable, fmt::format("{} answered HTTP {}", hop.host(), hop.status())};
  if (hop.status() == 404 || hop.status() == 410) failure.error.code = ErrorCode::not_found;
  if (hop.status() == 401 || hop.status() == 403) failure.error.code = ErrorCode::permission_denied;
  return failure;
}

FetchProblem connect_problem(const Error& error) {
  if (error.code == ErrorCode::permission_denied) return FetchProblem::forbidden;
  return error.code == ErrorCode::deadline_exceeded ? FetchProblem::too_slow : FetchProblem::unreachable;
}

// parse_url() repeats the URL in its message, and the URL may be a secret.
Failed unusable_url(std::string_view whose) {
  return failed(FetchProblem::bad_url, ErrorCode::invalid_argument,
                fmt::format("{} is not a usable address", whose));
}

}  // namespace

SafeFetch::SafeFetch(Network& network, Clock& clock, Executor executor, AddressPolicy policy)
    : network_(network, clock, std::move(policy)), clock_(clock), executor_(std::move(executor)) {}

Task<std::expected<Fetched, FetchFailure>> SafeFetch::get(FetchRequest request, FetchSink sink) {
  const auto first = parse_url(request.url);
  if (!first) co_return unusable_url("the file's address");
  const MonotonicTime end_by = clock_.now() + request.limits.whole;
  const bool may_authorize = std::ranges::find(request.credential_origins, origin_of(first->endpoint)) !=
                             request.credential_origins.end();
  bool credentials = may_authorize;  // once the redirects have left the first origin, never again
  ParsedUrl url = *first;
  for (int hops = 0;; ++hops) {
    credentials = credentials && url.endpoint == first->endpoint;
    const Duration left = std::max(end_by - clock_.now(), Duration(0));
    auto stream = co_await network_.connect(url.endpoint, std::min(request.limits.connect, left));
    if (!stream) co_return failed(connect_problem(stream.error()), std::move(stream.error()));
    auto watch = std::make_shared<Watch>();
    watch->end_by = end_by;
    watch->head_by = clock_.now() + request.limits.first_byte;
    Hop hop(clock_, url, request.limits, watch, std::move(*stream));
    asio::co_spawn(executor_, watch_over(watch, clock_, request.limits), asio::detached);
    const Secret nothing;
    auto asked = co_await hop.ask(request_text(url, credentials ? request.authorization : nothing));
    if (!asked) co_return std::unexpected(std::move(asked.error()));
    if (hop.status() == 200) co_return co_await hop.take(sink);
    if (!is_redirect(hop.status())) co_return std::unexpected(status_failure(hop));
    if (hops == request.limits.max_redirects) {
      co_return failed(FetchProblem::broken, ErrorCode::data_loss,
                       fmt::format("{} redirects too often", hop.host()));
    }
    auto next = parse_url(redirect_target(url, hop.field("Location")));
    if (!next) co_return unusable_url("the address that " + hop.host() + " redirects to");
    url = std::move(*next);
  }
}

}  // namespace posthorn
