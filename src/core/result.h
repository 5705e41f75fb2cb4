// Result<T>: a value or an Error. Paths that fail every day return it; exceptions are for bugs only.
#pragma once
#include <expected>
#include <string>
#include <utility>

namespace posthorn {

// What kind of failure it is, so that callers can decide without reading the message. Each maps to one HTTP
// status (api/) and one exit code (app/).
enum class ErrorCode {
  invalid_argument,   // the caller's input is wrong; `field` names it
  unauthenticated,    // no or bad credentials
  permission_denied,  // good credentials, role too low
  not_found,
  conflict,            // state does not allow it, or an idempotency key was reused with another body
  too_large,           // over a documented limit
  resource_exhausted,  // disk full, queue full, rate limit: the same call may succeed later
  unavailable,         // a peer (Graph, database, network) does not answer; may succeed later
  deadline_exceeded,
  cancelled,
  data_loss,  // stored bytes are not what was written
  internal,   // a bug or a broken environment
};

std::string_view to_string(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;     // for people: what was wrong and what to do
  std::string field = {};  // the input field it is about, JSON-path like "mapping.body[1]"; empty if none
};

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message, std::string field = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(field)});
}

}  // namespace posthorn

// PH_TRY(expr): returns the error of a Result from the enclosing function; PH_TRY_ASSIGN(decl, expr) binds
// the value. The PH_CO_ forms do the same inside a coroutine.
#define PH_CONCAT_INNER(a, b) a##b
#define PH_CONCAT(a, b) PH_CONCAT_INNER(a, b)
#define PH_TRY_IMPL(tmp, ret, expr) \
  auto tmp = (expr);                \
  if (!tmp) ret std::unexpected(std::move(tmp).error())
#define PH_TRY_ASSIGN_IMPL(tmp, ret, decl, expr) \
  PH_TRY_IMPL(tmp, ret, expr);                   \
  decl = *std::move(tmp)
#define PH_TRY(expr) PH_TRY_IMPL(PH_CONCAT(ph_try_, __LINE__), return, expr)
#define PH_TRY_ASSIGN(decl, expr) PH_TRY_ASSIGN_IMPL(PH_CONCAT(ph_try_, __LINE__), return, decl, expr)
#define PH_CO_TRY(expr) PH_TRY_IMPL(PH_CONCAT(ph_try_, __LINE__), co_return, expr)
#define PH_CO_TRY_ASSIGN(decl, expr) PH_TRY_ASSIGN_IMPL(PH_CONCAT(ph_try_, __LINE__), co_return, decl, expr)
