#include "messaging/event_pages.h"

#include <algorithm>

#include "core/time_text.h"

namespace posthorn {
namespace {

constexpr int kPiece = 200;  // events read at once

Result<> find_ends(Transaction& tx, EventPage& page) {
  PH_TRY_ASSIGN(auto rows,
                tx.query("SELECT coalesce((SELECT min(id) FROM events), 0), coalesce((SELECT max(id) FROM "
                         "events), 0)"));
  PH_TRY(rows.next());
  page.oldest = EventId{rows.integer(0)};
  page.newest = EventId{rows.integer(1)};
  return {};
}

}  // namespace

Result<EventPage> read_event_page(Transaction& tx, EventId after, const EventKinds& kinds, int limit,
                                  int scan) {
  EventPage page;
  PH_TRY(find_ends(tx, page));
  page.gap = after > page.newest || (page.oldest && after.value + 1 < page.oldest.value);
  page.next = after > page.newest ? page.newest : after;
  int looked = 0;
  while (looked < scan && static_cast<int>(page.events.size()) < limit && page.next < page.newest) {
    const int piece = std::min(kPiece, scan - looked);
    PH_TRY_ASSIGN(auto found, events::read_after(tx, page.next, piece));
    for (auto& event : found) {
      if (static_cast<int>(page.events.size()) == limit) break;
      page.next = event.id;
      if (kinds.matches(event.kind)) page.events.push_back(std::move(event));
    }
    looked += static_cast<int>(found.size());
    if (static_cast<int>(found.size()) < piece) break;
  }
  page.more = page.next < page.newest;
  return page;
}

json::object event_view(const LoggedEvent& event) {
  json::object out;
  out["id"] = event.id.value;
  out["type"] = event.kind;
  out["timestamp"] = iso_time(event.at);
  out["subject"] = event.subject;
  auto data = parse_json(event.data);
  out["data"] = data ? std::move(*data) : json::value(event.data);
  return out;
}

}  // namespace posthorn
