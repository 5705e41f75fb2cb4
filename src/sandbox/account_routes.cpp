// Numbers, the business account and its templates.
#include <algorithm>
#include <charconv>

#include <boost/json.hpp>

#include "sandbox/json_text.h"
#include "sandbox/management_routes.h"

namespace posthorn::sandbox {
namespace {

namespace js = boost::json;

constexpr std::size_t kEntriesInPage = 25, kMaxPage = 1000, kCreationsPerHour = 100;
constexpr std::size_t kTemplateLimit = 6000;  // of a verified business

// "id,throughput{level},quality_rating" → the names, without the braces and what is in them.
std::vector<std::string> field_names(std::string_view fields) {
  std::vector<std::string> out(1);
  int depth = 0;
  for (const char c : fields) {
    if (c == '{' || c == '(')
      ++depth;
    else if (c == '}' || c == ')')
      --depth;
    else if (depth > 0 || c == ' ')
      continue;
    else if (c == ',')
      out.emplace_back();
    else
      out.back() += c;
  }
  std::erase(out, "");
  return out;
}

Graph<js::object> select(const js::object& all, const std::string& fields, std::string_view defaults) {
  js::object out;
  for (const std::string& name : field_names(fields.empty() ? defaults : std::string_view(fields))) {
    const std::string key = name.substr(0, name.find('.'));
    const js::value* v = all.if_contains(key);
    if (v == nullptr) return graph_fail(100, "Tried accessing nonexisting field (" + key + ")");
    if (!v->is_null()) out[key] = *v;
  }
  out["id"] = all.at("id");
  return out;
}

Graph<js::object> template_summary(std::size_t count, std::string_view fields) {
  const js::object all{{"total_count", count},
                       {"message_template_count", count},
                       {"message_template_limit", kTemplateLimit},
                       {"are_translations_complete", true}};
  js::object out;
  for (const std::string& name : field_names(fields)) {
    const js::value* v = all.if_contains(name);
    if (v == nullptr) return graph_fail(100, "Tried accessing nonexisting summary field (" + name + ")");
    out[name] = *v;
  }
  return out;
}

// "APPROVED,PAUSED"
bool listed(std::string_view list, std::string_view value) {
  for (; !list.empty(); list.remove_prefix(
           std::min(list.size(), list.find(',') == list.npos ? list.size() : list.find(',') + 1)))
    if (list.substr(0, list.find(',')) == value) return true;
  return false;
}

std::string_view tier_of(std::int64_t users) {
  if (users == 0) return "TIER_UNLIMITED";
  if (users >= 100'000) return "TIER_100K";
  if (users >= 10'000) return "TIER_10K";
  return users >= 2'000 ? "TIER_2K" : "TIER_250";
}

std::size_t number_or(const std::string& text, std::size_t fallback) {
  std::size_t n = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), n);
  return end.ec == std::errc() && end.ptr == text.data() + text.size() ? n : fallback;
}

// Cursors are opaque to clients; here they carry a position.
std::string cursor_of(std::size_t position) {
  std::string out = base64("pos:" + std::to_string(position));
  std::erase(out, '=');
  return out;
}

Graph<std::size_t> position_of(const std::string& cursor, std::size_t size) {
  for (std::size_t i = 0; i <= size; ++i)
    if (cursor_of(i) == cursor) return i;
  return graph_fail(131059);
}

constexpr std::string_view kNumberDefaults =
    "verified_name,code_verification_status,display_phone_number,quality_rating,platform_type,throughput,id";
constexpr std::string_view kTemplateDefaults = "name,parameter_format,components,language,status,category,id";

}  // namespace

js::object ManagementRoutes::number_fields(const Number& number) const {
  const std::string_view tier = tier_of(world_.limits.config().portfolio_daily_users);
  const bool maintenance = world_.clock.now() < number.maintenance_until;
  const NumberConfig& c = number.config;
  return js::object{
      {"id", c.id},
      {"display_phone_number", c.display_phone_number},
      {"verified_name", c.verified_name},
      {"quality_rating", c.quality},
      {"quality_score", js::object{{"score", c.quality}}},
      {"name_status", "APPROVED"},
      {"code_verification_status", "VERIFIED"},
      {"status", c.status},
      {"platform_type", "CLOUD_API"},
      {"account_mode", "LIVE"},
      {"throughput", js::object{{"level", c.messages_per_second >= 1000 ? "HIGH" : "STANDARD"}}},
      {"whatsapp_business_manager_messaging_limit", tier},
      {"messaging_limit_tier", tier},
      {"is_official_business_account", false},
      {"is_pin_enabled", true},
      {"is_on_biz_app", c.coexistence},
      {"host_platform", "CLOUD_API"},
      {"username", nullptr},
      {"new_name_status", "NONE"},
      {"is_preverified_number", false},
      {"search_visibility", "VISIBLE"},
      {"conversational_automation", nullptr},
      {"eligibility_for_api_business_global_search", nullptr},
      {"certificate", nullptr},
      {"new_certificate", nullptr},
      {"last_onboarded_time", nullptr},
      {"country_code", nullptr},
      {"country_dial_code", nullptr},
      {"webhook_configuration", js::object{{"application", world_.config.webhooks.callback_url}}},
      {"health_status",
       js::object{
           {"can_send_message", world_.chaos.account_restricted || maintenance ? "BLOCKED" : "AVAILABLE"}}}};
}

ManagementRoutes::Reply ManagementRoutes::get_number(const Call& call) {
  const auto out =
      select(number_fields(*world_.find_number(call.path[0])), call.parameter("fields"), kNumberDefaults);
  if (!out) return std::unexpected(out.error());
  return js::serialize(*out);
}

ManagementRoutes::Reply ManagementRoutes::post_number(const Call&) {
  return R"({"success":true})";
}

ManagementRoutes::Reply ManagementRoutes::get_profile(const Call&) {
  return R"({"data":[{"about":"Open 9 to 18","vertical":"RETAIL","websites":["https:\/\/shop.example.com\/"],"messaging_product":"whatsapp"}]})";
}

ManagementRoutes::Reply ManagementRoutes::list_numbers(const Call& call) {
  js::array data;
  for (const Number& number : world_.numbers) {
    auto one = select(number_fields(number), call.parameter("fields"), kNumberDefaults);
    if (!one) return std::unexpected(one.error());
    data.push_back(*std::move(one));
  }
  js::object cursors{{"before", cursor_of(0)}, {"after", cursor_of(data.size())}};
  return js::serialize(
      js::object{{"data", std::move(data)}, {"paging", js::object{{"cursors", std::move(cursors)}}}});
}

ManagementRoutes::Reply ManagementRoutes::get_account(const Call& call) {
  const js::object all{
      {"id", world_.config.waba_id},
      {"name", world_.config.business_name},
      {"currency", "EUR"},
      {"timezone_id", "23"},
      {"country", "DE"},
      {"account_review_status", "APPROVED"},
      {"business_verification_status", "verified"},
      {"ownership_type", "SELF"},
      {"message_template_namespace", "5b0d5d7a_3f1c_4b61_9d0e_7a1f0c1e2d3b"},
      {"marketing_messages_onboarding_status", "ELIGIBLE"},
      {"status", "ACTIVE"},
      {"is_enabled_for_insights", true},
      {"disable_marketing_messages_on_cloud_api", false},
      {"marketing_messages_lite_api_status", nullptr},
      {"on_behalf_of_business_info", nullptr},
      {"owner_business_info", nullptr},
      {"subscribed_apps", nullptr},
      {"whatsapp_business_manager_messaging_limit", tier_of(world_.limits.config().portfolio_daily_users)},
      {"health_status",
       js::object{{"can_send_message", world_.chaos.account_restricted ? "BLOCKED" : "AVAILABLE"}}}};
  const auto out =
      select(all, call.parameter("fields"), "id,name,currency,timezone_id,message_template_namespace");
  if (!out) return std::unexpected(out.error());
  return js::serialize(*out);
}

js::object ManagementRoutes::template_fields(const Template& t) const {
  const js::value* components = t.definition.if_contains("components");
  const js::value* reason = t.definition.if_contains("rejected_reason");
  const js::value* ttl = t.definition.if_contains("message_send_ttl_seconds");
  return js::object{{"id", t.id},
                    {"name", t.name},
                    {"language", t.language},
                    {"status", t.status},
                    {"category", t.category},
                    {"parameter_format", t.shape.named ? "NAMED" : "POSITIONAL"},
                    {"components", components == nullptr ? js::value(js::array()) : *components},
                    {"quality_score", js::object{{"score", t.quality},
                                                 {"date", to_micros(world_.clock.wall_now()) / 1'000'000}}},
                    {"rejected_reason", reason == nullptr ? js::value("NONE") : *reason},
                    {"correct_category", nullptr},
                    {"previous_category", nullptr},
                    {"message_send_ttl_seconds", ttl == nullptr ? js::value() : *ttl},
                    {"library_template_name", nullptr},
                    {"degrees_of_freedom_spec", nullptr},
                    {"sub_category", nullptr},
                    {"cta_url_link_tracking_opted_out", nullptr}};
}

ManagementRoutes::Reply ManagementRoutes::list_templates(const Call& call) {
  const std::string name = call.parameter("name"), status = call.parameter("status"),
                    category = call.parameter("category"), language = call.parameter("language"),
                    after = call.parameter("after"), before = call.parameter("before");
  std::vector<const Template*> found;
  for (const auto& [key, t] : world_.templates.all()) {
    const bool wanted = (name.empty() || t.name.find(name) != std::string::npos) &&
                        (status.empty() || listed(status, t.status)) &&
                        (category.empty() || listed(category, t.category)) &&
                        (language.empty() || listed(language, t.language));
    if (wanted) found.push_back(&t);
  }
  const std::size_t limit =
      std::clamp<std::size_t>(number_or(call.parameter("limit"), kEntriesInPage), 1, kMaxPage);
  const auto start = position_of(after.empty() ? cursor_of(0) : after, found.size());
  const auto stop = position_of(before.empty() ? cursor_of(found.size()) : before, found.size());
  if (!start || !stop) return graph_fail(131059);
  const std::size_t first = before.empty() ? *start : *stop - std::min(*stop, limit);
  const std::size_t last = std::min(first + limit, *stop);
  js::array data;
  for (std::size_t i = first; i < last; ++i) {
    auto one = select(template_fields(*found[i]), call.parameter("fields"), kTemplateDefaults);
    if (!one) return std::unexpected(one.error());
    data.push_back(*std::move(one));
  }
  js::object out{{"data", std::move(data)}};
  js::object paging{{"cursors", js::object{{"before", cursor_of(first)}, {"after", cursor_of(last)}}}};
  if (last < found.size()) {
    std::string next = world_.base_url() + std::string(call.request.path()) +
                       "?limit=" + std::to_string(limit) + "&after=" + cursor_of(last);
    for (const auto& filter : {"fields", "summary", "name", "status", "category", "language"})
      if (const std::string v = call.parameter(filter); !v.empty())
        next += "&" + std::string(filter) + "=" + percent_encode(v);
    paging["next"] = next;
  }
  if (!found.empty()) out["paging"] = std::move(paging);
  if (const std::string wanted = call.parameter("summary"); !wanted.empty()) {
    auto summary = template_summary(world_.templates.all().size(), wanted);
    if (!summary) return std::unexpected(summary.error());
    out["summary"] = *std::move(summary);
  }
  return js::serialize(out);
}

ManagementRoutes::Reply ManagementRoutes::create_template(const Call& call) {
  const MonotonicTime now = world_.clock.now();
  while (!creations_.empty() && creations_.front() <= now - std::chrono::hours(1)) creations_.pop_front();
  if (creations_.size() >= kCreationsPerHour)
    return graph_fail(80007, "At most 100 templates can be created in an hour.");
  js::error_code ec;
  const js::value root = js::parse(call.body, ec);
  if (ec || !root.is_object()) return graph_fail(100, "The request body is not a valid JSON object.");
  auto t = read_template(root.get_object());
  if (!t) return std::unexpected(t.error());
  if (world_.templates.find(t->name, t->language) != nullptr)
    return graph_fail(100, "There is already " + t->language + " content for this template", 2388024);
  creations_.push_back(now);
  t->status = "PENDING";
  const std::string name = t->name, language = t->language;
  world_.add_template(*std::move(t));
  const Template& created = *world_.templates.find(name, language);
  std::string reply =
      R"({"id":")" + created.id + R"(","status":"PENDING","category":")" + created.category + "\"}";
  std::ignore = controls_.set_template_status(name, language, "APPROVED", "NONE");
  return reply;
}

