#include "broadcasts/campaign_options.h"

#include "core/json.h"
#include "core/json_writer.h"

namespace posthorn {
namespace {

constexpr int kMinutesOfDay = 24 * 60;

Result<> check_minute(int minute, std::string field) {
  if (minute >= 0 && minute < kMinutesOfDay) return {};
  return fail(ErrorCode::invalid_argument, "must be a minute of the day, from 0 to 1439", std::move(field));
}

}  // namespace

Result<CampaignOptions> check_options(const CampaignDraft& draft, Region configured_region) {
  CampaignOptions out;
  out.phone_column = draft.phone_column;
  out.default_region = configured_region;
  if (!draft.default_region.empty()) {
    auto region = parse_region(draft.default_region);
    if (!region) return fail(ErrorCode::invalid_argument, region.error().message, "default_region");
    out.default_region = *region;
  }
  if (draft.error_share_pause < 0 || draft.error_share_pause > 1) {
    return fail(ErrorCode::invalid_argument, "must be a share from 0 to 1, for example 0.2 for 20 %",
                "error_share_pause");
  }
  PH_TRY(check_minute(draft.quiet_from_minute, "quiet_from_minute"));
  PH_TRY(check_minute(draft.quiet_until_minute, "quiet_until_minute"));
  out.at_least_once = draft.at_least_once;
  out.error_share_pause = draft.error_share_pause;
  out.local_time = draft.local_time;
  out.quiet = {draft.quiet_from_minute, draft.quiet_until_minute};
  return out;
}

std::string to_json_text(const CampaignOptions& options) {
  std::string out;
  JsonWriter(out)
      .begin_object()
      .member("phone_column", options.phone_column)
      .member("default_region", options.default_region.view())
      .member("at_least_once", options.at_least_once)
      .member("error_share_pause", options.error_share_pause)
      .member("local_time", options.local_time)
      .member("quiet_from_minute", options.quiet.from_minute)
      .member("quiet_until_minute", options.quiet.until_minute)
      .end_object();
  return out;
}

Result<CampaignOptions> options_from_json(std::string_view text) {
  auto tree = parse_json(text);
  if (!tree || !tree->is_object())
    return fail(ErrorCode::data_loss, "the stored options of a broadcast cannot be read");
  const JsonView view(*tree);
  CampaignOptions out;
  out.phone_column = view["phone_column"].string_or("");
  if (const auto region = parse_region(view["default_region"].string_or(""))) out.default_region = *region;
  out.at_least_once = view["at_least_once"].boolean_or(false);
  out.error_share_pause = view["error_share_pause"].number().value_or(0);
  out.local_time = view["local_time"].boolean_or(false);
  out.quiet = {static_cast<int>(view["quiet_from_minute"].integer_or(QuietHours{}.from_minute)),
               static_cast<int>(view["quiet_until_minute"].integer_or(QuietHours{}.until_minute))};
  return out;
}

}  // namespace posthorn
