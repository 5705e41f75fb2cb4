#include "messaging/conservation.h"

#include <array>
#include <map>

#include <fmt/format.h>

#include "core/ids.h"
#include "messaging/delivery.h"
#include "messaging/send_state.h"

namespace posthorn {
namespace {

struct Tally {
  std::array<std::int64_t, kSendStates> states{};
  std::int64_t sent = 0, delivered = 0, read = 0, failed = 0, held = 0;
  std::int64_t rows = 0;
};

Result<std::map<std::int64_t, Tally>> tally_sends(Transaction& tx) {
  std::map<std::int64_t, Tally> tallies;
  PH_TRY_ASSIGN(
      SqlRows rows,
      tx.query(
          "SELECT campaign_id, state, delivery, COUNT(*) FROM sends GROUP BY campaign_id, state, delivery",
          {}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return tallies;
    Tally& tally = tallies[rows.integer(0)];
    const std::int64_t n = rows.integer(3);
    const DeliveryCounts c = counts(static_cast<std::uint32_t>(rows.integer(2)));
    tally.states.at(static_cast<std::size_t>(rows.integer(1))) += n;
    tally.rows += n;
    tally.sent += n * c.sent;
    tally.delivered += n * c.delivered;
    tally.read += n * c.read;
    tally.failed += n * c.failed;
    tally.held += n * c.held;
  }
}

class Checker {
 public:
  void equal(std::int64_t campaign, std::string_view what, std::int64_t counter, std::int64_t rows) {
    if (counter != rows) {
      problems_.push_back(fmt::format("Campaign {}: the counter '{}' says {}, its rows say {}.", campaign,
                                      what, counter, rows));
    }
  }

  Result<> campaigns(Transaction& tx, const std::map<std::int64_t, Tally>& tallies) {
    PH_TRY_ASSIGN(SqlRows rows,
                  tx.query("SELECT id, intents, accepted, rejected, deferred, unknown, unknown_final, "
                           "suppressed, cancelled, expired, "
                           "sent, delivered, read, failed, held, total, state FROM campaigns ORDER BY id",
                           {}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) return {};
      const std::int64_t id = rows.integer(0);
      const auto found = tallies.find(id);
      check_campaign(id, rows, found == tallies.end() ? Tally{} : found->second);
    }
  }

  // Rows that a segment has passed must have a state.
  Result<> segments(Transaction& tx) {
    PH_TRY_ASSIGN(
        SqlRows rows,
        tx.query(
            "SELECT g.campaign_id, g.segment, g.next_row - g.first_row, (SELECT COUNT(*) FROM sends s WHERE "
            "s.campaign_id = g.campaign_id AND s.row_no >= g.first_row AND s.row_no < g.next_row) "
            "FROM campaign_segments g ORDER BY g.campaign_id, g.segment",
            {}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) return {};
      if (rows.integer(2) == rows.integer(3)) continue;
      problems_.push_back(fmt::format("Campaign {}, segment {}: {} rows were taken, {} have a state.",
                                      rows.integer(0), rows.integer(1), rows.integer(2), rows.integer(3)));
    }
  }

  Result<> singles(Transaction& tx) {
    PH_TRY_ASSIGN(
        SqlRows rows,
        tx.query("SELECT q.row_no, q.done FROM single_sends q LEFT JOIN sends s ON s.campaign_id = 0 "
                 "AND s.row_no = q.row_no WHERE (q.done = 1) <> (s.row_no IS NOT NULL) ORDER BY q.row_no",
                 {}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) return {};
      problems_.push_back(fmt::format("Single send {}: marked {}, but the row in sends says otherwise.",
                                      rows.integer(0), rows.integer(1) == 1 ? "taken" : "waiting"));
    }
  }

  std::vector<std::string> problems() { return std::move(problems_); }

 private:
  void check_campaign(std::int64_t id, SqlRows& rows, const Tally& tally) {
    std::int64_t reached = 0;
    for (int state = 1; state < kSendStates; ++state) {
      const std::int64_t counter = rows.integer(state);
      reached += counter;
      const auto s = static_cast<SendState>(state);
      // Recipients that were never reached are cancelled without a row.
      const bool may_exceed = s == SendState::cancelled || s == SendState::expired;
      if (may_exceed && counter >= tally.states[static_cast<std::size_t>(state)]) continue;
      equal(id, to_string(s), counter, tally.states[static_cast<std::size_t>(state)]);
    }
    equal(id, "sent", rows.integer(10), tally.sent);
    equal(id, "delivered", rows.integer(11), tally.delivered);
    equal(id, "read", rows.integer(12), tally.read);
    equal(id, "failed", rows.integer(13), tally.failed);
    equal(id, "held", rows.integer(14), tally.held);
    if (reached > rows.integer(15)) {
      problems_.push_back(fmt::format("Campaign {}: {} recipients have a state, but the list has {}.", id,
                                      reached, rows.integer(15)));
    }
    if (rows.text(16) == "completed" && reached != rows.integer(15)) {
      problems_.push_back(
          fmt::format("Campaign {}: completed with {} of {} recipients.", id, reached, rows.integer(15)));
    }
  }

  std::vector<std::string> problems_;
};

}  // namespace

Result<std::vector<std::string>> check_conservation(Transaction& tx) {
  PH_TRY_ASSIGN(const auto tallies, tally_sends(tx));
  Checker checker;
  PH_TRY(checker.campaigns(tx, tallies));
  PH_TRY(checker.segments(tx));
  PH_TRY(checker.singles(tx));
  return checker.problems();
}

}  // namespace posthorn
