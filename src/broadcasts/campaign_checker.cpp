#include "broadcasts/campaign_checker.h"

#include <algorithm>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "broadcasts/campaign_message.h"
#include "broadcasts/campaign_options.h"
#include "broadcasts/header_media.h"
#include "broadcasts/preflight.h"
#include "broadcasts/recipient_compiler.h"
#include "messaging/accounts.h"
#include "messaging/audit.h"
#include "messaging/held_blobs.h"
#include "messaging/stored_template.h"
#include "messaging/suppressions.h"

namespace posthorn {

// Everything that the database knows about a campaign to be checked.
struct CampaignChecker::Gathered {
  StoredCampaign campaign;
  CampaignOptions options;
  UploadRow upload;
  Account account;
  whatsapp::Template message_template;
  MessagePlan plan;
  std::vector<std::uint64_t> opted_out;  // ascending
  std::int64_t used_24h = 0;
};

struct CampaignChecker::Compiled {
  CompileSummary summary;
  std::string list_blob, problems_blob;
};

namespace {

constexpr std::int64_t kMicrosPerHour = 3'600'000'000;

Result<std::int64_t> portfolio_used(Transaction& tx, const std::string& business_id, WallTime now) {
  PH_TRY_ASSIGN(
      SqlRows rows,
      tx.query(
          "SELECT COALESCE(SUM(recipients), 0) FROM portfolio_usage WHERE business_id = $1 AND hour > $2",
          {business_id, to_micros(now) / kMicrosPerHour - 24}));
  PH_TRY(rows.next());
  return rows.integer(0);
}

Result<whatsapp::Template> load_template(Transaction& tx, const Account& account, const std::string& name,
                                         const std::string& language) {
  PH_TRY_ASSIGN(const StoredTemplate stored, templates::get(tx, account.business_id, name, language));
  return parse_stored(stored);
}

// What rebuilds the template when sending goes on after a restart.
std::string template_snapshot(const whatsapp::Template& t) {
  json::object out;
  out["id"] = t.facts.id;
  out["name"] = t.facts.name;
  out["language"] = t.facts.language;
  out["status"] = t.facts.status;
  out["category"] = t.facts.category;
  out["parameter_format"] = t.facts.parameter_format;
  out["sub_category"] = t.facts.sub_category;
  out["components"] = t.components;
  return json::serialize(out);
}

Result<json::object> parse_mapping(const std::string& text) {
  auto tree = parse_json(text);
  if (!tree || !tree->is_object())
    return fail(ErrorCode::data_loss, "the stored mapping cannot be read; set it again", "mapping");
  return std::move(tree->get_object());
}

CompileOptions compile_options(const CampaignDefaults& defaults, const CampaignOptions& options,
                               const MessagePlan& plan, WallTime now) {
  CompileOptions out;
  out.file.phone_column = options.phone_column;
  out.file.default_region = options.default_region;
  out.file.csv.max_rows = defaults.max_rows;
  out.mapping = plan.mapping;
  out.slots = plan.slots;
  if (options.local_time) {
    out.segment_of = [now](PhoneNumber phone) { return utc_offset_minutes(phone, now); };
  }
  return out;
}

std::string first_blocker(const json::object& summary) {
  const json::array& blockers = summary.at("blockers").as_array();
  if (blockers.empty()) return {};
  return std::string(blockers.front().at("message").as_string());
}

json::array strings(std::span<const std::string> texts) {
  json::array out;
  for (const std::string& text : texts) out.push_back(json::value(text));
  return out;
}

json::object describe(const FileInspection& file) {
  json::array columns, rows;
  for (const RecipientColumn& c : file.columns) {
    columns.push_back(
        json::object{{"name", c.name}, {"phone_share", c.phone_share}, {"filled_share", c.filled_share}});
  }
  for (std::size_t i = 0; i < file.sample_rows.size(); ++i) {
    rows.push_back(json::object{{"line", file.sample_lines[i]}, {"cells", strings(file.sample_rows[i])}});
  }
  json::object out;
  out["columns"] = std::move(columns);
  out["sample_rows"] = std::move(rows);
  out["phone_column"] = file.phone_column >= 0
                            ? json::value(file.columns[static_cast<std::size_t>(file.phone_column)].name)
                            : json::value(nullptr);
  out["phone_column_problem"] = file.phone_column_problem;
  out["warnings"] = strings(file.warnings);
  out["delimiter"] = std::string(1, file.delimiter);
  out["row_estimate"] = file.row_estimate;
  return out;
}

json::object no_such_row(std::int64_t line) {
  return {
      {"line", line},
      {"phone_as_given", ""},
      {"phone", nullptr},
      {"problem",
       fmt::format(
           "no row begins on this line, or it is not among the first {} KiB of the file, which previews read",
           kInspectBytes / 1024)}};
}

}  // namespace

Task<Result<CampaignChecker::Gathered>> CampaignChecker::gather(CampaignId id) {
  const WallTime now = ports_.clock.wall_now();
  Gathered g;
  auto load = [&](Transaction& tx) -> Result<bool> {
    PH_TRY_ASSIGN(g.campaign, campaigns::get(tx, id));
    if (!g.campaign.upload) {
      return fail(ErrorCode::conflict, "the broadcast has no recipient file; upload one and set it",
                  "upload");
    }
    PH_TRY_ASSIGN(g.options, options_from_json(g.campaign.options_json));
    PH_TRY_ASSIGN(g.upload, campaigns::upload(tx, g.campaign.upload));
    PH_TRY_ASSIGN(g.account, accounts::get(tx, g.campaign.account));
    PH_TRY_ASSIGN(g.message_template,
                  load_template(tx, g.account, g.campaign.template_name, g.campaign.template_language));
    PH_TRY_ASSIGN(const std::vector<PhoneNumber> phones, suppressions::all_phones(tx, g.account.business_id));
    g.opted_out.reserve(phones.size());
    for (const PhoneNumber phone : phones) g.opted_out.push_back(phone.digits());
    PH_TRY_ASSIGN(g.used_24h, portfolio_used(tx, g.account.business_id, now));
    return true;
  };
  PH_CO_TRY(co_await ports_.database.read(load));
  PH_CO_TRY_ASSIGN(const json::object mapping, parse_mapping(g.campaign.mapping_json));
  PH_CO_TRY_ASSIGN(g.plan, plan_message(g.message_template, mapping));
  co_return g;
}

Task<Result<json::object>> CampaignChecker::preflight(CampaignId id, std::string actor) {
  const WallTime began = ports_.clock.wall_now();
  auto begin = [&](Transaction& tx) -> Result<CampaignState> {
    PH_TRY(audit::record(tx, began, actor, "broadcast.preflight", fmt::format("campaign:{}", id.value)));
    return campaigns::apply(tx, id, CampaignEvent::preflight_started, "", began);
  };
  PH_CO_TRY(co_await ports_.database.write(begin));
  Result<json::object> summary = fail(ErrorCode::internal, "");
  auto gathered = co_await gather(id);
  if (gathered) {
    summary = co_await check(std::move(*gathered));
  } else {
    summary = std::unexpected(gathered.error());
  }
  if (!summary) {
    const std::string reason = summary.error().message;
    const WallTime now = ports_.clock.wall_now();
    auto give_up = [&](Transaction& tx) {
      return campaigns::apply(tx, id, CampaignEvent::preflight_failed, reason, now);
    };
    // When even this cannot be stored, start-up puts the campaign back to draft.
    (void)co_await ports_.database.write(give_up);
  }
  co_return summary;
}

// The channel's check of one row's values. Every slot is a variable of the message here; the constants of the
// real one are checked with the rest.
Result<std::function<std::optional<std::string>(std::span<const std::string>)>> CampaignChecker::value_check(
    const Gathered& facts) {
  std::vector<ListSlot> slots;
  for (const MappingSlot& slot : facts.plan.slots) slots.push_back({slot.name});
  PH_TRY_ASSIGN(whatsapp::CompiledTemplateMessage compiled,
                compile_message(facts.message_template, slots, facts.plan.types));
  auto message = std::make_shared<const whatsapp::CompiledTemplateMessage>(std::move(compiled));
  return [message, views = std::vector<std::string_view>()](
             std::span<const std::string> values) mutable -> std::optional<std::string> {
    views.assign(values.begin(), values.end());
    const auto ok = message->check(views);
    if (ok) return std::nullopt;
    return fmt::format("{}: {}", ok.error().field, ok.error().message);
  };
}

Task<Result<CampaignChecker::Compiled>> CampaignChecker::compile(Gathered* facts) {
  CompileOptions options = compile_options(defaults_, facts->options, facts->plan, ports_.clock.wall_now());
  options.opted_out = facts->opted_out;
  PH_CO_TRY_ASSIGN(options.check_values, value_check(*facts));
  PH_CO_TRY_ASSIGN(const std::unique_ptr<FileReader> upload, co_await ports_.blobs.open(facts->upload.blob));
  PH_CO_TRY_ASSIGN(const std::unique_ptr<BlobWriter> list, co_await ports_.blobs.create());
  PH_CO_TRY_ASSIGN(const std::unique_ptr<BlobWriter> problems, co_await ports_.blobs.create());
  Compiled out;
  ByteSink to_list = [blob = list.get()](std::string bytes) { return blob->append(std::move(bytes)); };
  ByteSink to_problems = [blob = problems.get()](std::string bytes) {
    return blob->append(std::move(bytes));
  };
  PH_CO_TRY_ASSIGN(out.summary, co_await compile_recipients(ports_.files, *upload, to_list, to_problems,
                                                            std::move(options)));
  PH_CO_TRY_ASSIGN(const StoredBlob list_blob, co_await commit_held(ports_.database, ports_.clock, *list));
  PH_CO_TRY_ASSIGN(const StoredBlob problems_blob,
                   co_await commit_held(ports_.database, ports_.clock, *problems));
  out.list_blob = list_blob.key;
  out.problems_blob = problems_blob.key;
  co_return out;
}

Task<Result<json::object>> CampaignChecker::check(Gathered facts) {
  PH_CO_TRY(co_await resolve_uploads(ports_, facts.account, &facts.plan));
  PH_CO_TRY_ASSIGN(const Compiled compiled, co_await compile(&facts));
  // The list's slots prove that the message can be built from it.
  PH_CO_TRY_ASSIGN(const std::unique_ptr<FileReader> file, co_await ports_.blobs.open(compiled.list_blob));
  PreflightFacts input{compiled.summary, facts.message_template,
                       whatsapp::check_sendable(facts.message_template), facts.account, facts.options};
  input.used_24h = facts.used_24h;
  input.rate_headroom = defaults_.rate_headroom;
  input.rates = defaults_.rates ? &*defaults_.rates : nullptr;
  input.media_problem = co_await check_media(ports_, facts.account, facts.plan);
  input.now = ports_.clock.wall_now();
  json::object summary = assess_preflight(input);

  const std::string blocker = first_blocker(summary);
  StoredCampaign done = facts.campaign;
  done.template_json = template_snapshot(facts.message_template);
  done.preflight_json = json::serialize(summary);
  done.list_blob = compiled.list_blob;
  done.problems_blob = compiled.problems_blob;
  done.counters.total = static_cast<std::int64_t>(compiled.summary.accepted);
  auto finish = [&](Transaction& tx) -> Result<CampaignState> {
    PH_TRY(campaigns::save_preflight(tx, done, compiled.summary.segments, input.now));
    const auto event = blocker.empty() ? CampaignEvent::preflight_passed : CampaignEvent::preflight_failed;
    return campaigns::apply(tx, done.id, event, blocker, input.now);
  };
  PH_CO_TRY(co_await ports_.database.write(finish));
  co_return summary;
}

Task<Result<std::string>> CampaignChecker::read_head(const UploadRow& upload) {
  PH_CO_TRY_ASSIGN(const std::unique_ptr<FileReader> file, co_await ports_.blobs.open(upload.blob));
  std::string head(std::min<std::uint64_t>(file->size(), kInspectBytes), '\0');
  std::size_t done = 0;
  while (done < head.size()) {
    const std::span<char> rest(head.data() + done, head.size() - done);
    PH_CO_TRY_ASSIGN(const std::size_t n, co_await file->read_at(done, rest));
    if (n == 0) break;
    done += n;
  }
  head.resize(done);
  co_return head;
}

Task<Result<json::object>> CampaignChecker::inspect(UploadId upload_id, AccountId account_id,
                                                    std::string template_name, std::string language) {
  UploadRow upload;
  std::optional<whatsapp::Template> message_template;
  auto load = [&](Transaction& tx) -> Result<bool> {
    PH_TRY_ASSIGN(upload, campaigns::upload(tx, upload_id));
    if (template_name.empty()) return true;
    PH_TRY_ASSIGN(const Account account, accounts::get(tx, account_id));
    PH_TRY_ASSIGN(message_template, load_template(tx, account, template_name, language));
    return true;
  };
  PH_CO_TRY(co_await ports_.database.read(load));
  PH_CO_TRY_ASSIGN(const std::string head, co_await read_head(upload));
  RecipientFileOptions options;
  options.default_region = defaults_.region;
  PH_CO_TRY_ASSIGN(const FileInspection file,
                   inspect_recipient_file(head, static_cast<std::uint64_t>(upload.size), options));
  json::object out = describe(file);
  if (message_template) {
    const std::vector<MappingSlot> slots = mapping_slots(*message_template);
    std::vector<std::string> columns;
    for (const RecipientColumn& c : file.columns) columns.push_back(c.name);
    json::array described;
    for (const whatsapp::Slot& slot : whatsapp::variables(*message_template)) {
      described.push_back(json::object{{"name", slot.name},
                                       {"label", slot.label},
                                       {"required", slot.required},
                                       {"type", whatsapp::to_string(slot.type)},
                                       {"example", slot.example},
                                       {"max_length", slot.max_length}});
    }
    out["slots"] = std::move(described);
    out["proposed_mapping"] = propose_mapping(slots, columns, file.phone_column);
  }
  co_return out;
}

Task<Result<json::array>> CampaignChecker::preview(CampaignId id, std::vector<std::int64_t> lines,
                                                   int count) {
  PH_CO_TRY_ASSIGN(Gathered facts, co_await gather(id));
  PH_CO_TRY(co_await resolve_uploads(ports_, facts.account, &facts.plan));
  PH_CO_TRY_ASSIGN(const std::string head, co_await read_head(facts.upload));
  const CompileOptions options =
      compile_options(defaults_, facts.options, facts.plan, ports_.clock.wall_now());
  PH_CO_TRY_ASSIGN(const std::vector<PreviewRow> rows,
                   preview_recipients(head, static_cast<std::uint64_t>(facts.upload.size), options, lines,
                                      static_cast<std::size_t>(std::max(count, 0))));
  json::array out;
  for (const PreviewRow& row : rows) {
    json::object shown{{"line", row.line}, {"phone_as_given", row.phone_as_given}, {"problem", row.problem}};
    shown["phone"] = row.phone ? json::value(row.phone.to_string()) : json::value(nullptr);
    whatsapp::SlotValues values;
    for (std::size_t i = 0; i < row.values.size(); ++i) values[facts.plan.slots[i].name] = row.values[i];
    if (!row.values.empty() || facts.plan.slots.empty())
      shown["text"] = whatsapp::render_preview(facts.message_template, values);
    out.push_back(std::move(shown));
  }
  for (const std::int64_t line : lines) {
    if (std::ranges::find(rows, line, [](const PreviewRow& row) {
          return static_cast<std::int64_t>(row.line);
        }) == rows.end())
      out.push_back(no_such_row(line));
  }
  co_return out;
}

Task<Result<std::string>> CampaignChecker::render_line(CampaignId id, std::int64_t line, PhoneNumber phone) {
  PH_CO_TRY_ASSIGN(Gathered facts, co_await gather(id));
  PH_CO_TRY(co_await resolve_uploads(ports_, facts.account, &facts.plan));
  PH_CO_TRY_ASSIGN(const std::string head, co_await read_head(facts.upload));
  const CompileOptions options =
      compile_options(defaults_, facts.options, facts.plan, ports_.clock.wall_now());
  std::vector<std::int64_t> lines;
  if (line > 0) lines.push_back(line);
  PH_CO_TRY_ASSIGN(
      const std::vector<PreviewRow> rows,
      preview_recipients(head, static_cast<std::uint64_t>(facts.upload.size), options, lines, 1));
  if (rows.empty()) {
    co_return fail(ErrorCode::not_found, "the line is not among the first of the file; choose an earlier one",
                   "line");
  }
  if (rows.front().values.size() != facts.plan.slots.size()) {
    co_return fail(ErrorCode::invalid_argument,
                   fmt::format("line {}: {}", rows.front().line, rows.front().problem), "line");
  }
  std::vector<ListSlot> slots;
  for (const MappingSlot& slot : facts.plan.slots) slots.push_back({slot.name});
  PH_CO_TRY_ASSIGN(const whatsapp::CompiledTemplateMessage message,
                   compile_message(facts.message_template, slots, facts.plan.types));
  std::vector<std::string_view> values(rows.front().values.begin(), rows.front().values.end());
  PH_CO_TRY(message.check(values));
  std::string body;
  const std::string digits = phone.to_digits();
  whatsapp::Address to;
  to.digits = digits;
  message.render(body, to, values, {});
  co_return body;
}

}  // namespace posthorn
