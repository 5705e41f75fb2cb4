// The strings tests pull and the events of Meta's side that change how the business may send.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "core/result.h"
#include "sandbox/deliveries.h"
#include "sandbox/webhooks.h"
#include "sandbox/world.h"

namespace posthorn::sandbox {

class Controls {
 public:
  Controls(World& world, Deliveries& deliveries, Webhooks& webhooks, Executor executor);
  void stop() { maintenance_.stop(); }

  void reset();
  // What else forgets everything at a reset.
  void on_reset(std::function<void()> call) { on_reset_ = std::move(call); }
  // The webhook of any field (account_events.h). number_id: empty for the first number.
  Result<> emit_event(std::string_view field, const boost::json::value& given, std::string_view number_id);
  void expire_tokens_after(std::int64_t calls);
  void restore_tokens();
  void add_token(Secret token);
  Result<std::string> send_from_phone(std::uint64_t phone, std::string_view json_body,
                                      std::string_view number_id);
  void set_marketing_preference(std::uint64_t phone, bool stopped);
  Result<> set_template_status(std::string_view name, std::string_view language, std::string_view status,
                               std::string_view reason);
  Result<> set_template_category(std::string_view name, std::string_view language, std::string_view category);
  Result<> set_template_quality(std::string_view name, std::string_view language, std::string_view quality);
  Result<> put_template(std::string_view graph_json);
  Result<> set_number_quality(std::string_view number_id, std::string_view quality);
  Result<> upgrade_throughput(std::string_view number_id, int messages_per_second, Duration maintenance);
  void restrict_account(bool restricted);

 private:
  Result<Template*> find_template(std::string_view name, std::string_view language);
  Result<Number*> find_number(std::string_view id);
  void end_maintenance();

  World& world_;
  Deliveries& deliveries_;
  Webhooks& webhooks_;
  std::function<void()> on_reset_;
  Calendar<std::string> upgrades_;  // number ids whose maintenance ends
  Wakeup maintenance_;
};

}  // namespace posthorn::sandbox
