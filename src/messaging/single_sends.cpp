#include "messaging/single_sends.h"

#include "core/json.h"
#include "messaging/delivery.h"
#include "messaging/wamid_index.h"

namespace posthorn {

Result<std::int64_t> enqueue_single_send(Transaction& tx, const SingleSend& send, WallTime now) {
  if (send.lane == Lane::broadcast)
    return fail(ErrorCode::invalid_argument, "Single sends go by the reply or the api lane.", "lane");
  PH_TRY_ASSIGN(const json::value payload, parse_json(send.payload));
  if (!payload.is_object() || payload.as_object().empty()) {
    return fail(ErrorCode::invalid_argument, "The payload must be the request body, a JSON object.",
                "payload");
  }
  if (payload.as_object().contains("biz_opaque_callback_data")) {
    return fail(ErrorCode::invalid_argument, "biz_opaque_callback_data belongs to Posthorn: leave it out.",
                "payload");
  }
  PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT COALESCE(MAX(row_no), 0) + 1 FROM single_sends", {}));
  PH_TRY(rows.next());
  const std::int64_t row_no = rows.integer(0);
  PH_TRY(tx.execute(
      "INSERT INTO single_sends (row_no, account_id, lane, phone, payload, policy, purpose, queued_at) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
      {row_no, send.account.value, static_cast<int>(send.lane), send.phone.digits(), send.payload,
       static_cast<int>(send.policy), send.purpose, to_micros(now)}));
  return row_no;
}

RecipientKey recipient_key(std::string_view payload) {
  const Result<json::value> body = parse_json(payload);
  if (!body) return {};
  for (const std::string_view name : {"recipient", "to"}) {
    const JsonView member = JsonView(*body)[name];
    if (!member.exists()) continue;
    const std::string_view id = member["id"].exists() ? member["id"].string_or("") : member.string_or("");
    constexpr std::uint64_t kAbovePhones = 1ULL << 63;
    if (id.empty()) continue;
    return {static_cast<std::uint64_t>(wamid_hash(id)) | kAbovePhones,
            JsonView(*body)["messaging_product"].exists()};
  }
  return {};
}

Result<std::optional<SingleSendStatus>> single_send_status(Transaction& tx, std::int64_t row_no) {
  PH_TRY_ASSIGN(
      SqlRows rows,
      tx.query("SELECT COALESCE(s.state, 0), s.delivery, s.code, s.wamid, s.detail FROM single_sends q "
               "LEFT JOIN sends s ON s.campaign_id = 0 AND s.row_no = q.row_no WHERE q.row_no = $1",
               {row_no}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  if (!found) return std::nullopt;
  return SingleSendStatus{std::string(to_string(static_cast<SendState>(rows.integer(0)))),
                          std::string(delivery_word(static_cast<std::uint32_t>(rows.integer(1)))),
                          static_cast<int>(rows.integer(2)), std::string(rows.text(3)),
                          std::string(rows.text(4))};
}

}  // namespace posthorn
