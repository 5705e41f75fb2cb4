// Small things that several action files share.
#pragma once
#include "actions/registry.h"
#include "actions/services.h"
#include "messaging/accounts.h"
#include "storage/database.h"

namespace posthorn {

// "account" as people write it: the operator's name for it, its id, Meta's phone number id, or the id of a
// business account that has one number only. Empty is fine while there is one account only.
Result<Account> find_account(Transaction& tx, std::string_view text);
Task<Result<Account>> find_account(ActionContext context, std::string text);
// Likewise, where only WhatsApp can do it: empty is fine while there is one WhatsApp number only.
Task<Result<Account>> find_number(ActionContext context, std::string text);
// For what belongs to the business account, such as templates: any of its numbers will do.
Task<Result<Account>> find_business(ActionContext context, std::string text);

// The parameters that many actions take.
Parameter account_parameter(Need need = Need::optional);
Parameter id_parameter(std::string what);
Parameter limit_parameter(std::int64_t fallback, std::int64_t max);
Parameter before_parameter();
Parameter portfolio_parameter();  // of new WhatsApp numbers

// The answer to lists read newest first: {"<name>": […], "next_before_id": …}; next is null at the end.
json::object page(const char* name, json::array entries, std::int64_t limit, const char* id_member = "id");

}  // namespace posthorn