ManagementRoutes::Reply ManagementRoutes::delete_template(const Call& call) {
  const std::string name = call.parameter("name"), id = call.parameter("hsm_id");
  if (name.empty() && id.empty()) return graph_fail(100, "The parameter name is required.");
  if (world_.templates.remove(name, id) == 0)
    return graph_fail(100, "Message Template \"" + (name.empty() ? id : name) + "\" was not found", 2593002);
  return R"({"success":true})";
}

ManagementRoutes::Reply ManagementRoutes::get_template(const Call& call) {
  const auto out = select(template_fields(*world_.templates.find_by_id(call.path[0])),
                          call.parameter("fields"), kTemplateDefaults);
  if (!out) return std::unexpected(out.error());
  return js::serialize(*out);
}

ManagementRoutes::Reply ManagementRoutes::edit_template(const Call& call) {
  const Template& old = *world_.templates.find_by_id(call.path[0]);
  if (old.status != "APPROVED" && old.status != "REJECTED" && old.status != "PAUSED")
    return graph_fail(100, "Only templates that are approved, rejected or paused can be edited.");
  js::error_code ec;
  const js::value root = js::parse(call.body, ec);
  if (ec || !root.is_object()) return graph_fail(100, "The request body is not a valid JSON object.");
  js::object definition = old.definition;
  for (const auto& [key, value] : root.get_object()) definition[key] = value;
  definition["name"] = old.name;
  definition["language"] = old.language;
  definition["id"] = old.id;
  definition["status"] = "APPROVED";
  auto t = read_template(definition);
  if (!t) return std::unexpected(t.error());
  world_.add_template(*std::move(t));
  return R"({"success":true})";
}

}  // namespace posthorn::sandbox
