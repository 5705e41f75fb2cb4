// Port: the database. Write and read transactions as closures; writes share commits (group commit).
//
// SQL is written once in a portable subset (SQLite and PostgreSQL) with $1, $2, … as parameters.
#pragma once
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "platform/async.h"

namespace posthorn {

struct Blob {
  std::string_view bytes;
};

// A parameter. Text and blobs are views: they must live until the call returns.
class SqlArg {
 public:
  SqlArg() = default;  // NULL
  SqlArg(std::nullptr_t) {}
  template <std::integral T>  // bool is 0 or 1; unsigned 64-bit values keep their bits
  SqlArg(T v) : value_(static_cast<std::int64_t>(v)) {}
  SqlArg(double v) : value_(v) {}
  SqlArg(WallTime v) : value_(to_micros(v)) {}
  template <class Tag>
  SqlArg(Id<Tag> v) : value_(v.value) {}
  SqlArg(std::string_view v) : value_(v) {}
  SqlArg(const std::string& v) : value_(std::string_view(v)) {}
  SqlArg(const char* v) : value_(std::string_view(v)) {}
  SqlArg(Blob v) : value_(v) {}
  template <class T>
  SqlArg(const std::optional<T>& v) {
    if (v) *this = SqlArg(*v);
  }
  using Value = std::variant<std::monostate, std::int64_t, double, std::string_view, Blob>;
  const Value& value() const { return value_; }

 private:
  Value value_;
};

// The rows of one query, read forward. Views are valid until the next call of next().
class SqlRows {
 public:
  class Cursor {
   public:
    virtual ~Cursor() = default;
    virtual Result<bool> next() = 0;
    virtual bool is_null(int column) = 0;
    virtual std::int64_t integer(int column) = 0;  // NULL reads as 0
    virtual double real(int column) = 0;
    virtual std::string_view text(int column) = 0;  // also blobs; NULL reads as ""
  };
  explicit SqlRows(std::unique_ptr<Cursor> cursor) : cursor_(std::move(cursor)) {}
  Result<bool> next() { return cursor_->next(); }
  bool is_null(int column) { return cursor_->is_null(column); }
  std::int64_t integer(int column) { return cursor_->integer(column); }
  double real(int column) { return cursor_->real(column); }
  std::string_view text(int column) { return cursor_->text(column); }

 private:
  std::unique_ptr<Cursor> cursor_;
};

// A transaction as a closure sees it: snapshot-consistent, on a database thread. Not to be kept after the
// closure returns.
class Transaction {
 public:
  virtual ~Transaction() = default;
  // `sql` must be a literal or otherwise few distinct texts: statements are prepared once and cached by text.
  // $1, $2, … are bound in order; passing more or fewer than the statement names is an error (internal).
  // A statement with RETURNING has taken full effect when query() returns, however few rows are read.
  virtual Result<SqlRows> query(std::string_view sql, std::span<const SqlArg> args) = 0;
  virtual Result<std::int64_t> execute(std::string_view sql,
                                       std::span<const SqlArg> args) = 0;  // rows changed
  // The same statement for `count` rows; bind(i) returns row i's parameters (a view into storage of the
  // caller).
  virtual Result<std::int64_t> execute_many(
      std::string_view sql, std::size_t count,
      const std::function<std::span<const SqlArg>(std::size_t)>& bind) = 0;

  Result<SqlRows> query(std::string_view sql, std::initializer_list<SqlArg> args = {}) {
    return query(sql, std::span<const SqlArg>(args.begin(), args.size()));
  }
  Result<std::int64_t> execute(std::string_view sql, std::initializer_list<SqlArg> args = {}) {
    return execute(sql, std::span<const SqlArg>(args.begin(), args.size()));
  }
};

// What a write may do while the disk is full and only the reserve is left (invariant I21).
enum class Urgency {
  normal,  // refused with resource_exhausted until there is space again
  urgent,  // small changes that stop things: pause, cancel, block an account; may use the reserve
};

class Database {
 public:
  virtual ~Database() = default;

  // Runs f(Transaction&) → Result<T> on the committer and resumes on the caller's executor once its effects
  // are durable (fsync done). Closures run in the order of their calls; many share one commit. A closure that
  // returns an error or throws has no effect; the others of its group are not touched. Errors besides f's
  // own: resource_exhausted (disk full: nothing was written, try later), unavailable. A failed fsync or
  // commit other than disk-full ends the process (invariant I20).
  template <class F>
  auto write(F f) -> Task<std::invoke_result_t<F&, Transaction&>> {
    return run(std::move(f), Access::write);
  }
  // As write(), for the few changes that must still work on a full disk.
  template <class F>
  auto write_urgent(F f) -> Task<std::invoke_result_t<F&, Transaction&>> {
    return run(std::move(f), Access::write_urgent);
  }
  // Reads one snapshot on a reader connection; sees every write whose call has returned before.
  template <class F>
  auto read(F f) -> Task<std::invoke_result_t<F&, Transaction&>> {
    return run(std::move(f), Access::read);
  }

 protected:
  using Work = std::move_only_function<Result<>(Transaction&)>;
  virtual Task<Result<>> run_write(Work work, Urgency urgency) = 0;
  virtual Task<Result<>> run_read(Work work) = 0;

 private:
  enum class Access { read, write, write_urgent };

  template <class F, class R = std::invoke_result_t<F&, Transaction&>>
  Task<R> run(F f, Access access) {
    // The value lives in shared state: the coroutine may be destroyed while the database thread still works.
    auto outcome = std::make_shared<std::optional<R>>();
    Work work = [f = std::move(f), outcome](Transaction& tx) mutable -> Result<> {
      outcome->emplace(f(tx));
      if (!**outcome) return std::unexpected((*outcome)->error());
      return {};
    };
    Result<> done;
    if (access == Access::read) {
      done = co_await run_read(std::move(work));
    } else {
      const Urgency urgency = access == Access::write ? Urgency::normal : Urgency::urgent;
      done = co_await run_write(std::move(work), urgency);
    }
    if (!done) co_return std::unexpected(done.error());
    co_return std::move(**outcome);
  }
};

}  // namespace posthorn
