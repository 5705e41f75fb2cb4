// The action registry: what Posthorn can do, each thing declared once. HTTP endpoints, validation, help, the
// OpenAPI document, docs/actions.md and the generic command line all come from these declarations.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "actions/parameter.h"
#include "actions/role.h"
#include "platform/async.h"

namespace posthorn {

struct Services;  // actions/services.h

struct IdempotentCall;  // actions/runner.h

struct ActionContext {
  Services* services = nullptr;
  std::string actor;  // name of the key or session that calls, for the audit
  Role role = Role::viewer;
  std::shared_ptr<IdempotentCall> idempotent;  // set when the caller gave an Idempotency-Key
};

// A coroutine without state of its own; everything it needs comes through the context.
using ActionHandler = Task<Result<json::value>> (*)(ActionContext, Params);

enum class Effect { reads, mutates };  // what mutates is audited and takes an Idempotency-Key

struct Action {
  std::string name;      // snake_case
  std::string category;  // "broadcasts", "templates", …
  Role role = Role::admin;
  Effect effect = Effect::reads;
  std::string summary;  // one sentence
  std::vector<Parameter> parameters;
  ActionHandler handler = nullptr;
  json::object example;       // parameters of a typical call; must pass the action's own checks
  bool keeps_answer = false;  // the handler calls remember_answer() in the transaction of its effect
  bool secret_answer =
      false;  // the answer shows a secret once: it is never kept, so an Idempotency-Key is refused
};

inline constexpr std::size_t kMaxActionBody = 64 * 1024;  // bytes of JSON parameters

class Registry {
 public:
  explicit Registry(std::vector<Action> actions);

  std::span<const Action> actions() const { return actions_; }  // by category in declaration order
  const Action* find(std::string_view name) const;
  Result<const Action*> get(std::string_view name) const;  // not_found with the nearest name
  std::vector<std::string> names() const;                  // sorted
  std::vector<std::string> categories() const;             // in declaration order

 private:
  std::vector<Action> actions_;
};

// Every action of the product.
Registry make_registry();

// The declarations by category; one file each.
std::vector<Action> broadcast_actions();
std::vector<Action> upload_actions();
std::vector<Action> template_actions();
std::vector<Action> message_actions();
std::vector<Action> media_actions();
std::vector<Action> conversation_actions();
std::vector<Action> contact_actions();
std::vector<Action> channel_actions();
std::vector<Action> meta_account_actions();
std::vector<Action> suppression_actions();
std::vector<Action> notification_actions();
std::vector<Action> intake_actions();
std::vector<Action> key_actions();
std::vector<Action> webhook_delivery_actions();
std::vector<Action> webhook_endpoint_actions();
std::vector<Action> event_actions();
std::vector<Action> automation_actions();
std::vector<Action> menu_actions();
std::vector<Action> menu_sending_actions();
std::vector<Action> system_actions();

}  // namespace posthorn
