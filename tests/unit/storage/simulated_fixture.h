// A database on a simulated disk with a hand-driven virtual clock.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "storage/simulated_database.h"
#include "storage_fixture.h"

namespace posthorn::test {

// One simulated process: what it has posted dies with it.
class ProcessOnDisk {
 public:
  explicit ProcessOnDisk(simulated::Disk& disk, std::int64_t checkpoint_pages = 2000) {
    simulated::DatabaseOptions options;
    options.post_after = [this](Duration delay, std::move_only_function<void()> f) {
      timers_.emplace(std::pair(now_ + delay, ++sequence_), std::move(f));
    };
    options.checkpoint_pages = checkpoint_pages;
    options.on_fatal = [this](const Error& e) { died_ = e; };
    auto opened = simulated::open_database(disk, std::move(options));
    if (opened) {
      database_ = std::move(*opened);
    } else {
      open_error_ = opened.error();
    }
  }
  ~ProcessOnDisk() {
    database_.reset();
    timers_.clear();
    context_.poll();
  }

  Database& db() { return *database_; }
  asio::io_context& context() { return context_; }
  bool open() const { return database_ != nullptr; }
  const std::optional<Error>& open_error() const { return open_error_; }
  const std::optional<Error>& died() const { return died_; }
  Duration now() const { return now_; }

  // Until nothing is left to do, or the process has died.
  void run() {
    context_.restart();
    context_.poll();
    while (!timers_.empty() && !died_) {
      auto next = timers_.extract(timers_.begin());
      now_ = next.key().first;
      next.mapped()();
      context_.restart();
      context_.poll();
    }
  }

 private:
  asio::io_context context_;
  std::map<std::pair<Duration, std::uint64_t>, std::move_only_function<void()>> timers_;
  Duration now_{0};
  std::uint64_t sequence_ = 0;
  std::optional<Error> open_error_;
  std::optional<Error> died_;
  std::unique_ptr<Database> database_;
};

// The scripted workload: transaction n writes three rows that only make sense together. `acknowledged`
// collects the numbers whose writes have returned.
struct Workload {
  int transactions = 30;
  int group = 3;  // started at once, so that they may share a commit
  std::vector<int> acknowledged;
  std::vector<int> refused;
};

inline Result<> write_triple(Transaction& tx, int number) {
  const std::string name = std::to_string(number);
  PH_TRY(put(tx, name + ".a", std::string(static_cast<std::size_t>(number * 37 % 900), 'x')));
  PH_TRY(put(tx, name + ".b"));
  PH_TRY(tx.execute("UPDATE cursors SET position = position + 1 WHERE consumer = 'workload'"));
  PH_TRY(put(tx, name + ".c"));
  return {};
}

inline Task<> write_one(Database& db, Workload& workload, int number) {
  auto work = [number](Transaction& tx) { return write_triple(tx, number); };
  Result<> done = co_await db.write(std::move(work));
  (done ? workload.acknowledged : workload.refused).push_back(number);
}

inline Task<> run_workload(Database& db, Workload& workload, asio::io_context& context) {
  auto begin = [](Transaction& tx) { return tx.execute("INSERT INTO cursors VALUES ('workload', 0)"); };
  auto begun = co_await db.write(std::move(begin));
  if (!begun) co_return;
  for (int n = 0; n < workload.transactions; n += workload.group) {
    for (int k = 1; k < workload.group; ++k) {
      asio::co_spawn(context, write_one(db, workload, n + k), asio::detached);
    }
    co_await write_one(db, workload, n);
  }
}

// What must hold on any disk a crash may leave: every acknowledged transaction is there, none is there in
// part.
inline void check_survivors(simulated::Disk& disk, const Workload& workload, const std::string& trace) {
  auto check = [&](Transaction& tx) -> Result<> {
    PH_TRY_ASSIGN(auto integrity, tx.query("PRAGMA integrity_check(1)"));
    PH_TRY(integrity.next());
    EXPECT_EQ(integrity.text(0), "ok") << trace;
    PH_TRY_ASSIGN(auto rows,
                  tx.query("SELECT substr(name, 1, length(name) - 2), count(*) FROM settings GROUP BY 1"));
    std::map<int, std::int64_t> present;
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      present[std::stoi(std::string(rows.text(0)))] = rows.integer(1);
    }
    for (const auto& [number, parts] : present) EXPECT_EQ(parts, 3) << "half a transaction, " << trace;
    for (const int number : workload.acknowledged)
      EXPECT_TRUE(present.contains(number)) << "lost " << number << ", " << trace;
    for (const int number : workload.refused)
      EXPECT_FALSE(present.contains(number)) << "undead " << number << ", " << trace;
    PH_TRY_ASSIGN(const auto counted, count(tx, "SELECT coalesce(max(position), 0) FROM cursors"));
    EXPECT_EQ(counted, static_cast<std::int64_t>(present.size())) << trace;
    return {};
  };
  auto inspected = simulated::inspect(disk, check);
  EXPECT_TRUE(inspected) << trace << ": " << (inspected ? "" : inspected.error().message);
}

// A disk with the schema already on it, safe.
inline std::unique_ptr<simulated::Disk> prepared_disk(std::uint64_t seed) {
  auto disk = std::make_unique<simulated::Disk>(seed);
  EXPECT_TRUE(simulated::inspect(*disk, [](Transaction&) -> Result<> { return {}; }));
  return disk;
}

}  // namespace posthorn::test
