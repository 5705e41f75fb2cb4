// GET /events: the event log as server-sent events, live and resumable.
//
// Everybody reads from the log at his own pace: nothing is buffered but the piece that is being written. A
// client that takes a piece too slowly is dropped and may come back with the last id it saw; so is everybody
// once an hour.
#pragma once
#include <cstdint>
#include <string>

#include "api/guard.h"
#include "messaging/event_feed.h"
#include "messaging/event_kinds.h"
#include "storage/database.h"

namespace posthorn {

struct EventStreamOptions {
  int most_streams = 500;  // open at once; beyond: refused with 429
  Duration keep_alive = std::chrono::seconds(15);
  Duration slowest_write = std::chrono::seconds(10);  // of one piece
  Duration longest = std::chrono::hours(1);
  std::size_t piece = 256 * 1024;  // bytes, about
};

class EventStreamRoutes {
 public:
  EventStreamRoutes(Database& database, EventFeed& feed, Access& access, Clock& clock,
                    EventStreamOptions options = {})
      : database_(database), feed_(feed), access_(access), guard_(access), clock_(clock), options_(options) {}
  void add_to(Router& router);

 private:
  // ?kinds=message.*,call.updated &after=123 (or the header Last-Event-ID, which wins) &full=1: data as
  // webhooks have it
  struct Request {
    EventKinds kinds;
    EventId position;
    bool from_end = false;  // only what happens from now on
    bool full = false;
  };
  struct Piece {
    std::string text;
    EventId next;
    bool more = false;
  };
  static Result<Request> read_request(const HttpRequest& request);
  static Result<Piece> read_piece(Transaction& tx, const Request& request, std::size_t bytes);
  Task<> events(HttpExchange& exchange);
  Task<> follow(HttpExchange& exchange, Request request);
  Task<bool> write(HttpExchange& exchange, std::string text, EventId position);
  Task<bool> keep_alive(HttpExchange& exchange, EventId position);

  Database& database_;
  EventFeed& feed_;
  Access& access_;
  Guard guard_;
  Clock& clock_;
  EventStreamOptions options_;
  int streams_ = 0;
};

}  // namespace posthorn
