#include "messaging/directory_events.h"

#include <algorithm>
#include <variant>

#include <fmt/format.h>

#include "core/json_writer.h"
#include "messaging/accounts.h"
#include "messaging/send_rows.h"
#include "messaging/template_store.h"
#include "storage/event_log.h"

namespace posthorn {
namespace {

namespace wa = whatsapp;

constexpr int kUpgradedRate = 1000;  // what THROUGHPUT_UPGRADE grants

std::string only_digits(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c >= '0' && c <= '9') digits.push_back(c);
  }
  return digits;
}

// Which block an account event sets or lifts.
BlockKind kind_of(const wa::AccountEvent& e) {
  switch (e.about) {
    case wa::AccountEvent::About::ban:
      return BlockKind::ban;
    case wa::AccountEvent::About::messaging:
      return BlockKind::messaging;
    case wa::AccountEvent::About::connection:
      return BlockKind::connection;
  }
  return BlockKind::messaging;
}

// What Meta's template events mean for sending. FLAGGED is a warning only.
bool keeps_template_usable(std::string_view event) {
  return event == "APPROVED" || event == "REINSTATED" || event == "UNARCHIVED" || event == "FLAGGED";
}

class DirectoryEvents {
 public:
  DirectoryEvents(Transaction& tx, const EventBatch& batch, const channels::WebhookEvent& event,
                  EventBatchResult& result)
      : tx_(tx),
        batch_(batch),
        event_(event),
        origin_(*event.origin),
        result_(result),
        now_(wall_from_micros(batch.now)) {}

  Result<> apply(const wa::TemplateStatusEvent& e) {
    const bool usable = keeps_template_usable(e.status);
    TemplateUpdate update = named(e.template_id, e.name, e.language);
    if (e.status != "FLAGGED") update.status = usable ? std::string("APPROVED") : e.status;
    update.reason = e.reason;
    PH_TRY(change_template(
        update, usable ? std::string() : fmt::format("Meta set the template to {}. {}", e.status, e.detail)));
    return log("template.status", template_subject(e.name, e.language));
  }

  Result<> apply(const wa::TemplateQualityEvent& e) {
    TemplateUpdate update = named(e.template_id, e.name, e.language);
    update.quality = e.current;
    PH_TRY(change_template(update, e.current == "RED" ? "The template's quality fell to RED." : ""));
    return log("template.quality", template_subject(e.name, e.language));
  }

  Result<> apply(const wa::TemplateCategoryEvent& e) {
    TemplateUpdate update = named(e.template_id, e.name, e.language);
    update.correct_category = e.upcoming;
    std::string reason;
    if (e.upcoming.empty() && !e.current.empty()) {
      update.category = e.current;
      reason = fmt::format("Meta moved the template to category {}: the price of each message changes.",
                           e.current);
    }
    PH_TRY(change_template(update, reason));
    return log("template.category", template_subject(e.name, e.language));
  }

  Result<> apply(const wa::TemplateComponentsEvent& e) {
    result_.templates.push_back(origin_.business_id);
    PH_TRY(pause_using(e.name, e.language,
                       "The template's text was changed at Meta: run the pre-flight again."));
    return log("template.components", template_subject(e.name, e.language));
  }

  Result<> apply(const wa::PhoneQualityEvent& e) {
    PH_TRY_ASSIGN(const std::vector<Account> accounts, concerned());
    for (const Account& account : accounts) {
      AccountUpdate update;
      if (e.event == "THROUGHPUT_UPGRADE") {
        update.throughput = kUpgradedRate;
        update.throughput_level = "HIGH";
      }
      if (e.event == "FLAGGED") update.quality = "RED";
      if (!e.messaging_tier.empty()) update.messaging_tier = e.messaging_tier;
      PH_TRY(accounts::update(tx_, account.id, update, now_));
      result_.accounts.push_back(account.id);
      if (e.event == "FLAGGED") {
        PH_TRY(pause_account(account.id, "Meta flagged the phone number for low quality."));
      }
    }
    return log("account.quality", business_subject());
  }

  Result<> apply(const wa::PhoneNameEvent& e) {
    PH_TRY_ASSIGN(const std::vector<Account> accounts, concerned());
    for (const Account& account : accounts) {
      if (e.decision != "APPROVED" || e.requested_name.empty()) continue;
      AccountUpdate update;
      update.verified_name = e.requested_name;
      PH_TRY(accounts::update(tx_, account.id, update, now_));
    }
    return log("account.name", business_subject());
  }

  Result<> apply(const wa::AccountEvent& e) {
    PH_TRY_ASSIGN(const std::vector<Account> accounts, concerned());
    const std::string reason = fmt::format("Meta restricted the account ({}). {}", e.event, e.detail);
    for (const Account& account : accounts) {
      if (e.stops_sending) {
        PH_TRY(accounts::block(tx_, account.id, kind_of(e), reason, now_));
        PH_TRY(pause_account(account.id, reason));
      }
      if (e.restores_sending) {
        PH_TRY(accounts::lift(tx_, account.id, kind_of(e), now_));
      }
      if (e.stops_sending || e.restores_sending) result_.accounts.push_back(account.id);
    }
    return log("account.update", business_subject());
  }

