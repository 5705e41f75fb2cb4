// Durable writes through the database port against a plain loop of autocommitted inserts in the same run.
//
// Prints closures/s (group commit, each with one insertion), rows/s of execute_many, rows/s of the baseline,
// and ratios. Usage: storage_bench [folder]   (a folder on the disk to be measured; default: the current one)
#include <chrono>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <sqlite3.h>

#include "storage/simulated_database.h"
#include "storage/sqlite_database.h"

namespace {

using namespace posthorn;

constexpr int kClosures = 400'000;
constexpr int kWaiters = 2'000;  // coroutines that each wait for their write before the next
constexpr std::size_t kRows = 2'000'000;
constexpr std::size_t kBatch = 20'000;  // rows of one execute_many
constexpr int kBaseline = 5'000;

// Processor time of all threads: comparable also on a machine that is busy with other things.
double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Task<> write_settings(Database& db, int first, int count) {
  for (int i = first; i < first + count; ++i) {
    auto work = [i](Transaction& tx) {
      return tx.execute("INSERT INTO applied_events (key, applied_at) VALUES ($1, $2)", {i, 7});
    };
    auto done = co_await db.write(std::move(work));
    if (!done) throw std::runtime_error(done.error().message);
  }
}

double closures_per_second(Database& db) {
  asio::io_context context;
  constexpr int each = kClosures / kWaiters;
  for (int w = 0; w < kWaiters; ++w)
    asio::co_spawn(context, write_settings(db, w * each, each), asio::detached);
  const auto start = std::chrono::steady_clock::now();
  context.run();
  return kClosures / seconds_since(start);
}

Result<std::int64_t> insert_batch(Transaction& tx, std::size_t first) {
  std::array<SqlArg, 9> args;
  auto bind = [&](std::size_t i) -> std::span<const SqlArg> {
    const auto row = static_cast<std::int64_t>(first + i);
    args = {SqlArg(1),
            SqlArg(row),
            SqlArg(1),
            SqlArg(491700000000 + row),
            SqlArg(1),
            SqlArg(1),
            SqlArg(1'700'000'000'000'000)};
    return std::span<const SqlArg>(args).first(7);
  };
  return tx.execute_many(
      "INSERT INTO sends (campaign_id, row_no, account_id, phone, state, attempt, intent_at) VALUES "
      "($1, $2, $3, $4, $5 + 1, $6, $7)",
      kBatch, bind);
}

Task<> write_rows(Database& db) {
  for (std::size_t first = 0; first < kRows; first += kBatch) {
    auto work = [first](Transaction& tx) { return insert_batch(tx, first); };
    auto done = co_await db.write(std::move(work));
    if (!done) throw std::runtime_error(done.error().message);
  }
}

double rows_per_second(Database& db) {
  asio::io_context context;
  asio::co_spawn(context, write_rows(db), asio::detached);
  const auto start = std::chrono::steady_clock::now();
  context.run();
  return static_cast<double>(kRows) / seconds_since(start);
}

double baseline_per_second(const std::string& path) {
  sqlite3* db = nullptr;
  sqlite3_open(path.c_str(), &db);
  sqlite3_exec(
      db,
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (key BIGINT PRIMARY KEY, at BIGINT)",
      nullptr, nullptr, nullptr);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kBaseline; ++i) {
    sqlite3_exec(db, fmt::format("INSERT INTO t VALUES ({}, 7)", i).c_str(), nullptr, nullptr, nullptr);
  }
  const double rate = kBaseline / seconds_since(start);
  sqlite3_close(db);
  return rate;
}

// One commit each, on the simulated disk: what a simulated campaign can count on.
double simulated_per_second() {
  simulated::Disk disk(1);
  std::vector<std::move_only_function<void()>> queue;
  simulated::DatabaseOptions options;
  options.post_after = [&queue](Duration, std::move_only_function<void()> f) {
    queue.push_back(std::move(f));
  };
  auto db = simulated::open_database(disk, std::move(options)).value();
  asio::io_context context;
  asio::co_spawn(context, write_settings(*db, 0, 100'000), asio::detached);
  const auto start = std::chrono::steady_clock::now();
  while (context.poll() > 0 || !queue.empty()) {
    context.restart();
    std::vector<std::move_only_function<void()>> due;
    due.swap(queue);
    for (auto& f : due) f();
  }
  return 100'000 / seconds_since(start);
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path folder = std::filesystem::path(argc > 1 ? argv[1] : ".") / "storage-bench";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const double baseline = baseline_per_second((folder / "baseline.db").string());
  auto db = open_sqlite((folder / "posthorn.db").string()).value();
  const double cpu0 = cpu_seconds();
  const double closures = closures_per_second(*db);
  const double cpu1 = cpu_seconds();
  const SqliteStats stats = db->stats();
  const double rows = rows_per_second(*db);
  const double cpu2 = cpu_seconds();
  fmt::print("baseline   {:>10.0f} rows/s      autocommit loop, WAL, synchronous=FULL\n", baseline);
  fmt::print(
      "closures   {:>10.0f} closures/s  {:.1f} x baseline, {:.0f} closures a commit, {:.2f} us of processor "
      "time each\n",
      closures, closures / baseline, static_cast<double>(stats.closures) / static_cast<double>(stats.groups),
      (cpu1 - cpu0) * 1e6 / kClosures);
  fmt::print(
      "rows       {:>10.0f} rows/s      {:.1f} x baseline, execute_many of {}, {:.2f} us of processor time "
      "each\n",
      rows, rows / baseline, kBatch, (cpu2 - cpu1) * 1e6 / static_cast<double>(kRows));
  fmt::print("simulated  {:>10.0f} commits/s   one closure each, in memory\n", simulated_per_second());
  db.reset();
  std::filesystem::remove_all(folder);
}
