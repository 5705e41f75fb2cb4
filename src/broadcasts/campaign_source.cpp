#include "broadcasts/campaign_source.h"

#include <cstring>

#include <fmt/format.h>

namespace posthorn {
namespace {

// A record is the row's variable values, each with its length before it. It never leaves the process.
using Length = std::uint32_t;

void append_value(std::string& record, std::string_view value) {
  const auto size = static_cast<Length>(value.size());
  record.append(reinterpret_cast<const char*>(&size), sizeof size);
  record.append(value);
}

void split_record(std::string_view record, std::vector<std::string_view>& values) {
  values.clear();
  while (record.size() >= sizeof(Length)) {
    Length size = 0;
    std::memcpy(&size, record.data(), sizeof size);
    values.push_back(record.substr(sizeof size, size));
    record.remove_prefix(sizeof size + size);
  }
}

// How many row numbers from `begin` on are consecutive.
std::size_t run_length(const std::vector<std::int64_t>& row_nos, std::size_t begin) {
  std::size_t end = begin + 1;
  while (end < row_nos.size() && row_nos[end] == row_nos[end - 1] + 1) ++end;
  return end - begin;
}

// Rows whose records still lie in the growing text: views are made when it has stopped moving.
struct PendingRow {
  std::int64_t row_no;
  PhoneNumber phone;
  std::size_t begin, end;
};

}  // namespace

CampaignSource::CampaignSource(CampaignId campaign, SendPolicy policy, double error_share_pause,
                               std::unique_ptr<RecipientListReader> list,
                               whatsapp::CompiledTemplateMessage message)
    : campaign_(campaign),
      policy_(policy),
      error_share_pause_(error_share_pause),
      list_(std::move(list)),
      message_(std::move(message)) {
  for (const ListSlot& slot : list_->slots()) constant_.push_back(slot.constant);
}

Task<Result<std::vector<BroadcastRow>>> CampaignSource::fetch(std::vector<std::int64_t> row_nos) {
  auto records = std::make_shared<std::string>();
  std::vector<PendingRow> pending;
  pending.reserve(row_nos.size());
  for (std::size_t i = 0; i < row_nos.size();) {
    PH_CO_TRY_ASSIGN(const RecipientBatch batch, co_await list_->read(row_nos[i], run_length(row_nos, i)));
    if (batch.rows.empty()) {
      co_return fail(ErrorCode::data_loss, fmt::format("the recipient list has no row {}", row_nos[i]));
    }
    for (const ListedRecipient& row : batch.rows) {
      const std::size_t begin = records->size();
      for (std::size_t slot = 0; slot < row.values.size(); ++slot) {
        if (!constant_[slot]) append_value(*records, row.values[slot]);
      }
      pending.push_back({row.row_no, row.phone, begin, records->size()});
    }
    i += batch.rows.size();
  }
  std::vector<BroadcastRow> out;
  out.reserve(pending.size());
  for (const PendingRow& row : pending) {
    BroadcastRow ready;
    ready.row_no = row.row_no;
    ready.phone = row.phone;
    ready.record = std::string_view(*records).substr(row.begin, row.end - row.begin);
    ready.storage = records;
    out.push_back(std::move(ready));
  }
  co_return out;
}

Result<> CampaignSource::render(const BroadcastRow& row, std::string_view token, std::string& body) const {
  split_record(row.record, values_);
  PH_TRY(message_.check(values_));
  const std::string digits = row.phone.to_digits();
  whatsapp::Address to;
  to.digits = digits;
  message_.render(body, to, values_, token);
  return {};
}

}  // namespace posthorn