  Result<> apply(const wa::BusinessCapabilityEvent& e) {
    PH_TRY_ASSIGN(const std::vector<Account> accounts, accounts::list_by_business(tx_, origin_.business_id));
    for (const Account& account : accounts) {
      if (e.messaging_tier.empty()) continue;
      AccountUpdate update;
      update.messaging_tier = e.messaging_tier;
      PH_TRY(accounts::update(tx_, account.id, update, now_));
      result_.accounts.push_back(account.id);
    }
    return log("account.capability", business_subject());
  }

  // Conversations have a path of their own: conversation_applier.h.
  template <class E>
  Result<> apply(const E&) {
    return fail(ErrorCode::internal, "This kind of event does not belong to the directory.");
  }

  Result<> apply(const wa::AccountAlertEvent&) { return log("account.alert", business_subject()); }
  Result<> apply(const wa::AccountReviewEvent&) { return log("account.review", business_subject()); }
  Result<> apply(const wa::SecurityEvent&) { return log("account.security", business_subject()); }
  Result<> apply(const wa::ValueErrorEvent&) { return log("webhook.errors", business_subject()); }
  Result<> apply(const channels::UnknownEvent&) { return log("webhook.other", business_subject()); }
  Result<> apply(const channels::MalformedEvent& e) { return fail(ErrorCode::invalid_argument, e.reason); }

 private:
  static std::string template_subject(std::string_view name, std::string_view language) {
    return fmt::format("template:{}/{}", name, language);
  }
  std::string business_subject() const { return fmt::format("business:{}", origin_.business_id); }

  TemplateUpdate named(const std::string& meta_id, const std::string& name,
                       const std::string& language) const {
    TemplateUpdate update;
    update.business_id = origin_.business_id;
    update.meta_id = meta_id;
    update.name = name;
    update.language = language;
    return update;
  }

  // A reason that is not empty pauses the campaigns that use the template.
  Result<> change_template(const TemplateUpdate& update, const std::string& reason) {
    if (update.business_id.empty())
      return fail(ErrorCode::invalid_argument, "A template event without a business account id.");
    PH_TRY(templates::apply(tx_, update));
    result_.templates.push_back(origin_.business_id);
    return reason.empty() ? Result<>() : pause_using(update.name, update.language, reason);
  }

  Result<> pause_using(const std::string& name, const std::string& language, const std::string& reason) {
    return pause_all(
        "SELECT c.id FROM campaigns c JOIN accounts a ON a.id = c.account_id WHERE c.state = 'running' "
        "AND a.business_id = $1 AND c.template_name = $2 AND c.template_language = $3 ORDER BY c.id",
        {origin_.business_id, name, language}, reason);
  }

  Result<> pause_account(AccountId account, const std::string& reason) {
    return pause_all("SELECT id FROM campaigns WHERE state = 'running' AND account_id = $1 ORDER BY id",
                     {account.value}, reason);
  }

  Result<> pause_all(std::string_view sql, std::initializer_list<SqlArg> args, const std::string& reason) {
    std::vector<CampaignId> campaigns;
    {
      PH_TRY_ASSIGN(SqlRows rows, tx_.query(sql, args));
      while (true) {
        PH_TRY_ASSIGN(const bool more, rows.next());
        if (!more) break;
        campaigns.push_back(CampaignId{rows.integer(0)});
      }
    }
    for (const CampaignId campaign : campaigns) {
      PH_TRY(pause_campaign(tx_, campaign, reason, batch_.now));
      result_.paused.emplace_back(campaign, reason);
    }
    return {};
  }

  // The accounts an event is about: by phone number id, by display number, else all of the business.
  Result<std::vector<Account>> concerned() {
    PH_TRY_ASSIGN(std::vector<Account> all, accounts::list_by_business(tx_, origin_.business_id));
    const std::string number = only_digits(origin_.display_phone_number);
    std::erase_if(all, [&](const Account& account) {
      if (!origin_.phone_number_id.empty()) return account.sender_id != origin_.phone_number_id;
      return !number.empty() && only_digits(account.display_number) != number;
    });
    return all;
  }

  Result<> log(std::string_view kind, std::string_view subject) {
    std::string data;
    JsonWriter(data)
        .begin_object()
        .member("field", std::string_view(origin_.field))
        .member("business_id", std::string_view(origin_.business_id))
        .member("phone_number_id", std::string_view(origin_.phone_number_id))
        .key("event")
        .raw(event_.raw)
        .end_object();
    PH_TRY(events::append(tx_, now_, kind, subject, data));
    return {};
  }

  Transaction& tx_;
  const EventBatch& batch_;
  const channels::WebhookEvent& event_;
  const channels::WebhookOrigin& origin_;
  EventBatchResult& result_;
  WallTime now_;
};

}  // namespace

Result<> apply_directory_event(Transaction& tx, const EventBatch& batch, const channels::WebhookEvent& event,
                               EventBatchResult& result) {
  DirectoryEvents events(tx, batch, event, result);
  return std::visit([&](const auto& body) { return events.apply(body); }, event.body);
}

}  // namespace posthorn
