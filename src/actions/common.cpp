#include "actions/common.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace posthorn {
namespace {

std::optional<AccountId> as_id(std::string_view text) {
  AccountId id;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id.value);
  if (error != std::errc() || end != text.data() + text.size() || id.value <= 0) return std::nullopt;
  return id;
}

enum class Among { all, whatsapp };

Result<Account> only_account(Transaction& tx, Among among) {
  PH_TRY_ASSIGN(auto all, accounts::list(tx));
  if (among == Among::whatsapp)
    std::erase_if(all, [](const Account& a) { return channel_of(a) != channels::Channel::whatsapp; });
  if (all.size() == 1) return std::move(all.front());
  if (all.empty()) {
    return fail(ErrorCode::not_found,
                "no number has been added yet; add one with add_channel (posthorn channel add)", "account");
  }
  std::vector<std::string> names;
  for (const auto& account : all) names.push_back(account.name);
  return fail(ErrorCode::invalid_argument,
              fmt::format("account is missing; choose from {}", fmt::join(names, ", ")), "account");
}

Result<Account> with_field(Result<Account> found) {
  if (!found) found.error().field = "account";
  return found;
}

}  // namespace

Result<Account> find_account(Transaction& tx, std::string_view text) {
  if (text.empty()) return only_account(tx, Among::all);
  PH_TRY_ASSIGN(auto by_sender, accounts::find_by_sender(tx, text));
  if (by_sender) return *std::move(by_sender);
  PH_TRY_ASSIGN(auto of_business, accounts::list_by_business(tx, text));
  if (of_business.size() == 1) return std::move(of_business.front());
  if (of_business.size() > 1) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("the business account {} has {} numbers; name one of them", text, of_business.size()),
        "account");
  }
  if (const auto id = as_id(text)) {
    if (auto by_id = accounts::get(tx, *id)) return by_id;
  }
  return with_field(accounts::get_by_name(tx, text));
}

Task<Result<Account>> find_number(ActionContext context, std::string text) {
  auto look = [text = std::move(text)](Transaction& tx) {
    return text.empty() ? only_account(tx, Among::whatsapp) : find_account(tx, text);
  };
  co_return co_await context.services->database->read(std::move(look));
}

Task<Result<Account>> find_account(ActionContext context, std::string text) {
  auto look = [text = std::move(text)](Transaction& tx) { return find_account(tx, text); };
  co_return co_await context.services->database->read(std::move(look));
}

Task<Result<Account>> find_business(ActionContext context, std::string text) {
  auto look = [text = std::move(text)](Transaction& tx) -> Result<Account> {
    PH_TRY_ASSIGN(auto candidates, text.empty() ? accounts::list(tx) : accounts::list_by_business(tx, text));
    // Templates are WhatsApp's: other accounts make the choice no harder.
    std::erase_if(candidates, [](const Account& a) { return channel_of(a) != channels::Channel::whatsapp; });
    const auto same = [&candidates](const Account& a) {
      return a.business_id == candidates.front().business_id;
    };
    if (!candidates.empty() && std::ranges::all_of(candidates, same)) return std::move(candidates.front());
    return text.empty() ? only_account(tx, Among::whatsapp) : find_account(tx, text);
  };
  co_return co_await context.services->database->read(std::move(look));
}

Parameter account_parameter(Need need) {
  return {.name = "account",
          .need = need,
          .help =
              "the sending number: its name, its id, or Meta's phone number id; may be left out while there "
              "is only one",
          .max = 100,
          .aliases = {"metaWabaId", "phone_number_id"}};
}

Parameter portfolio_parameter() {
  return {.name = "portfolio",
          .help =
              "id of the Meta business portfolio, if several of its business accounts are here: they share "
              "their contacts; when left out, as the business account's other numbers",
          .fallback = "",
          .max = 64,
          .aliases = {"portfolio_id"}};
}

Parameter id_parameter(std::string what) {
  return {.name = "id",
          .type = ParameterType::integer,
          .need = Need::required,
          .help = std::move(what),
          .min = 1};
}

Parameter limit_parameter(std::int64_t fallback, std::int64_t max) {
  return {.name = "limit",
          .type = ParameterType::integer,
          .help = "how many at most",
          .fallback = fallback,
          .min = 1,
          .max = max};
}

Parameter before_parameter() {
  return {.name = "before_id",
          .type = ParameterType::integer,
          .help = "only those older than this id: next_before_id of the page before",
          .fallback = 0,
          .min = 0};
}

json::object page(const char* name, json::array entries, std::int64_t limit, const char* id_member) {
  json::object out;
  json::value next = nullptr;
  if (static_cast<std::int64_t>(entries.size()) >= limit) next = entries.back().as_object().at(id_member);
  out[name] = std::move(entries);
  out["next_before_id"] = std::move(next);
  return out;
}

}  // namespace posthorn
