#include "sandbox/config.h"

#include <algorithm>
#include <span>
#include <variant>

#include <boost/json.hpp>

namespace posthorn::sandbox {
namespace {

namespace js = boost::json;

// Where a member of the JSON goes. Durations are given in milliseconds.
using Target =
    std::variant<double*, int*, std::int64_t*, std::size_t*, bool*, std::string*, Secret*, Duration*>;
struct Field {
  std::string_view name;
  Target target;
};

Result<> bad(std::string path, std::string_view expected) {
  return fail(ErrorCode::invalid_argument, "\"" + path + "\" must be " + std::string(expected), path);
}

struct Assign {
  const js::value& v;
  const std::string& path;

  template <class Integer>
  Result<> integer(Integer* to) const {
    js::error_code ec;
    const auto n = v.to_number<std::int64_t>(ec);
    if (ec || n < 0) return bad(path, "a whole number of 0 or more");
    *to = static_cast<Integer>(n);
    return {};
  }
  Result<> operator()(double* to) const {
    js::error_code ec;
    const auto n = v.to_number<double>(ec);
    if (ec || n < 0 || n > 1) return bad(path, "a share between 0 and 1");
    *to = n;
    return {};
  }
  Result<> operator()(int* to) const { return integer(to); }
  Result<> operator()(std::int64_t* to) const { return integer(to); }
  Result<> operator()(std::size_t* to) const { return integer(to); }
  Result<> operator()(bool* to) const {
    if (!v.is_bool()) return bad(path, "true or false");
    *to = v.get_bool();
    return {};
  }
  Result<> operator()(std::string* to) const {
    if (!v.is_string()) return bad(path, "a text");
    *to = v.get_string();
    return {};
  }
  Result<> operator()(Secret* to) const {
    if (!v.is_string()) return bad(path, "a text");
    *to = Secret(std::string(v.get_string()));
    return {};
  }
  Result<> operator()(Duration* to) const {
    js::error_code ec;
    const auto n = v.to_number<double>(ec);
    if (ec || n < 0) return bad(path, "a number of milliseconds");
    *to = Duration(static_cast<std::int64_t>(n * 1000));
    return {};
  }
};

Result<> assign_all(const js::value& object, const std::string& prefix, std::span<const Field> fields) {
  if (!object.is_object()) return bad(prefix, "an object");
  for (const auto& [key, value] : object.get_object()) {
    const std::string path = prefix + "." + std::string(key);
    const auto field = std::ranges::find(fields, std::string_view(key), &Field::name);
    if (field == fields.end())
      return fail(ErrorCode::invalid_argument, "\"" + path + "\" is not a setting of the sandbox", path);
    PH_TRY(std::visit(Assign{value, path}, field->target));
  }
  return {};
}

Result<> merge_phones(PhoneBehaviourConfig& p, const js::value& v) {
  const Field fields[] = {{"receive", &p.receive},
                          {"not_on_whatsapp", &p.not_on_whatsapp},
                          {"not_chosen", &p.not_chosen},
                          {"blocked", &p.blocked},
                          {"read", &p.read},
                          {"reply", &p.reply},
                          {"reply_stop", &p.reply_stop},
                          {"opt_out", &p.opt_out},
                          {"sent_delay_min_ms", &p.sent_delay_min},
                          {"sent_delay_max_ms", &p.sent_delay_max},
                          {"delivered_delay_min_ms", &p.delivered_delay_min},
                          {"delivered_delay_max_ms", &p.delivered_delay_max},
                          {"read_delay_min_ms", &p.read_delay_min},
                          {"read_delay_max_ms", &p.read_delay_max},
                          {"reply_delay_min_ms", &p.reply_delay_min},
                          {"reply_delay_max_ms", &p.reply_delay_max}};
  return assign_all(v, "phones", fields);
}

Result<> merge_webhooks(WebhookConfig& w, const js::value& v) {
  const Field fields[] = {{"callback_url", &w.callback_url},
                          {"verify_token", &w.verify_token},
                          {"batch_max", &w.batch_max},
                          {"updates_per_change", &w.updates_per_change},
                          {"linger_ms", &w.linger},
                          {"max_in_flight", &w.max_in_flight},
                          {"post_timeout_ms", &w.post_timeout},
                          {"retry_first_ms", &w.retry_first},
                          {"retry_max_ms", &w.retry_max},
                          {"give_up_after_ms", &w.give_up_after},
                          {"millisecond_timestamps", &w.millisecond_timestamps},
                          {"hide_phone_numbers", &w.hide_phone_numbers},
                          {"pricing", &w.pricing}};
  PH_TRY(assign_all(v, "webhooks", fields));
  if (w.batch_max < 1 || w.batch_max > 1000) return bad("webhooks.batch_max", "between 1 and 1000");
  if (w.updates_per_change < 1) return bad("webhooks.updates_per_change", "at least 1");
  if (w.max_in_flight < 1) return bad("webhooks.max_in_flight", "at least 1");
  return {};
}

Result<> merge_limits(LimitConfig& l, const js::value& v) {
  const Field fields[] = {{"throughput", &l.throughput},
                          {"throughput_slack_ms", &l.throughput_slack},
                          {"count_inbound", &l.count_inbound},
                          {"pair", &l.pair},
                          {"pair_interval_ms", &l.pair_interval},
                          {"pair_burst", &l.pair_burst},
                          {"portfolio_daily_users", &l.portfolio_daily_users},
                          {"portfolio_error_code", &l.portfolio_error_code},
                          {"management_calls_per_hour", &l.management_calls_per_hour}};
  return assign_all(v, "limits", fields);
}

Result<> merge_accounts(std::vector<MetaAccountConfig>& accounts, const js::value& v) {
  if (!v.is_array()) return bad("accounts", "an array");
  static constexpr std::string_view kFlavours[] = {"instagram_login", "instagram", "messenger"};
  std::vector<MetaAccountConfig> fresh;
  for (const js::value& item : v.get_array()) {
    MetaAccountConfig a;
    std::string flavour;
    const Field fields[] = {{"flavour", &flavour},
                            {"id", &a.id},
                            {"own_id", &a.own_id},
                            {"page_id", &a.page_id},
                            {"username", &a.username},
                            {"name", &a.name},
                            {"token", &a.token},
                            {"app_secret", &a.app_secret},
                            {"echo_details", &a.echo_details}};
    const std::string path = "accounts[" + std::to_string(fresh.size()) + "]";
    PH_TRY(assign_all(item, path, fields));
    const auto* known = std::ranges::find(kFlavours, flavour);
    if (known == std::end(kFlavours))
      return bad(path + ".flavour", "instagram_login, instagram or messenger");
    a.flavour = static_cast<MetaFlavour>(known - std::begin(kFlavours));
    if (a.id.empty() || a.token.empty()) return bad(path, "an object with id and token");
    if (a.flavour == MetaFlavour::messenger) a.page_id = a.id;
    fresh.push_back(std::move(a));
  }
  if (fresh.size() > 100) return bad("accounts", "an array of at most 100 accounts");
  accounts = std::move(fresh);
  return {};
}

Result<> merge_aws_topics(AwsConfig& a, const js::value& v) {
  std::vector<std::string> names;
  if (v.is_array()) {
    for (const js::value& name : v.get_array())
      if (name.is_string() && !name.get_string().empty()) names.emplace_back(name.get_string());
  }
  if (names.empty() || names.size() != v.as_array().size()) return bad("aws.topics", "an array of names");
  a.topics = std::move(names);
  return {};
}

Result<> merge_aws(AwsConfig& a, const js::value& v) {
  const Field fields[] = {{"region", &a.region},
                          {"account", &a.account},
                          {"access_key_id", &a.access_key_id},
                          {"secret_access_key", &a.secret_access_key},
                          {"session_token", &a.session_token},
                          {"queue", &a.queue},
                          {"dead_queue", &a.dead_queue},
                          {"max_receive_count", &a.max_receive_count},
                          {"role", &a.role},
                          {"external_id", &a.external_id},
                          {"web_identity_token", &a.web_identity_token},
                          {"keys_live_ms", &a.keys_live},
                          {"bucket", &a.bucket},
                          {"signature_version", &a.signature_version},
                          {"retries", &a.retries},
                          {"retry_pause_ms", &a.retry_pause},
                          {"answer_timeout_ms", &a.answer_timeout},
                          {"max_in_flight", &a.max_in_flight},
                          {"raw_queue", &a.raw_queue},
                          {"visibility_ms", &a.visibility},
                          {"longest_wait_ms", &a.longest_wait},
                          {"clock_tolerance_ms", &a.clock_tolerance}};
  if (!v.is_object()) return bad("aws", "an object");
  js::object rest = v.get_object();
  if (const js::value* topics = rest.if_contains("topics")) {
    PH_TRY(merge_aws_topics(a, *topics));
    rest.erase("topics");
  }
  PH_TRY(assign_all(rest, "aws", fields));
  if (a.signature_version != 1 && a.signature_version != 2) return bad("aws.signature_version", "1 or 2");
  if (a.max_in_flight < 1) return bad("aws.max_in_flight", "at least 1");
  return {};
}

Result<> merge_numbers(std::vector<NumberConfig>& numbers, const js::value& v) {
  if (!v.is_array()) return bad("numbers", "an array");
  std::vector<NumberConfig> fresh;
  for (const js::value& item : v.get_array()) {
    NumberConfig n;
    const Field fields[] = {{"id", &n.id},
                            {"display_phone_number", &n.display_phone_number},
                            {"verified_name", &n.verified_name},
                            {"messages_per_second", &n.messages_per_second},
                            {"quality", &n.quality},
                            {"status", &n.status},
                            {"coexistence", &n.coexistence},
                            {"via", &n.via}};
    const std::string path = "numbers[" + std::to_string(fresh.size()) + "]";
    PH_TRY(assign_all(item, path, fields));
    if (n.id.empty() || n.display_phone_number.empty())
      return bad(path, "an object with id and display_phone_number");
    if (n.via != "meta" && n.via != "aws" && n.via != "both") return bad(path + ".via", "meta, aws or both");
    fresh.push_back(std::move(n));
  }
  if (fresh.empty() || fresh.size() > 200) return bad("numbers", "an array of 1 to 200 numbers");
  numbers = std::move(fresh);
  return {};
}

Result<> merge_templates(std::vector<std::string>& templates, const js::value& v) {
  if (!v.is_array()) return bad("templates", "an array of templates in the form of the Graph API");
  templates.clear();
  for (const js::value& t : v.get_array()) templates.push_back(js::serialize(t));
  return {};
}

Result<> merge_token(std::vector<TokenConfig>& tokens, const js::value& v) {
  if (!v.is_string() || v.get_string().empty()) return bad("token", "a text");
  TokenConfig token;
  token.token = Secret(std::string(v.get_string()));
  tokens.assign(1, token);
  return {};
}

Result<> merge_member(SandboxConfig& c, std::string_view key, const js::value& v) {
  if (key == "phones") return merge_phones(c.phones, v);
  if (key == "webhooks") return merge_webhooks(c.webhooks, v);
  if (key == "limits") return merge_limits(c.limits, v);
  if (key == "aws") return merge_aws(c.aws, v);
  if (key == "numbers") return merge_numbers(c.numbers, v);
  if (key == "accounts") return merge_accounts(c.accounts, v);
  if (key == "templates") return merge_templates(c.templates, v);
  if (key == "token") return merge_token(c.tokens, v);
  const Field fields[] = {{"waba_id", &c.waba_id},
                          {"app_id", &c.app_id},
                          {"business_name", &c.business_name},
                          {"app_secret", &c.app_secret},
                          {"public_url", &c.public_url},
                          {"require_token", &c.require_token},
                          {"keep_bodies", &c.keep_bodies},
                          {"answer_delay_min_ms", &c.answer_delay_min},
                          {"answer_delay_max_ms", &c.answer_delay_max}};
  const std::string path(key);
  const auto field = std::ranges::find(fields, key, &Field::name);
  if (field == std::end(fields))
    return fail(ErrorCode::invalid_argument, "\"" + path + "\" is not a setting of the sandbox", path);
  return std::visit(Assign{v, path}, field->target);
}

}  // namespace

Result<> merge_config(SandboxConfig& config, std::string_view text) {
  js::error_code ec;
  const js::value root = js::parse(text, ec);
  if (ec || !root.is_object())
    return fail(ErrorCode::invalid_argument, "the sandbox configuration must be a JSON object");
  SandboxConfig merged = config;
  for (const auto& [key, value] : root.get_object()) {
    PH_TRY(merge_member(merged, key, value));
  }
  config = std::move(merged);
  return {};
}

}  // namespace posthorn::sandbox
