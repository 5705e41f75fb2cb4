#include "judge.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "messaging/conservation.h"
#include "messaging/delivery.h"
#include "messaging/send_state.h"

namespace posthorn::simulation {
namespace {

// A request that left before the cancel may still be on its way: the client gives up after ten seconds, plus
// the wire.
constexpr Duration kInFlight = std::chrono::seconds(12);

// Refusals that are about the sender or the template: no recipient may be given up for them (I10).
constexpr int kNobodysFault[] = {0, 190, 131031, 132015, 132016, 368};

}  // namespace

struct Judge::Taken {
  std::int64_t row = 0;
  std::uint64_t phone = 0;
  int times = 0;
  sandbox::Fate fate{};
};

struct Judge::Row {
  std::int64_t no = 0;
  SendState state{};
  std::uint32_t delivery = 0;
  int code = 0;
  std::string detail;
};

void Judge::books(std::string_view when, int window) {
  std::vector<std::string> problems;
  std::int64_t intents = 0;
  const auto read = simulated::inspect(disk_, [&](Transaction& tx) -> Result<> {
    PH_TRY_ASSIGN(problems, check_conservation(tx));
    PH_TRY_ASSIGN(SqlRows count, tx.query("SELECT COUNT(*) FROM sends WHERE state = 1", {}));
    PH_TRY(count.next());
    intents = count.integer(0);
    return {};
  });
  if (!read) violation(fmt::format("{}: the database cannot be read: {}", when, read.error().message));
  for (const std::string& problem : problems) violation(fmt::format("{}: {}", when, problem));
  if (intents > window) violation(fmt::format("{}: {} intents with a window of {}", when, intents, window));
}

// What Meta took of the broadcast, by row.
std::vector<Judge::Taken> Judge::taken(const Circumstances& c) {
  std::vector<Taken> out;
  for (std::size_t i = 0; i < meta_.ledger().size(); ++i) {
    const sandbox::Message message = meta_.ledger().at(static_cast<sandbox::MessageId>(i));
    const std::string token(message.token);
    long long account = 0, campaign = 0, row = 0;
    if (std::sscanf(token.c_str(), "v1.%lld.%lld.%lld.", &account, &campaign, &row) != 3) {
      violation("the ledger has a message without a token of ours: " + token);
    } else if (campaign == c.campaign.value) {
      out.push_back({row, message.phone, 1, message.fate});
      if (c.cancelled && message.at > c.cancelled_at + kInFlight) {
        violation(fmt::format("row {} left after the cancel", row));
      }
    }
  }
  std::sort(out.begin(), out.end(), [](const Taken& a, const Taken& b) { return a.row < b.row; });
  std::vector<Taken> by_row;
  for (const Taken& one : out) {
    if (!by_row.empty() && by_row.back().row == one.row)
      ++by_row.back().times;
    else
      by_row.push_back(one);
  }
  return by_row;
}

std::vector<Judge::Row> Judge::rows(CampaignId campaign) {
  std::vector<Row> out;
  const auto read = simulated::inspect(disk_, [&](Transaction& tx) -> Result<> {
    PH_TRY_ASSIGN(SqlRows sends, tx.query("SELECT row_no, state, delivery, code, detail FROM sends "
                                          "WHERE campaign_id = $1 ORDER BY row_no",
                                          {campaign.value}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, sends.next());
      if (!more) return {};
      out.push_back({sends.integer(0), static_cast<SendState>(sends.integer(1)),
                     static_cast<std::uint32_t>(sends.integer(2)), static_cast<int>(sends.integer(3)),
                     std::string(sends.text(4))});
    }
  });
  if (!read) violation("sends cannot be read: " + read.error().message);
  return out;
}

void Judge::counts(const Circumstances& c, const std::vector<Taken>& ledger, std::size_t rows) {
  const auto recipients = static_cast<std::size_t>(c.recipients);
  if (c.recipients >= 0 && (rows > recipients || (!c.cancelled && rows < recipients))) {
    violation(fmt::format("{} of {} recipients have a fate", rows, recipients));
  }
  const auto twice = std::count_if(ledger.begin(), ledger.end(), [](const Taken& t) { return t.times > 1; });
  if (!c.at_least_once && twice > 0) violation(fmt::format("{} recipients were sent to twice", twice));
  const auto thrice = std::count_if(ledger.begin(), ledger.end(), [](const Taken& t) { return t.times > 2; });
  if (thrice > 0) violation(fmt::format("{} recipients were sent to more than twice", thrice));
  for (const Taken& message : ledger) {
    if (std::binary_search(c.opted_out.begin(), c.opted_out.end(), message.phone)) {
      violation(fmt::format("row {} was sent although its phone had said stop", message.row));
    }
  }
}

// Statuses that Meta's side had acknowledged have arrived in the row (I14, I16).
void Judge::delivery(const Row& row, sandbox::Fate fate) {
  using sandbox::Fate;
  const std::string_view word = delivery_word(row.delivery);
  const std::string_view due = fate == Fate::read       ? "read"
                               : fate == Fate::received ? "delivered"
                               : fate == Fate::failed   ? "failed"
                               : fate == Fate::sent     ? "sent"
                                                        : "";
  if (word != due)
    violation(fmt::format("row {} is \"{}\" on the phone but \"{}\" in the report", row.no, due, word));
}

void Judge::row(const Circumstances& c, const Row& row, const std::vector<Taken>& ledger) {
  const auto found = std::lower_bound(ledger.begin(), ledger.end(), row.no,
                                      [](const Taken& t, std::int64_t no) { return t.row < no; });
  const bool taken = found != ledger.end() && found->row == row.no;
  switch (row.state) {
    case SendState::accepted:
      ++result_.accepted;
      if (!taken) violation(fmt::format("row {} is accepted but Meta never took it", row.no));
      if (taken && found->times == 1 && !c.statuses_lost) delivery(row, found->fate);
      break;
    case SendState::rejected:
      ++result_.rejected;
      if (taken) violation(fmt::format("row {} is rejected but Meta took it", row.no));
      if (std::find(std::begin(kNobodysFault), std::end(kNobodysFault), row.code) !=
          std::end(kNobodysFault)) {
        violation(fmt::format("row {} was burnt by code {}: {}", row.no, row.code, row.detail));
      }
      break;
    case SendState::unknown_final:
      ++result_.unknown_final;
      if (taken && !c.statuses_lost) {
        violation(fmt::format("row {} stayed unknown although its statuses were delivered", row.no));
      }
      break;
    case SendState::suppressed:
      ++result_.suppressed;
      if (taken) violation(fmt::format("row {} is suppressed but Meta took it", row.no));
      break;
    case SendState::cancelled:
      if (!c.cancelled) violation(fmt::format("row {} is cancelled although nobody cancelled", row.no));
      if (taken) violation(fmt::format("row {} is cancelled but Meta took it", row.no));
      break;
    default:
      violation(fmt::format("row {} ended as {} (code {}, {})", row.no, to_string(row.state), row.code,
                            row.detail));
  }
}

void Judge::broadcast(const Circumstances& c) {
  const std::vector<Taken> ledger = taken(c);
  const std::vector<Row> all = rows(c.campaign);
  const std::int64_t before = result_.unknown_final;
  for (const Row& one : all) row(c, one, ledger);
  counts(c, ledger, all.size());
  for (const Taken& message : ledger) {
    const auto known = std::lower_bound(all.begin(), all.end(), message.row,
                                        [](const Row& r, std::int64_t no) { return r.no < no; });
    if (known == all.end() || known->no != message.row)
      violation(fmt::format("Meta took row {}, of which the product knows nothing", message.row));
  }
  const std::int64_t unknown = result_.unknown_final - before;
  if (c.most_unknown >= 0 && unknown > c.most_unknown) {
    violation(fmt::format("{} outcomes stayed unknown; the faults explain {}", unknown, c.most_unknown));
  }
}

void Judge::pace(std::string_view sender, int rate) {
  const std::uint64_t most = meta_.pace(sender).max_window;
  if (most > static_cast<std::uint64_t>(rate)) {
    violation(fmt::format("{} messages in one second at a limit of {}", most, rate));
  }
}

}  // namespace posthorn::simulation
