#include "sandbox/controls.h"

#include <array>
#include <chrono>

#include <boost/json.hpp>

#include "sandbox/account_events.h"
#include "sandbox/json_text.h"

namespace posthorn::sandbox {
namespace {

std::string template_members(const Template& t) {
  return R"("message_template_id":)" + t.id + R"(,"message_template_name":)" + meta_string(t.name) +
         R"(,"message_template_language":)" + meta_string(t.language);
}

// "April 17, 2025", as Meta writes the date of a ban.
std::string ban_date(WallTime t) {
  static constexpr auto kMonths =
      std::to_array<std::string_view>({"January", "February", "March", "April", "May", "June", "July",
                                       "August", "September", "October", "November", "December"});
  const std::chrono::sys_seconds at{std::chrono::seconds(to_micros(t) / 1'000'000)};
  const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(at));
  return std::string(kMonths.at(static_cast<unsigned>(date.month()) - 1)) + " " +
         std::to_string(static_cast<unsigned>(date.day())) + ", " +
         std::to_string(static_cast<int>(date.year()));
}

}  // namespace

Controls::Controls(World& world, Deliveries& deliveries, Webhooks& webhooks, Executor executor)
    : world_(world),
      deliveries_(deliveries),
      webhooks_(webhooks),
      maintenance_(world.clock, std::move(executor), [this] { end_maintenance(); }) {}

void Controls::reset() {
  deliveries_.clear();
  webhooks_.clear();
  upgrades_.clear();
  world_.reset();
  if (on_reset_) on_reset_();
}

Result<> Controls::emit_event(std::string_view field, const boost::json::value& given,
                              std::string_view number_id) {
  std::size_t index = 0;
  if (!number_id.empty()) {
    PH_TRY_ASSIGN(const Number* number, find_number(number_id));
    index = world_.index_of(*number);
  }
  PH_TRY_ASSIGN(const std::string value, render_event(world_, field, given, index));
  webhooks_.change(field, value);
  webhooks_.pump();
  return {};
}

void Controls::expire_tokens_after(std::int64_t calls) {
  world_.tokens_expired = calls <= 0;
  world_.calls_until_expiry = calls <= 0 ? -1 : calls;
}

void Controls::restore_tokens() {
  world_.tokens_expired = false;
  world_.calls_until_expiry = -1;
}

void Controls::add_token(Secret token) {
  TokenConfig config;
  config.token = std::move(token);
  world_.config.tokens.push_back(std::move(config));
}

Result<Template*> Controls::find_template(std::string_view name, std::string_view language) {
  if (Template* t = world_.templates.find(name, language)) return t;
  return fail(ErrorCode::not_found,
              "there is no template " + std::string(name) + " in " + std::string(language), "name");
}

Result<Number*> Controls::find_number(std::string_view id) {
  if (const Number* n = world_.find_number(id)) return &world_.numbers[world_.index_of(*n)];
  return fail(ErrorCode::not_found, "there is no phone number with id " + std::string(id), "number");
}

Result<std::string> Controls::send_from_phone(std::uint64_t phone, std::string_view body,
                                              std::string_view number_id) {
  std::size_t index = 0;
  if (!number_id.empty()) {
    PH_TRY_ASSIGN(const Number* number, find_number(number_id));
    index = world_.index_of(*number);
  } else if (const auto past = world_.ledger.messages_for(phone); !past.empty()) {
    index = past.back().number;  // people answer whoever wrote last
  }
  auto name = deliveries_.inbound(phone, index, body);
  webhooks_.pump();
  return name;
}

void Controls::set_marketing_preference(std::uint64_t phone, bool stopped) {
  const auto past = world_.ledger.messages_for(phone);
  deliveries_.preference(phone, past.empty() ? 0 : past.back().number, stopped);
  webhooks_.pump();
}

