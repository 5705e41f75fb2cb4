#include "actions/runner.h"

#include <algorithm>

#include <fmt/format.h>

#include "actions/services.h"
#include "core/json_text.h"
#include "messaging/audit.h"
#include "messaging/idempotency.h"
#include "platform/clock.h"
#include "platform/log.h"
#include "storage/database.h"

namespace posthorn {
namespace {

constexpr std::size_t kMaxKey = 200;
constexpr std::size_t kMaxAuditValue = 300;

Result<> check_key(std::string_view key) {
  const bool printable = std::ranges::all_of(key, [](char c) { return c > ' ' && c < 0x7f; });
  if (!key.empty() && key.size() <= kMaxKey && printable) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("must be 1 to {} printable characters without spaces", kMaxKey), "Idempotency-Key");
}

Result<json::object> as_object(json::value parameters) {
  if (parameters.is_null()) return json::object();
  if (!parameters.is_object())
    return fail(ErrorCode::invalid_argument, "the parameters must be a JSON object");
  return std::move(parameters.as_object());
}

std::string shortened(std::string text) {
  if (text.size() > kMaxAuditValue) text = text.substr(0, kMaxAuditValue) + "…";
  return text;
}

// What the action was about, for the audit: the first of these parameters that was given.
std::string subject_of(const Action& action, const Params& params) {
  for (const char* name : {"id", "name", "account", "to", "phone", "business_id"}) {
    const auto* value = params.values().if_contains(name);
    if (value == nullptr) continue;
    const auto text = value->is_string() ? std::string(value->get_string()) : json_text(*value);
    return fmt::format("{}:{}", std::string_view(name) == "id" ? action.category : name, shortened(text));
  }
  return action.category;
}

// Stores name what they miss by their own words; callers know the words of the action.
std::string declared_name(const Action& action, std::string field) {
  constexpr std::pair<std::string_view, std::string_view> kOtherNames[] = {
      {"broadcast", "id"}, {"id", "conversation_id"},        {"id", "contact_id"},
      {"id", "ids"},       {"sender_id", "phone_number_id"}, {"sender_id", "account_id"}};
  const auto declared = [&action](std::string_view name) {
    return std::ranges::any_of(action.parameters, [name](const Parameter& p) { return p.name == name; });
  };
  if (field.empty() || declared(field)) return field;
  for (const auto& [theirs, ours] : kOtherNames)
    if (theirs == field && declared(ours)) return std::string(ours);
  return field;
}

// Removes the key when the call ends, however it ends.
class AtWork {
 public:
  AtWork(std::shared_ptr<std::set<std::string>> keys, std::string key)
      : keys_(std::move(keys)), key_(std::move(key)) {}
  AtWork(const AtWork&) = delete;
  AtWork& operator=(const AtWork&) = delete;
  ~AtWork() { keys_->erase(key_); }

 private:
  std::shared_ptr<std::set<std::string>> keys_;
  std::string key_;
};

}  // namespace

std::string audit_detail(const Action& action, const Params& params, const Result<json::value>& outcome) {
  json::object shown;
  for (const auto& [name, value] : params.values()) {
    const auto declared = std::ranges::find(action.parameters, std::string_view(name), &Parameter::name);
    if (declared != action.parameters.end() && declared->secret) {
      shown[name] = "(secret)";
    } else {
      const auto text = json_text(value);
      shown[name] = text.size() > kMaxAuditValue ? json::value(shortened(text)) : value;
    }
  }
  json::object detail;
  detail["parameters"] = std::move(shown);
  detail["outcome"] = outcome ? "ok" : to_string(outcome.error().code);
  return json_text(detail);
}

Result<> remember_answer(Transaction& tx, const std::shared_ptr<IdempotentCall>& call,
                         const json::value& answer, WallTime now) {
  if (call == nullptr) return {};
  RememberedAnswer remembered;
  remembered.status = 200;
  remembered.answer = json_text(answer);
  return idempotency::remember(tx, call->key, call->body_hash, remembered, now);
}

Task<Result<json::value>> ActionRunner::run(ActionCall call) {
  PH_CO_TRY_ASSIGN(const Action* action, registry_.get(call.name));
  if (!allows(call.role, action->role)) {
    co_return fail(ErrorCode::permission_denied,
                   fmt::format("{} needs the role {}; this access has the role {}", action->name,
                               to_string(action->role), to_string(call.role)));
  }
  PH_CO_TRY_ASSIGN(auto given, as_object(std::move(call.parameters)));
  PH_CO_TRY_ASSIGN(auto params, check_parameters(action->parameters, given));
  if (action->effect == Effect::reads)
    co_return co_await run_handler(*action, std::move(params), std::move(call), nullptr);
  if (call.idempotency_key.empty()) {
    co_return co_await run_handler(*action, std::move(params), std::move(call), nullptr);
  }
  PH_CO_TRY(check_key(call.idempotency_key));
  if (action->secret_answer)
    co_return fail(ErrorCode::invalid_argument,
                   "this action shows a secret once and keeps no copy: leave the Idempotency-Key out",
                   "Idempotency-Key");
  co_return co_await run_with_key(*action, std::move(params), std::move(call));
}

