// Helpers for storage tests: a temporary folder, and coroutines run to their end on an io_context.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "storage/sqlite_database.h"

namespace posthorn::test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "posthorn-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// Runs one coroutine to its end and returns what it gave; rethrows.
template <class T>
T run(asio::io_context& context, Task<T> task) {
  std::optional<T> result;
  std::exception_ptr failure;
  asio::co_spawn(context, std::move(task), [&](std::exception_ptr e, T value) {
    failure = e;
    result.emplace(std::move(value));
  });
  context.restart();
  context.run();
  if (failure) std::rethrow_exception(failure);
  return std::move(*result);
}

inline SqliteOptions small_options() {
  SqliteOptions options;
  options.reserve_bytes = 0;
  options.on_fatal = [](const Error& e) { ADD_FAILURE() << "the database died: " << e.message; };
  return options;
}

inline std::unique_ptr<SqliteDatabase> open_or_die(const std::string& path,
                                                   SqliteOptions options = small_options()) {
  auto database = open_sqlite(path, std::move(options));
  if (!database) throw std::runtime_error(database.error().message);
  return std::move(*database);
}

inline Result<std::int64_t> count(Transaction& tx, std::string_view sql) {
  PH_TRY_ASSIGN(auto rows, tx.query(sql));
  PH_TRY(rows.next());
  return rows.integer(0);
}

// Most tests write settings: a table of names and values.
inline Result<std::int64_t> put(Transaction& tx, const std::string& name, const std::string& value = "x") {
  return tx.execute("INSERT INTO settings (name, value) VALUES ($1, $2)", {name, value});
}

}  // namespace posthorn::test
