// Broadcasts from draft to report. Decisions are the campaign service's; here are names, limits and shapes.
#include "actions/common.h"
#include "actions/views.h"
#include "broadcasts/campaign_service.h"

namespace posthorn {
namespace {

constexpr const char* kCategory = "broadcasts";

CampaignId campaign_id(const Params& p) {
  return CampaignId{p.integer("id")};
}
CampaignService& campaigns(const ActionContext& c) {
  return *c.services->campaigns;
}

Result<json::value> as_value(Result<Campaign> campaign) {
  if (!campaign) return std::unexpected(std::move(campaign.error()));
  return json::value(view(*campaign));
}

// "21:00" → minutes of the day.
Result<int> minute_of_day(const Params& p, std::string_view name, int fallback) {
  if (!p.has(name)) return fallback;
  const auto text = p.text(name);
  const auto digit = [&text](std::size_t i) {
    return text[i] >= '0' && text[i] <= '9' ? text[i] - '0' : -100;
  };
  if (text.size() == 5 && text[2] == ':') {
    const int hours = digit(0) * 10 + digit(1);
    const int minutes = digit(3) * 10 + digit(4);
    if (hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60) return hours * 60 + minutes;
  }
  return fail(ErrorCode::invalid_argument, std::string(name) + " must be a time of day like 21:00",
              std::string(name));
}

Task<Result<CampaignDraft>> read_draft(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(auto account, co_await find_number(c, p.text("account")));
  CampaignDraft draft;
  draft.name = p.text("name");
  draft.account = account.id;
  draft.upload = UploadId{p.integer("upload_id")};
  draft.template_name = p.text("template_name");
  draft.template_language = p.text("language");
  draft.mapping = p.object("mapping");
  draft.phone_column = p.text("phone_column");
  draft.default_region = p.text("default_region");
  draft.at_least_once = p.text("policy") == "at_least_once";
  draft.error_share_pause = p.number("error_share_pause");
  draft.local_time = p.boolean("local_time");
  const auto& facts = c.services->facts;
  PH_CO_TRY_ASSIGN(draft.quiet_from_minute, minute_of_day(p, "quiet_from", facts.quiet_from_minute));
  PH_CO_TRY_ASSIGN(draft.quiet_until_minute, minute_of_day(p, "quiet_until", facts.quiet_until_minute));
  co_return draft;
}

std::vector<Parameter> draft_parameters() {
  return {
      {.name = "name",
       .need = Need::required,
       .help = "what people call this broadcast",
       .min = 1,
       .max = 200},
      account_parameter(),
      {.name = "upload_id",
       .type = ParameterType::integer,
       .need = Need::required,
       .help = "the recipient file: the id that the upload returned",
       .min = 1},
      {.name = "template_name",
       .need = Need::required,
       .help = "an approved template of the number's business account",
       .min = 1,
       .max = 512},
      {.name = "language",
       .help = "language of the template",
       .fallback = "en_US",
       .max = 20,
       .aliases = {"languageCode", "template_language"}},
      {.name = "mapping",
       .type = ParameterType::object,
       .help = "template variable → {\"column\": …}, {\"constant\": …}, with \"fallback\"; inspect_upload "
               "proposes one"},
      {.name = "phone_column",
       .help = "the column with the phone numbers; found automatically when left out",
       .max = 500},
      {.name = "default_region",
       .help = "country of numbers without country code, such as DE; from the configuration when left out",
       .max = 2},
      {.name = "policy",
       .help = "what happens to sends whose outcome stays unknown: at_most_once never sends them again; "
               "at_least_once does, once, and may duplicate",
       .fallback = "at_most_once",
       .choices = {"at_most_once", "at_least_once"}},
      {.name = "error_share_pause",
       .type = ParameterType::number,
       .help = "pauses when more than this share of the last outcomes are errors; 0: from the configuration",
       .fallback = 0.0,
       .min = 0,
       .max = 1},
      {.name = "local_time",
       .type = ParameterType::boolean,
       .help = "keep the quiet hours of each recipient's own country",
       .fallback = false},
      {.name = "quiet_from",
       .help = "with local_time: no sending from this time of day on, such as 21:00; from the configuration "
               "(broadcast.quiet_hours) when left out",
       .max = 5},
      {.name = "quiet_until",
       .help = "with local_time: until this time of day; from the configuration when left out",
       .max = 5},
  };
}

Task<Result<json::value>> create(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(auto draft, co_await read_draft(c, p));
  PH_CO_TRY_ASSIGN(const auto id, co_await campaigns(c).create(std::move(draft), c.actor));
  co_return as_value(co_await campaigns(c).get(id));
}

Task<Result<json::value>> update(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(auto draft, co_await read_draft(c, p));
  PH_CO_TRY(co_await campaigns(c).update(campaign_id(p), std::move(draft), c.actor));
  co_return as_value(co_await campaigns(c).get(campaign_id(p)));
}

Task<Result<json::value>> get(ActionContext c, Params p) {
  co_return as_value(co_await campaigns(c).get(campaign_id(p)));
}

Task<Result<json::value>> list(ActionContext c, Params p) {
  const auto limit = p.integer("limit");
  PH_CO_TRY_ASSIGN(auto found, co_await campaigns(c).list(p.integer("before_id"), static_cast<int>(limit)));
  co_return json::value(page("broadcasts", views(found), limit));
}

Task<Result<json::value>> preview(ActionContext c, Params p) {
  std::vector<std::int64_t> lines;
  for (const auto& line : p.list("lines")) {
    if (!line.is_int64() || line.get_int64() < 1)
      co_return fail(ErrorCode::invalid_argument, "lines must be line numbers of the file, from 1", "lines");
    lines.push_back(line.get_int64());
  }
  PH_CO_TRY_ASSIGN(auto rendered, co_await campaigns(c).preview(campaign_id(p), std::move(lines),
                                                                static_cast<int>(p.integer("count"))));
  json::object out;
  out["previews"] = std::move(rendered);
  co_return json::value(std::move(out));
}

Task<Result<json::value>> preflight(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(auto summary, co_await campaigns(c).preflight(campaign_id(p), c.actor));
  co_return json::value(std::move(summary));
}

Task<Result<json::value>> send_test(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(const auto row,
                   co_await campaigns(c).send_test(campaign_id(p), p.text("to"), p.integer("line"), c.actor));
  json::object out;
  out["send_id"] = row;
  co_return json::value(std::move(out));
}

Task<Result<json::value>> start(ActionContext c, Params p) {
  StartOptions options;
  options.at = p.time("at");
  options.acknowledge_warnings = p.boolean("acknowledge_warnings");
  co_return as_value(co_await campaigns(c).start(campaign_id(p), options, c.actor));
}

Task<Result<json::value>> pause(ActionContext c, Params p) {
  co_return as_value(co_await campaigns(c).pause(campaign_id(p), p.text("reason"), c.actor));
}

Task<Result<json::value>> resume(ActionContext c, Params p) {
  co_return as_value(co_await campaigns(c).resume(campaign_id(p), c.actor));
}

Task<Result<json::value>> cancel(ActionContext c, Params p) {
  co_return as_value(co_await campaigns(c).cancel(campaign_id(p), c.actor));
}

Task<Result<json::value>> resend_unknown(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(const auto rows, co_await campaigns(c).resend_unknown(
                                        campaign_id(p), p.boolean("accept_duplicate_risk"), c.actor));
  json::object out;
  out["requeued"] = rows;
  co_return json::value(std::move(out));
}

Task<Result<json::value>> report(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(auto report, co_await campaigns(c).report(campaign_id(p)));
  co_return json::value(std::move(report));
}

Task<Result<json::value>> recipients(ActionContext c, Params p) {
  const auto limit = p.integer("limit");
  PH_CO_TRY_ASSIGN(auto rows, co_await campaigns(c).recipients(campaign_id(p), p.integer("after_row"),
                                                               static_cast<int>(limit), p.text("state")));
  json::object out;
  out["next_after_row"] =
      static_cast<std::int64_t>(rows.size()) < limit ? json::value(nullptr) : json::value(rows.back().row_no);
  out["recipients"] = views(rows);
  co_return json::value(std::move(out));
}

Parameter id() {
  return id_parameter("the broadcast");
}

std::vector<Parameter> update_parameters() {
  auto parameters = draft_parameters();
  parameters.insert(parameters.begin(), id());
  return parameters;
}

Action reading(std::string name, std::string summary, std::vector<Parameter> parameters,
               ActionHandler handler, json::object example) {
  return {.name = std::move(name),
          .category = kCategory,
          .role = Role::viewer,
          .effect = Effect::reads,
          .summary = std::move(summary),
          .parameters = std::move(parameters),
          .handler = handler,
          .example = std::move(example)};
}

Action changing(std::string name, std::string summary, std::vector<Parameter> parameters,
                ActionHandler handler, json::object example) {
  return {.name = std::move(name),
          .category = kCategory,
          .role = Role::marketer,
          .effect = Effect::mutates,
          .summary = std::move(summary),
          .parameters = std::move(parameters),
          .handler = handler,
          .example = std::move(example)};
}

json::object draft_example() {
  json::object out;
  out["name"] = "Autumn sale";
  out["upload_id"] = 1;
  out["template_name"] = "autumn_sale";
  out["language"] = "en_US";
  json::object column;
  column["column"] = "first_name";
  column["fallback"] = "friend";
  json::object mapping;
  mapping["body.1"] = std::move(column);
  out["mapping"] = std::move(mapping);
  return out;
}

json::object update_example() {
  auto out = draft_example();
  out["id"] = 7;
  return out;
}

}  // namespace

std::vector<Action> broadcast_actions() {
  const json::object seven = {{"id", 7}};
  const Parameter lines = {.name = "lines",
                           .type = ParameterType::list,
                           .help = "line numbers of the file; the first rows when left out",
                           .max = 50};
  const Parameter count = {.name = "count",
                           .type = ParameterType::integer,
                           .help = "how many rows when no lines are given",
                           .fallback = 3,
                           .min = 1,
                           .max = 50};
  const Parameter to = {
      .name = "to", .type = ParameterType::phone, .need = Need::required, .help = "your own number"};
  const Parameter line = {.name = "line",
                          .type = ParameterType::integer,
                          .help = "whose values to use: a line number of the file; 0: the first row",
                          .fallback = 0,
                          .min = 0};
  const Parameter at = {
      .name = "at", .type = ParameterType::time, .help = "when to start; now when left out"};
  const Parameter acknowledge = {.name = "acknowledge_warnings",
                                 .type = ParameterType::boolean,
                                 .help = "start although pre-flight warned",
                                 .fallback = false};
  const Parameter reason = {
      .name = "reason", .help = "why, for the others", .fallback = "paused by hand", .max = 500};
  const Parameter risk = {.name = "accept_duplicate_risk",
                          .type = ParameterType::boolean,
                          .need = Need::required,
                          .help = "true: you accept that some of them may get the message twice"};
  const Parameter after_row = {.name = "after_row",
                               .type = ParameterType::integer,
                               .help = "only rows after this one: next_after_row of the page before",
                               .fallback = 0,
                               .min = 0};
  const Parameter state = {.name = "state",
                           .help = "only these, such as rejected, unknown_final or read; all when left out",
                           .fallback = "",
                           .max = 20};
  return {
      changing("create_broadcast", "Makes a draft of a broadcast from an uploaded file and a template.",
               draft_parameters(), create, draft_example()),
      changing("update_broadcast",
               "Replaces every choice of a broadcast that has not started; it is a draft again after that.",
               update_parameters(), update, update_example()),
      reading("get_broadcast", "One broadcast with its state, counters, rate and time left.", {id()}, get,
              seven),
      reading("list_broadcasts", "Broadcasts, newest first.", {before_parameter(), limit_parameter(20, 200)},
              list, {}),
      reading("preview_broadcast", "Messages as the recipients of chosen rows would see them.",
              {id(), lines, count}, preview, seven),
      changing("preflight_broadcast",
               "Checks every row of the file and says what will happen: accepted, rejected, duplicate and "
               "opted-out recipients, template, media, budget, time and cost.",
               {id()}, preflight, seven),
      changing("test_broadcast", "Sends the message of one row to one number, at once.", {id(), to, line},
               send_test, {{"id", 7}, {"to", "+491701234567"}}),
      changing("start_broadcast", "Starts a checked broadcast, now or at a time.", {id(), at, acknowledge},
               start, seven),
      changing("pause_broadcast", "Pauses a running broadcast; what is on its way is finished.",
               {id(), reason}, pause, seven),
      changing("resume_broadcast", "Lets a paused broadcast go on where it stopped.", {id()}, resume, seven),
      changing("cancel_broadcast", "Ends a broadcast for good; nobody who has not been reached will be.",
               {id()}, cancel, seven),
      changing("resend_unknown",
               "Sends again to the recipients whose outcome stayed unknown. Some of them may get the message "
               "twice.",
               {id(), risk}, resend_unknown, {{"id", 7}, {"accept_duplicate_risk", true}}),
      reading("get_broadcast_report", "Totals, errors with meaning and next step, and numbers by the minute.",
              {id()}, report, seven),
      reading("list_broadcast_recipients", "What became of each recipient, in the order of the file.",
              {id(), after_row, limit_parameter(100, 1000), state}, recipients,
              {{"id", 7}, {"state", "rejected"}}),
  };
}

}  // namespace posthorn
