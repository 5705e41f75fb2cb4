// The list of people who must not receive marketing.
#include <fmt/format.h>

#include "actions/common.h"
#include "actions/views.h"
#include "messaging/person_suppressions.h"
#include "platform/clock.h"

namespace posthorn {
namespace {

constexpr std::int64_t kMaxPhones = 1000;

Result<PhoneNumber> read_phone(const json::value& value, std::size_t index) {
  const auto field = fmt::format("phones[{}]", index);
  if (!value.is_string()) return fail(ErrorCode::invalid_argument, field + " must be a text", field);
  const auto phone = parse_phone(value.get_string(), Region{});
  if (!phone)
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is not a phone number: {}", field, explain(phone.error())), field);
  return *phone;
}

Task<Result<json::value>> add(ActionContext c, Params p) {
  std::vector<Suppression> entries;
  const auto phones = p.list("phones");
  for (std::size_t i = 0; i < phones.size(); ++i) {
    Suppression entry;
    PH_CO_TRY_ASSIGN(entry.phone, read_phone(phones[i], i));
    entry.business_id = p.text("business_id");
    entry.source = "operator";
    entry.detail = p.text("detail");
    entry.created_at = c.services->clock->wall_now();
    entries.push_back(std::move(entry));
  }
  auto store = [entries = std::move(entries)](Transaction& tx) -> Result<std::int64_t> {
    std::int64_t added = 0;
    for (const Suppression& entry : entries) {
      PH_TRY_ASSIGN(const bool fresh, suppressions::add_spellings(tx, entry));
      added += fresh ? 1 : 0;
    }
    return added;
  };
  PH_CO_TRY_ASSIGN(const auto added, co_await c.services->database->write(std::move(store)));
  json::object out;
  out["added"] = added;
  out["already_there"] = static_cast<std::int64_t>(phones.size()) - added;
  co_return json::value(std::move(out));
}

Result<PhoneNumber> phone_of(const Params& p) {
  const auto phone = parse_phone(p.text("phone"), Region{});
  if (!phone) return fail(ErrorCode::invalid_argument, std::string(explain(phone.error())), "phone");
  return *phone;
}

Task<Result<json::value>> remove(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(const auto phone, phone_of(p));
  auto erase = [phone, business = p.text("business_id")](Transaction& tx) {
    return person_suppressions::remove_number(tx, phone, business);
  };
  PH_CO_TRY_ASSIGN(const bool removed, co_await c.services->database->write(std::move(erase)));
  if (!removed)
    co_return fail(ErrorCode::not_found, fmt::format("{} is not on the list", phone.to_string()), "phone");
  json::object out;
  out["removed"] = phone.to_string();
  co_return json::value(std::move(out));
}

Task<Result<json::value>> check(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(const auto phone, phone_of(p));
  auto look = [phone](Transaction& tx) { return suppressions::find_all(tx, phone); };
  PH_CO_TRY_ASSIGN(std::vector<Suppression> found, co_await c.services->database->read(std::move(look)));
  const std::string business = p.text("business_id");
  if (!business.empty()) {
    std::erase_if(found,
                  [&](const Suppression& s) { return !s.business_id.empty() && s.business_id != business; });
  }
  json::object out;
  out["phone"] = phone.to_string();
  out["suppressed"] = !found.empty();
  if (!found.empty()) out["entry"] = view(found.front());
  out["entries"] = views(found);
  co_return json::value(std::move(out));
}

Task<Result<json::value>> list(ActionContext c, Params p) {
  auto look = [after = p.text("after"),
               limit = static_cast<int>(p.integer("limit"))](Transaction& tx) -> Result<json::value> {
    PH_TRY_ASSIGN(auto page, suppressions::list(tx, after, limit));
    PH_TRY_ASSIGN(const auto total, suppressions::count(tx));
    json::object out;
    out["total"] = total;
    out["entries"] = views(page.entries);
    out["next"] = page.next.empty() ? json::value(nullptr) : json::value(page.next);
    return json::value(std::move(out));
  };
  co_return co_await c.services->database->read(std::move(look));
}

Parameter business_parameter() {
  return {.name = "business_id",
          .help = "only for this business account; for all when left out",
          .fallback = "",
          .max = 40};
}

}  // namespace

std::vector<Action> suppression_actions() {
  const Parameter phone = {
      .name = "phone", .type = ParameterType::phone, .need = Need::required, .help = "the number"};
  const Parameter phones = {.name = "phones",
                            .type = ParameterType::list,
                            .need = Need::required,
                            .help = "numbers in international format",
                            .min = 1,
                            .max = kMaxPhones};
  const Parameter detail = {.name = "detail", .help = "why, for the record", .fallback = "", .max = 500};
  const Parameter after = {.name = "after", .help = "`next` of the page before", .fallback = "", .max = 100};
  return {
      {.name = "add_suppressions",
       .category = "suppressions",
       .role = Role::marketer,
       .effect = Effect::mutates,
       .summary = "Puts numbers on the list; no broadcast reaches them from now on.",
       .parameters = {phones, business_parameter(), detail},
       .handler = add,
       .example = {{"phones", {"+491701234567"}}, {"detail", "asked by e-mail"}}},
      {.name = "remove_suppression",
       .category = "suppressions",
       .role = Role::marketer,
       .effect = Effect::mutates,
       .summary = "Takes a number off the list, after the person asked for messages again.",
       .parameters = {phone, business_parameter()},
       .handler = remove,
       .example = {{"phone", "+491701234567"}}},
      {.name = "check_suppression",
       .category = "suppressions",
       .role = Role::viewer,
       .summary = "Whether a number is on the list, since when and why.",
       .parameters = {phone,
                      {.name = "business_id",
                       .help = "entries that count for this business account; of all accounts when left out",
                       .fallback = "",
                       .max = 40}},
       .handler = check,
       .example = {{"phone", "+491701234567"}}},
      {.name = "list_suppressions",
       .category = "suppressions",
       .role = Role::viewer,
       .summary = "The list, by number.",
       .parameters = {after, limit_parameter(100, 10'000)},
       .handler = list},
  };
}

}  // namespace posthorn
