// Where the dispatcher gets the recipients of a running broadcast from. src/broadcasts implements it over the
// compiled recipient list. The list is immutable: how far it has been sent lives in the database and is the
// dispatcher's business.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/phone_number.h"
#include "core/result.h"
#include "messaging/send_state.h"
#include "platform/async.h"

namespace posthorn {

// One recipient as compiled at pre-flight.
struct BroadcastRow {
  std::int64_t row_no = 0;  // from 1, over the whole list
  PhoneNumber phone;
  std::string_view record;  // the resolved variables, in the source's own encoding; a view into `storage`
  std::shared_ptr<const std::string> storage;  // keeps `record` alive; one chunk is shared by many rows
};

class BroadcastSource {
 public:
  virtual ~BroadcastSource() = default;
  virtual CampaignId campaign() const = 0;
  virtual SendPolicy policy() const = 0;
  virtual bool honours_suppressions() const {
    return true;
  }  // false only for what the law obliges to send anyway
  // Share of failures (0 to 1) among the last outcomes above which the broadcast pauses by itself; 0: the
  // configured default.
  virtual double error_share_pause() const { return 0; }

  // These rows, in the order asked for (ascending). Nearly always a run that goes on where the last one
  // ended; after a retry also scattered ones. data_loss when the list is damaged: the dispatcher then stops
  // this broadcast and says so.
  virtual Task<Result<std::vector<BroadcastRow>>> fetch(std::vector<std::int64_t> row_nos) = 0;

  // Appends the complete request body, with `token` as its biz_opaque_callback_data, to `body`. On the hot
  // path: no allocation besides growing `body`. An error rejects this row with the error's message and code
  // 0.
  virtual Result<> render(const BroadcastRow& row, std::string_view token, std::string& body) const = 0;
};

}  // namespace posthorn
