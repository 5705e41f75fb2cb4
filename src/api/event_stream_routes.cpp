#include "api/event_stream_routes.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "api/http_answers.h"
#include "automation/webhook_body.h"
#include "core/json_text.h"
#include "messaging/event_pages.h"

namespace posthorn {
namespace {

constexpr int kEventsAtOnce = 200;

Result<EventId> read_position(std::string_view text, const char* field) {
  EventId id;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id.value);
  if (error == std::errc() && end == text.data() + text.size() && id.value >= 0) return id;
  return fail(ErrorCode::invalid_argument,
              fmt::format("{} must be the id of an event, a whole number from 0 on", field), field);
}

// Tells that events are missing before what follows, and where the log begins now.
std::string gap_text(EventId asked, const EventPage& page) {
  json::object data;
  data["after"] = asked.value;
  data["oldest"] = page.oldest.value;
  data["newest"] = page.newest.value;
  return fmt::format("event: gap\ndata: {}\n\n", json_text(data));
}

// The same members as an event has in lists, with data as webhooks have it.
Result<json::object> full_view(WebhookBodies& bodies, const LoggedEvent& event) {
  PH_TRY_ASSIGN(const auto body, bodies.of(event));
  auto view = event_view(event);
  auto parsed = parse_json(body.json);
  if (parsed && parsed->is_object()) view["data"] = std::move(parsed->get_object()["data"]);
  return view;
}

// Counts an open stream for as long as it lives.
class Counted {
 public:
  explicit Counted(int& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  int& count_;
};

}  // namespace

void EventStreamRoutes::add_to(Router& router) {
  router.add("GET", "/events", [this](HttpExchange& x, RouteArgs) { return events(x); });
}

Result<EventStreamRoutes::Request> EventStreamRoutes::read_request(const HttpRequest& request) {
  Request out;
  PH_TRY_ASSIGN(out.kinds, EventKinds::parse_list(request.query("kinds")));
  const auto last = request.headers.get("Last-Event-ID");
  const auto after = request.query("after");
  if (!last.empty()) {
    PH_TRY_ASSIGN(out.position, read_position(last, "Last-Event-ID"));
  } else if (request.has_query("after")) {
    PH_TRY_ASSIGN(out.position, read_position(after, "after"));
  } else {
    out.from_end = true;
  }
  const auto full = request.query("full");
  out.full = request.has_query("full") && full != "0" && full != "false";
  return out;
}

Result<EventStreamRoutes::Piece> EventStreamRoutes::read_piece(Transaction& tx, const Request& request,
                                                               std::size_t bytes) {
  PH_TRY_ASSIGN(const auto page, read_event_page(tx, request.position, request.kinds, kEventsAtOnce));
  Piece piece;
  piece.next = page.next;
  piece.more = page.more;
  if (page.gap) piece.text = gap_text(request.position, page);
  WebhookBodies bodies(tx);
  for (const auto& event : page.events) {
    json::object view = request.full ? json::object() : event_view(event);
    if (request.full) {
      PH_TRY_ASSIGN(view, full_view(bodies, event));
    }
    piece.text += fmt::format("id: {}\ndata: {}\n\n", event.id.value, json_text(view));
    if (piece.text.size() < bytes || event.id == page.events.back().id) continue;
    piece.next = event.id;
    piece.more = true;
    break;
  }
  return piece;
}

Task<> EventStreamRoutes::events(HttpExchange& exchange) {
  // Viewers read what is stored, here as elsewhere: with full=1, too.
  if (!co_await guard_.admit(exchange, Role::viewer)) co_return;
  auto request = read_request(exchange.request());
  if (request && streams_ >= options_.most_streams)
    request = fail(ErrorCode::resource_exhausted, fmt::format("{} streams are open already", streams_));
  if (!request) {
    co_await refuse(exchange, request.error());
    co_return;
  }
  if (request->from_end) {
    auto read = [](Transaction& tx) { return events::last_position(tx); };
    const auto last = co_await database_.read(std::move(read));
    if (!last) {
      co_await refuse(exchange, last.error());
      co_return;
    }
    request->position = *last;
  }
  const Counted counted(streams_);
  auto head = plain_response(200, "", "text/event-stream");
  head.headers.set("X-Accel-Buffering", "no");
  if (!co_await exchange.begin_stream(std::move(head))) co_return;
  if (exchange.request().method == "HEAD") co_return;
  co_await follow(exchange, *std::move(request));
}

// False when the stream is to end: the client is gone, or too slow.
Task<bool> EventStreamRoutes::write(HttpExchange& exchange, std::string text, EventId position) {
  const MonotonicTime started = clock_.now();
  if (!co_await exchange.write_chunk(text)) co_return false;
  if (clock_.now() - started <= options_.slowest_write) co_return true;
  const auto farewell = fmt::format(": too slow; connect again with Last-Event-ID: {}\n\n", position.value);
  (void)co_await exchange.write_chunk(farewell);
  co_return false;
}

// Whoever may not read any more is found out here at the latest.
Task<bool> EventStreamRoutes::keep_alive(HttpExchange& exchange, EventId position) {
  const auto still = access_.authenticate(exchange.request(), exchange.peer_address());
  auto text =
      still ? fmt::format(": still here\nid: {}\n\n", position.value) : std::string(": access has ended\n\n");
  const bool written = co_await write(exchange, std::move(text), position);
  co_return written&& still;
}

Task<> EventStreamRoutes::follow(HttpExchange& exchange, Request request) {
  const MonotonicTime end = clock_.now() + options_.longest;
  MonotonicTime heartbeat = clock_.now() + options_.keep_alive;
  auto greeting = fmt::format("retry: 2000\nid: {}\n\n", request.position.value);
  if (!co_await write(exchange, std::move(greeting), request.position)) co_return;
  while (clock_.now() < end && !feed_.stopping()) {
    auto read = [request, bytes = options_.piece](Transaction& tx) { return read_piece(tx, request, bytes); };
    auto piece = co_await database_.read(std::move(read));
    if (!piece) break;
    request.position = piece->next;
    if (!piece->text.empty()) {
      if (!co_await write(exchange, std::move(piece->text), request.position)) co_return;
      heartbeat = clock_.now() + options_.keep_alive;
    }
    if (!piece->more) {
      const MonotonicTime until = std::min(heartbeat, end);
      co_await feed_.wait_beyond(request.position, until);
    }
    if (clock_.now() < heartbeat) continue;
    if (!co_await keep_alive(exchange, request.position)) co_return;
    heartbeat = clock_.now() + options_.keep_alive;
  }
  const auto farewell = fmt::format(": connect again with Last-Event-ID: {}\n\n", request.position.value);
  (void)co_await exchange.write_chunk(farewell);
}

}  // namespace posthorn