Result<> Controls::set_template_status(std::string_view name, std::string_view language,
                                       std::string_view status, std::string_view reason) {
  PH_TRY_ASSIGN(Template * t, find_template(name, language));
  t->status = status;
  webhooks_.change("message_template_status_update",
                   R"({"event":)" + meta_string(status) + "," + template_members(*t) +
                       R"(,"message_template_category":)" + meta_string(t->category) + R"(,"reason":)" +
                       meta_string(reason) + "}");
  webhooks_.pump();
  return {};
}

Result<> Controls::set_template_category(std::string_view name, std::string_view language,
                                         std::string_view category) {
  PH_TRY_ASSIGN(Template * t, find_template(name, language));
  const std::string previous = std::exchange(t->category, std::string(category));
  world_.subject(t->name + "/" + t->language, t->category);
  webhooks_.change("template_category_update", "{" + template_members(*t) + R"(,"previous_category":)" +
                                                   meta_string(previous) + R"(,"new_category":)" +
                                                   meta_string(category) + "}");
  webhooks_.pump();
  return {};
}

Result<> Controls::set_template_quality(std::string_view name, std::string_view language,
                                        std::string_view quality) {
  PH_TRY_ASSIGN(Template * t, find_template(name, language));
  const std::string previous = std::exchange(t->quality, std::string(quality));
  webhooks_.change("message_template_quality_update",
                   R"({"previous_quality_score":)" + meta_string(previous) + R"(,"new_quality_score":)" +
                       meta_string(quality) + "," + template_members(*t) + "}");
  webhooks_.pump();
  return {};
}

Result<> Controls::put_template(std::string_view graph_json) {
  boost::json::error_code ec;
  const auto parsed = boost::json::parse(graph_json, ec);
  if (ec || !parsed.is_object())
    return fail(ErrorCode::invalid_argument, "the template must be a JSON object");
  auto read = read_template(parsed.get_object());
  if (!read) return fail(ErrorCode::invalid_argument, read.error().details);
  world_.add_template(*std::move(read));
  return {};
}

Result<> Controls::set_number_quality(std::string_view number_id, std::string_view quality) {
  PH_TRY_ASSIGN(Number * number, find_number(number_id));
  const bool down = quality == "RED";
  number->config.quality = quality;
  webhooks_.change("phone_number_quality_update",
                   R"({"display_phone_number":")" + std::to_string(number->digits) + R"(","event":")" +
                       (down ? "FLAGGED" : "UNFLAGGED") +
                       R"(","max_daily_conversations_per_business":"TIER_100K"})");
  webhooks_.pump();
  return {};
}

Result<> Controls::upgrade_throughput(std::string_view number_id, int messages_per_second,
                                      Duration maintenance) {
  PH_TRY_ASSIGN(Number * number, find_number(number_id));
  number->config.messages_per_second = messages_per_second;
  number->maintenance_until = world_.clock.now() + maintenance;
  upgrades_.push(number->maintenance_until, number->config.id);
  maintenance_.arm(upgrades_.next());
  return {};
}

void Controls::end_maintenance() {
  const MonotonicTime now = world_.clock.now();
  for (auto due = upgrades_.pop_due(now); !due.empty(); due = upgrades_.pop_due(now))
    for (const std::string& id : due)
      if (const Number* number = world_.find_number(id))
        webhooks_.change(
            "phone_number_quality_update",
            R"({"display_phone_number":")" + std::to_string(number->digits) +
                R"(","event":"THROUGHPUT_UPGRADE","max_daily_conversations_per_business":"TIER_UNLIMITED"})");
  if (!upgrades_.empty()) maintenance_.arm(upgrades_.next());
  webhooks_.pump();
}

void Controls::restrict_account(bool restricted) {
  world_.chaos.account_restricted = restricted;
  const std::string event =
      restricted
          ? R"({"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"RESTRICTED_BIZ_INITIATED_MESSAGING","expiration":)" +
                std::to_string(to_micros(world_.clock.wall_now()) / 1'000'000 + 86'400) + "}]}"
          : R"({"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"REINSTATE","waba_ban_date":")" +
                ban_date(world_.clock.wall_now()) + "\"}}";
  webhooks_.change("account_update", event);
  webhooks_.pump();
}

}  // namespace posthorn::sandbox
