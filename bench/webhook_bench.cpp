// Status webhooks at a fixed rate, one status each, signed as Meta signs them: how long until each is
// acknowledged, which is not before it is on disk, and whether every one is applied exactly once. The load is
// open: each request has its time, and what counts is the time from then, whether or not the server was ready
// for it. Beside it: the same load on a server that only answers 200.
//
// Usage: webhook_bench [per_second [seconds]]
#include <cstdlib>

#include <fmt/format.h>

#include "actions/services.h"
#include "broadcasts/campaign_service.h"
#include "load.h"
#include "messaging/send_token.h"
#include "messaging/settings.h"
#include "storage/database.h"
#include "support.h"

namespace posthorn::bench {
namespace {

constexpr double kGoalMs = 25;
constexpr std::size_t kRepeatEvery = 50;  // Meta sends some twice
constexpr const char* kWords[] = {"sent", "delivered", "read"};

struct SentRow {
  std::int64_t row_no = 0, phone = 0;
  std::string wamid;
};

struct Sent {
  std::int64_t account = 0, campaign = 0;
  std::vector<SentRow> rows;
};

std::string status_request(const Sent& sent, const SentRow& row, TokenMint& mint, WebhookSigner& sign,
                           const char* word, std::int64_t at) {
  std::string token;
  mint.append({AccountId{sent.account}, CampaignId{sent.campaign}, row.row_no, 1}, token);
  const std::string body = fmt::format(
      R"({{"object":"whatsapp_business_account","entry":[{{"id":"{}","changes":[{{"value":{{"messaging_product":"whatsapp",)"
      R"("metadata":{{"display_phone_number":"15550783882","phone_number_id":"{}"}},"statuses":[{{"id":"{}","status":"{}",)"
      R"("timestamp":"{}","recipient_id":"{}","biz_opaque_callback_data":"{}","conversation":{{"id":)"
      R"("0123456789abcdef0123456789abcdef","origin":{{"type":"marketing"}}}},"pricing":{{"billable":true,"pricing_model":"PMP",)"
      R"("category":"marketing","type":"regular"}}}}]}},"field":"messages"}}]}}]}})",
      sandbox::kDefaultWaba, sandbox::kDefaultFastNumber, row.wamid, word, at, row.phone, token);
  return sign.request(body);
}

std::vector<std::string> all_requests(const Sent& sent, const Secret& token_key) {
  TokenMint mint(token_key);
  WebhookSigner sign;
  const std::int64_t now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  std::vector<std::string> requests;
  for (std::int64_t wave = 0; wave < 3; ++wave) {
    for (std::size_t i = 0; i < sent.rows.size(); ++i) {
      requests.push_back(status_request(sent, sent.rows[i], mint, sign, kWords[wave], now + wave));
      if (i % kRepeatEvery == 0) requests.push_back(requests.back());
    }
  }
  return requests;
}

Task<Result<Secret>> token_key(Services& services) {
  auto read = [](Transaction& tx) { return settings::get(tx, "token_key"); };
  PH_CO_TRY_ASSIGN(const auto sealed, co_await services.database->read(std::move(read)));
  co_return services.secrets->open(sealed.value_or(""), "settings.token_key");
}

Task<Result<Sent>> read_sent(Services& services, std::int64_t campaign) {
  auto read = [campaign](Transaction& tx) -> Result<Sent> {
    Sent sent;
    sent.campaign = campaign;
    PH_TRY_ASSIGN(
        SqlRows rows,
        tx.query("SELECT account_id, row_no, phone, wamid FROM sends WHERE campaign_id = $1 ORDER BY row_no",
                 {campaign}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) return sent;
      sent.account = rows.integer(0);
      sent.rows.push_back({rows.integer(1), rows.integer(2), std::string(rows.text(3))});
    }
  };
  co_return co_await services.database->read(std::move(read));
}

// Until the counters say that each row was sent, delivered and read once; unavailable after 30 seconds.
Task<Result<double>> wait_until_applied(Product product, std::int64_t campaign, std::int64_t rows) {
  const auto began = std::chrono::steady_clock::now();
  CampaignCounters counted;
  while (seconds_since(began) < 30) {
    PH_CO_TRY_ASSIGN(const Campaign now,
                     co_await product.server->services().campaigns->get(CampaignId{campaign}));
    counted = now.counters;
    if (counted.sent == rows && counted.delivered == rows && counted.read == rows)
      co_return seconds_since(began) * 1e3;
    co_await product.client->clock().sleep_for(std::chrono::milliseconds(2));
  }
  co_return fail(ErrorCode::internal, fmt::format("{} rows, but sent {}, delivered {}, read {}", rows,
                                                  counted.sent, counted.delivered, counted.read));
}

struct Shape {
  double per_second = 20'000;
  std::int64_t rows = 0;
};

Task<Result<>> measure(Product product, std::string folder, Shape shape, Measured& out,
                       std::vector<std::string>& requests) {
  PH_CO_TRY_ASSIGN(const std::int64_t campaign,
                   co_await prepare_broadcast(product, folder, static_cast<std::uint64_t>(shape.rows)));
  const auto began = std::chrono::steady_clock::now();
  PH_CO_TRY(co_await start_broadcast(product, campaign));
  PH_CO_TRY(co_await wait_for_end(product, campaign, began));
  PH_CO_TRY_ASSIGN(const Sent sent, co_await read_sent(product.server->services(), campaign));
  PH_CO_TRY_ASSIGN(const Secret key, co_await token_key(product.server->services()));
  requests = all_requests(sent, key);
  Generator generator(requests, endpoint_of(product.server->url()), shape.per_second);
  while (!generator.done()) co_await product.client->clock().sleep_for(std::chrono::milliseconds(5));
  out = summarise(generator);
  PH_CO_TRY_ASSIGN(out.lag_ms, co_await wait_until_applied(product, campaign, shape.rows));
  co_return Result<>();
}

}  // namespace
}  // namespace posthorn::bench

int main(int argc, char** argv) {
  using namespace posthorn::bench;
  Shape shape;
  if (argc > 1) shape.per_second = std::atof(argv[1]);
  const double seconds = argc > 2 ? std::atof(argv[2]) : 6;
  shape.rows = static_cast<std::int64_t>(shape.per_second * seconds / 3);
  Measured ours;
  std::vector<std::string> requests;
  {
    TemporaryFolder folder;
    MetaThread meta;
    const ProductOptions options{folder.path() + "/data", meta.url()};
    const auto body = [&](Product product) { return measure(product, folder.path(), shape, ours, requests); };
    if (!run_product(options, body)) return 1;
  }
  const Measured baseline = measure_baseline(requests, shape.per_second);
  const bool met = ours.p99 <= kGoalMs && ours.failed == 0;
  print_figure(
      {fmt::format("{} status webhooks at {:.0f}/s, acknowledged when durable", requests.size(), ours.rate),
       fmt::format("p99 {:.1f} ms (median {:.1f}, worst {:.1f}), {} refused", ours.p99, ours.p50, ours.worst,
                   ours.failed),
       fmt::format("p99 {:.1f} ms server that only answers 200", baseline.p99),
       fmt::format("{:.1f}", ours.p99 / baseline.p99),
       fmt::format("{:.0f} ms: {}", kGoalMs, met ? "met" : "missed")});
  print_figure({"the same, applied exactly once after the last acknowledgement",
                fmt::format("{:.0f} ms", ours.lag_ms), "", "", ""});
  return 0;
}
