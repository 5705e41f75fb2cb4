#include "api/broadcast_routes.h"

#include <charconv>

#include <fmt/format.h>

#include "actions/views.h"
#include "api/http_answers.h"
#include "core/json_text.h"

namespace posthorn {
namespace {

constexpr Duration kEventInterval = std::chrono::milliseconds(500);  // at most two a second
constexpr Duration kSettledInterval = std::chrono::seconds(2);       // after the end only statuses come in
constexpr Duration kHeartbeat = std::chrono::seconds(15);            // so that proxies keep the connection
constexpr Duration kLongest =
    std::chrono::hours(1);  // then the browser connects anew, access is checked again

Result<CampaignId> read_id(const RouteArgs& args) {
  const auto found = args.find("id");
  CampaignId id;
  if (found != args.end()) {
    const auto& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id.value);
    if (error == std::errc() && end == text.data() + text.size() && id.value > 0) return id;
  }
  return fail(ErrorCode::not_found, "there is no such broadcast", "id");
}

// A download whose head is sent with the first piece, so that an error before it is still a proper answer.
class Download {
 public:
  Download(HttpExchange& exchange, std::string file_name)
      : exchange_(exchange), file_name_(std::move(file_name)) {}

  Task<Result<>> write(std::string_view piece) {
    if (!begun_) {
      begun_ = true;
      auto head = plain_response(200, "", "text/csv; charset=utf-8");
      head.headers.set("Content-Disposition", fmt::format("attachment; filename=\"{}\"", file_name_));
      PH_CO_TRY(co_await exchange_.begin_stream(std::move(head)));
    }
    co_return co_await exchange_.write_chunk(piece);
  }
  bool begun() const { return begun_; }

 private:
  HttpExchange& exchange_;
  std::string file_name_;
  bool begun_ = false;
};

using Export = Task<Result<>> (CampaignService::*)(CampaignId, CampaignService::ChunkSink);

Task<> send_csv(HttpExchange& exchange, CampaignService& campaigns, Export make, CampaignId id,
                std::string file_name) {
  Download download(exchange, std::move(file_name));
  CampaignService::ChunkSink sink = [&download](std::string_view piece) { return download.write(piece); };
  auto outcome = co_await (campaigns.*make)(id, std::move(sink));
  if (outcome && !download.begun()) outcome = co_await download.write("");
  if (!outcome && !download.begun()) co_await refuse(exchange, outcome.error());
}

}  // namespace

void BroadcastRoutes::add_to(Router& router) {
  router.add("POST", "/api/uploads", [this](HttpExchange& x, RouteArgs) { return upload(x); });
  router.add("GET", "/api/broadcasts/{id}/report.csv",
             [this](HttpExchange& x, RouteArgs a) { return report_csv(x, std::move(a)); });
  router.add("GET", "/api/broadcasts/{id}/problems.csv",
             [this](HttpExchange& x, RouteArgs a) { return problems_csv(x, std::move(a)); });
  router.add("GET", "/api/broadcasts/{id}/events",
             [this](HttpExchange& x, RouteArgs a) { return events(x, std::move(a)); });
}

Task<> BroadcastRoutes::upload(HttpExchange& exchange) {
  auto caller = co_await guard_.admit(exchange, Role::marketer);
  if (!caller) co_return;
  auto received =
      co_await uploads_.receive(exchange, exchange.request().query("name"), std::move(caller->actor));
  HttpResponse response;
  if (received) {
    response = json_response(201, view(*received));
  } else {
    response = error_response(received.error());
    response.headers.set("Connection", "close");  // the rest of the body is not read
  }
  (void)co_await exchange.respond(std::move(response));
}

Task<> BroadcastRoutes::report_csv(HttpExchange& exchange, RouteArgs args) {
  if (!co_await guard_.admit(exchange, Role::viewer)) co_return;
  const auto id = read_id(args);
  if (!id) {
    co_await refuse(exchange, id.error());
    co_return;
  }
  co_await send_csv(exchange, campaigns_, &CampaignService::export_csv, *id,
                    fmt::format("broadcast-{}-report.csv", id->value));
}

Task<> BroadcastRoutes::problems_csv(HttpExchange& exchange, RouteArgs args) {
  if (!co_await guard_.admit(exchange, Role::viewer)) co_return;
  const auto id = read_id(args);
  if (!id) {
    co_await refuse(exchange, id.error());
    co_return;
  }
  co_await send_csv(exchange, campaigns_, &CampaignService::export_problems_csv, *id,
                    fmt::format("broadcast-{}-problems.csv", id->value));
}

Task<> BroadcastRoutes::events(HttpExchange& exchange, RouteArgs args) {
  if (!co_await guard_.admit(exchange, Role::viewer)) co_return;
  const auto id = read_id(args);
  Result<Campaign> campaign = fail(ErrorCode::not_found, "there is no such broadcast", "id");
  if (id) campaign = co_await campaigns_.get(*id);
  if (!campaign) {
    co_await refuse(exchange, campaign.error());
    co_return;
  }
  auto head = plain_response(200, "", "text/event-stream");
  head.headers.set("X-Accel-Buffering", "no");
  if (!co_await exchange.begin_stream(std::move(head))) co_return;
  co_await follow(exchange, *id);
}

// Ends when the reader is gone, the broadcast cannot be read, or after kLongest.
Task<> BroadcastRoutes::follow(HttpExchange& exchange, CampaignId id) {
  std::string last;
  const auto end = clock_.now() + kLongest;
  auto heartbeat = clock_.now() + kHeartbeat;
  while (clock_.now() < end) {
    const auto campaign = co_await campaigns_.get(id);
    if (!campaign) co_return;
    auto now = json_text(view(*campaign));
    std::string piece;
    if (now != last) {
      piece = fmt::format("event: broadcast\ndata: {}\n\n", now);
    } else if (clock_.now() >= heartbeat) {
      piece = ": still here\n\n";
    }
    if (!piece.empty()) {
      if (!co_await exchange.write_chunk(piece)) co_return;
      heartbeat = clock_.now() + kHeartbeat;
      last = std::move(now);
    }
    co_await clock_.sleep_for(is_terminal(campaign->state) ? kSettledInterval : kEventInterval);
  }
}

}  // namespace posthorn
