#include "operator.h"

#include <fmt/format.h>

#include "messaging/accounts.h"
#include "messaging/single_sends.h"

namespace posthorn::simulation {
namespace {

constexpr const char* kActor = "simulation";

std::string recipient_file(int recipients) {
  std::string csv = "phone,name,code\r\n";
  for (int i = 0; i < recipients; ++i) {
    csv += fmt::format("+4915{:09},Person {},C{}\r\n", 100000000 + i * 7, i, i);
  }
  return csv;
}

Task<Result<UploadId>> upload(Product* product, int recipients) {
  const std::string csv = recipient_file(recipients);
  PH_CO_TRY_ASSIGN(const auto blob, co_await product->blobs().put(csv));
  auto store = [&](Transaction& tx) -> Result<UploadId> {
    PH_TRY_ASSIGN(SqlRows rows,
                  tx.query("INSERT INTO uploads (file_name, blob, size, created_by, created_at) "
                           "VALUES ('r.csv', $1, $2, 'simulation', 0) RETURNING id",
                           {blob.key, static_cast<std::int64_t>(blob.size)}));
    PH_TRY(rows.next());
    return UploadId{rows.integer(0)};
  };
  co_return co_await product->database().write(store);
}

Task<Result<>> start_steps(Product* product, int recipients, bool at_least_once, CampaignId* id) {
  CampaignDraft draft;
  draft.name = "simulated";
  draft.account = product->account();
  PH_CO_TRY_ASSIGN(draft.upload, co_await upload(product, recipients));
  draft.template_name = kTemplateName;
  draft.template_language = kTemplateLanguage;
  draft.mapping["body.1"] = "name";
  draft.mapping["body.2"] = "code";
  draft.at_least_once = at_least_once;
  PH_CO_TRY_ASSIGN(*id, co_await product->campaigns().create(draft, kActor));
  PH_CO_TRY(co_await product->campaigns().preflight(*id, kActor));
  StartOptions start;
  start.acknowledge_warnings = true;
  PH_CO_TRY(co_await product->campaigns().start(*id, start, kActor));
  co_return Result<>{};
}

Task<Result<>> unblock(Product* product) {
  const AccountId account = product->account();
  auto lift = [account](Transaction& tx) { return accounts::unblock(tx, account, WallTime{}); };
  PH_CO_TRY(co_await product->database().write(lift));
  product->dispatcher().update_account(product->sender());
  co_return Result<>{};
}

bool is_fulfilled(CampaignState state, Wish wish) {
  if (is_terminal(state)) return true;
  return state == (wish == Wish::resume ? CampaignState::running : CampaignState::paused) &&
         wish != Wish::cancel;
}

Task<Result<>> fulfil_steps(Product* product, CampaignId id, Wish wish) {
  PH_CO_TRY_ASSIGN(const Campaign before, co_await product->campaigns().get(id));
  if (is_fulfilled(before.state, wish)) co_return Result<>{};
  Result<Campaign> changed;
  if (wish == Wish::cancel) changed = co_await product->campaigns().cancel(id, kActor);
  if (wish == Wish::pause) changed = co_await product->campaigns().pause(id, "", kActor);
  if (wish == Wish::resume) {
    PH_CO_TRY(co_await unblock(product));
    changed = co_await product->campaigns().resume(id, kActor);
  }
  if (!changed) co_return std::unexpected(changed.error());
  co_return Result<>{};
}

void finish(Answer* answer, const Result<>& result) {
  answer->problem = result ? std::string() : result.error().message;
  answer->done = true;
}

}  // namespace

Task<> start_broadcast(Product* product, int recipients, bool at_least_once, CampaignId* id, Answer* answer) {
  const Result<> result = co_await start_steps(product, recipients, at_least_once, id);
  finish(answer, result);
}

Task<> fulfil(Product* product, CampaignId id, Wish wish, Answer* answer) {
  const Result<> result = co_await fulfil_steps(product, id, wish);
  finish(answer, result);
}

Task<> send_traffic(Product* product, int batch) {
  auto enqueue = [product, batch](Transaction& tx) -> Result<> {
    for (int i = 0; i < 24; ++i) {
      SingleSend send;
      send.account = product->account();
      send.phone = PhoneNumber::from_digits(491600000000ULL + static_cast<std::uint64_t>(batch * 100 + i));
      send.payload = fmt::format(
          R"({{"messaging_product":"whatsapp","to":"{}","type":"template","template":{{"name":"{}",)"
          R"("language":{{"code":"{}"}},"components":[{{"type":"body","parameters":[)"
          R"({{"type":"text","text":"A"}},{{"type":"text","text":"B"}}]}}]}}}})",
          send.phone.to_digits(), kTemplateName, kTemplateLanguage);
      send.purpose = "action:traffic";
      PH_TRY(enqueue_single_send(tx, send, WallTime{}));
    }
    return {};
  };
  (void)co_await product->database().write(enqueue);
  product->dispatcher().wake();
}

Task<> look(Product* product, CampaignId id, Campaign* out) {
  auto campaign = co_await product->campaigns().get(id);
  if (campaign) *out = std::move(*campaign);
}

}  // namespace posthorn::simulation
