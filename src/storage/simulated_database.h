// The simulated side of the database port: the same SQLite statements, on simulated::Disk, run inline on the
// caller's thread, with answers after a virtual latency.
#pragma once
#include <functional>
#include <memory>

#include "core/result.h"
#include "core/time.h"
#include "platform/random.h"
#include "storage/database.h"
#include "storage/migrations.h"
#include "storage/simulated_disk.h"

namespace posthorn::simulated {

struct DatabaseOptions {
  std::string file_name = "posthorn.db";
  std::span<const Migration> migrations = embedded_migrations();
  // Runs a function after a virtual delay, as long as the simulated process lives
  // (simulated::Process::post_after).
  std::function<void(Duration, std::move_only_function<void()>)> post_after;
  Duration commit_latency = std::chrono::microseconds(200);  // closures called within it share one commit
  Duration read_latency = std::chrono::microseconds(50);
  std::int64_t checkpoint_pages = 2000;
  // As SqliteOptions::on_fatal: the simulated process must die. The default throws std::runtime_error.
  std::function<void(const Error&)> on_fatal;
};

// Opens, recovers and migrates, without virtual time. `disk` must outlive it. Destroying it is a kill, not a
// clean end: nothing more is written, and calls that wait are dropped, not answered.
Result<std::unique_ptr<Database>> open_database(Disk& disk, DatabaseOptions options);

// Runs f(Transaction&) → Result<T> in one transaction on a connection of its own, without virtual time. For
// checks of a test between steps, while no database is open on the disk.
Result<> inspect(Disk& disk, const std::function<Result<>(Transaction&)>& f,
                 const std::string& file_name = "posthorn.db",
                 std::span<const Migration> migrations = embedded_migrations());

}  // namespace posthorn::simulated