Task<Result<json::value>> ActionRunner::run_handler(const Action& action, Params params, ActionCall call,
                                                    std::shared_ptr<IdempotentCall> idempotent) {
  ActionContext context;
  context.services = &services_;
  context.actor = call.actor;
  context.role = call.role;
  context.idempotent = std::move(idempotent);
  auto outcome = co_await action.handler(std::move(context), params);
  if (!outcome) outcome.error().field = declared_name(action, std::move(outcome.error().field));
  if (action.effect == Effect::mutates)
    co_await write_audit(action.name, std::move(call.actor), subject_of(action, params),
                         audit_detail(action, params, outcome));
  co_return outcome;
}

Task<Result<json::value>> ActionRunner::run_with_key(const Action& action, Params params, ActionCall call) {
  auto idempotent = std::make_shared<IdempotentCall>();
  idempotent->key = idempotency::scoped_key(call.actor, action.name, call.idempotency_key);
  idempotent->body_hash = idempotency::body_hash(json_text(params.values()));
  if (!at_work_->insert(idempotent->key).second) {
    co_return fail(ErrorCode::conflict,
                   "a call with this Idempotency-Key is still at work; ask again in a moment",
                   "Idempotency-Key");
  }
  const AtWork guard(at_work_, idempotent->key);
  auto look = [key = idempotent->key, hash = idempotent->body_hash](Transaction& tx) {
    return idempotency::find(tx, key, hash);
  };
  auto earlier = co_await services_.database->read(std::move(look));
  if (!earlier && earlier.error().code == ErrorCode::conflict) {
    co_return fail(ErrorCode::invalid_argument,
                   "this Idempotency-Key came before with other parameters; use a new key",
                   "Idempotency-Key");
  }
  if (!earlier) co_return std::unexpected(earlier.error());
  if (*earlier && (*earlier)->status == 0) {
    co_return fail(ErrorCode::conflict,
                   "the server went down during the first call with this Idempotency-Key; look whether it "
                   "took effect, and if not "
                   "repeat it with a new key",
                   "Idempotency-Key");
  }
  if (*earlier) co_return parse_json((*earlier)->answer);
  co_return co_await first_call(action, std::move(params), std::move(call), std::move(idempotent));
}

Task<Result<json::value>> ActionRunner::first_call(const Action& action, Params params, ActionCall call,
                                                   std::shared_ptr<IdempotentCall> idempotent) {
  if (action.keeps_answer)
    co_return co_await run_handler(action, std::move(params), std::move(call), std::move(idempotent));
  const auto now = services_.clock->wall_now();
  auto reserve = [idempotent, now](Transaction& tx) {
    return idempotency::reserve(tx, idempotent->key, idempotent->body_hash, now);
  };
  PH_CO_TRY(co_await services_.database->write_urgent(std::move(reserve)));
  co_return co_await reserved_call(action, std::move(params), std::move(call), std::move(idempotent));
}

// Urgent, as the reservation was: pausing works on a full disk, with an Idempotency-Key too.
Task<Result<json::value>> ActionRunner::reserved_call(const Action& action, Params params, ActionCall call,
                                                      std::shared_ptr<IdempotentCall> idempotent) {
  auto outcome = co_await run_handler(action, std::move(params), std::move(call), idempotent);
  const auto now = services_.clock->wall_now();
  auto keep = [idempotent, outcome, now](Transaction& tx) -> Result<> {
    if (!outcome) return idempotency::release(tx, idempotent->key);
    return remember_answer(tx, idempotent, *outcome, now);
  };
  const auto kept = co_await services_.database->write_urgent(std::move(keep));
  if (!kept)
    services_.log->warning("action.answer_not_kept",
                           {{"action", action.name}, {"reason", kept.error().message}});
  co_return outcome;
}

Task<> ActionRunner::write_audit(std::string action, std::string actor, std::string subject,
                                 std::string detail) {
  const auto now = services_.clock->wall_now();
  auto record = [=](Transaction& tx) { return audit::record(tx, now, actor, action, subject, detail); };
  const auto written = co_await services_.database->write(std::move(record));
  if (!written)
    services_.log->error("audit.not_written", {{"action", action}, {"reason", written.error().message}});
}

}  // namespace posthorn
