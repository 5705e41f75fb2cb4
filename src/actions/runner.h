// The way into every action: role, parameters, idempotency, handler, audit, in this order.
#pragma once
#include <memory>
#include <set>
#include <string>

#include "actions/registry.h"

namespace posthorn {

class Transaction;

struct ActionCall {
  std::string name;
  json::value parameters;       // an object; null means none
  std::string idempotency_key;  // empty: none; 1 to 200 printable ASCII characters
  std::string actor;
  Role role = Role::viewer;
};

// A call with an Idempotency-Key while it is at work.
struct IdempotentCall {
  std::string key;  // scoped to caller and action
  std::string body_hash;
};

// Keeps `answer` in the transaction of the effect, so that a crash between the two is impossible. For actions
// that declare keeps_answer. For all others the runner reserves the key before the handler runs and keeps the
// answer after it, so that after a crash in between a repetition is refused instead of carried out twice.
Result<> remember_answer(Transaction& tx, const std::shared_ptr<IdempotentCall>& call,
                         const json::value& answer, WallTime now);

class ActionRunner {
 public:
  ActionRunner(const Registry& registry, Services& services) : registry_(registry), services_(services) {}

  // Errors: not_found (no such action), permission_denied, invalid_argument (with field; also field
  // "Idempotency-Key" when the key came before with other parameters), conflict (a call with this key is at
  // work, or the server went down during it), and the handler's own. Calls that failed leave nothing behind:
  // their key may be used again.
  Task<Result<json::value>> run(ActionCall call);
  const Registry& registry() const { return registry_; }

 private:
  Task<Result<json::value>> run_handler(const Action& action, Params params, ActionCall call,
                                        std::shared_ptr<IdempotentCall> idempotent);
  Task<Result<json::value>> run_with_key(const Action& action, Params params, ActionCall call);
  Task<Result<json::value>> first_call(const Action& action, Params params, ActionCall call,
                                       std::shared_ptr<IdempotentCall> idempotent);
  Task<Result<json::value>> reserved_call(const Action& action, Params params, ActionCall call,
                                          std::shared_ptr<IdempotentCall> idempotent);
  Task<> write_audit(std::string action, std::string actor, std::string subject, std::string detail);

  const Registry& registry_;
  Services& services_;
  // Scoped keys whose first call has not ended. Shared, because a call cut off at the end of the process may
  // outlive this.
  std::shared_ptr<std::set<std::string>> at_work_ = std::make_shared<std::set<std::string>>();
};

// Parameters and outcome as the audit shows them: secrets replaced, long values cut.
std::string audit_detail(const Action& action, const Params& params, const Result<json::value>& outcome);

}  // namespace posthorn
