// Golden: who may call what. A change here is a change of who has power over the server, so it is written
// down twice.
#include <gmock/gmock.h>

#include "unit/api/api_house.h"

namespace posthorn::api_testing {
namespace {

const std::map<std::string, std::set<std::string>> kMatrix = {
    {"viewer",
     {"check_suppression",
      "get_archived_conversations",
      "get_attachment",
      "get_broadcast",
      "get_broadcast_report",
      "get_contact",
      "get_conversation",
      "get_conversation_messages",
      "get_conversations",
      "get_menu_config",
      "get_message",
      "get_messages",
      "get_send",
      "get_supported_formats",
      "get_template",
      "get_templates",
      "get_throughput_limits",
      "get_unread_count",
      "get_upload",
      "get_webhook_events",
      "get_welcome_config",
      "help",
      "inspect_upload",
      "list_actions",
      "list_automation_rules",
      "list_broadcast_recipients",
      "list_broadcasts",
      "list_channels",
      "list_contacts",
      "list_events",
      "list_menu_configs",
      "list_parked_events",
      "list_suppressions",
      "list_templates",
      "list_uploads",
      "ping",
      "preview_broadcast",
      "search_contacts",
      "search_messages",
      "test_automation_rule",
      "validate_media"}},
    {"agent",
     {"add_conversation_label",
      "add_note",
      "archive_conversation",
      "assign_conversation",
      "check_auto_menu",
      "check_auto_welcome",
      "check_keyword_trigger",
      "download_media",
      "get_media_url",
      "mark_conversation_read",
      "merge_contacts",
      "remove_conversation_label",
      "rename_contact",
      "retry_attachment",
      "send_menu",
      "send_menu_main",
      "send_menu_selfservice",
      "send_menu_services",
      "send_menu_support",
      "send_template",
      "send_welcome",
      "unarchive_conversation",
      "unmerge_contacts",
      "upload_media"}},
    {"marketer",
     {"add_suppressions", "cancel_broadcast", "create_broadcast", "delete_automation_rule",
      "delete_menu_config", "pause_broadcast", "preflight_broadcast", "refresh_templates",
      "remove_suppression", "resend_unknown", "resume_broadcast", "save_automation_rule", "save_menu_config",
      "seed_menu_configs", "start_broadcast", "sync_templates", "test_broadcast", "update_broadcast"}},
    {"admin",
     {"add_aws_number",
      "add_channel",
      "add_meta_account",
      "check_channel",
      "create_backup",
      "create_key",
      "create_login_link",
      "create_webhook_endpoint",
      "delete_media",
      "delete_webhook_endpoint",
      "disable_webhook_endpoint",
      "doctor",
      "enable_webhook_endpoint",
      "get_notification_config",
      "get_webhook_delivery",
      "get_webhook_endpoint",
      "list_audit",
      "list_keys",
      "list_webhook_deliveries",
      "list_webhook_endpoints",
      "register_webhook",
      "remove_notification_recipient",
      "replay_journal",
      "replay_parked_events",
      "replay_webhook_delivery",
      "replay_webhook_events",
      "revoke_key",
      "rotate_webhook_secret",
      "set_channel_portfolio",
      "set_channel_token",
      "test_notification",
      "test_webhook_endpoint",
      "unblock_channel",
      "update_notification_config",
      "update_webhook_endpoint",
      "verify_audit"}}};

TEST(RoleMatrix, IsAsWritten) {
  std::map<std::string, std::set<std::string>> actual;
  for (const auto& action : make_registry().actions())
    actual[std::string(to_string(action.role))].insert(action.name);
  EXPECT_EQ(actual, kMatrix);
}

class RoleMatrixOverHttp : public ApiHouse {};

TEST_F(RoleMatrixOverHttp, LowerRolesAreRefusedBeforeAnythingElse) {
  for (const auto role : {Role::viewer, Role::agent, Role::marketer, Role::admin}) {
    const auto key = new_key(role);
    for (const auto& action : registry.actions()) {
      const bool allowed = allows(role, action.role);
      // An unknown parameter: whoever is allowed gets as far as validation, and nothing is run.
      const auto answer = call(key, action.name, R"({"no_such_parameter":1})");
      EXPECT_EQ(answer.status(), allowed ? 400 : 403) << to_string(role) << " " << action.name;
    }
  }
}

// One rule for actions and routes: who is a viewer reads all that is stored about people, messages and
// broadcasts; every other role is about acting.
TEST_F(RoleMatrixOverHttp, ReadingAsksForAViewerWhateverTheWayIn) {
  struct Route {
    const char* method;
    const char* target;
    Role least;
  };
  for (const auto& [method, target, least] : {Route{"GET", "/api/broadcasts/7/report.csv", Role::viewer},
                                              Route{"GET", "/api/broadcasts/7/problems.csv", Role::viewer},
                                              Route{"POST", "/api/uploads", Role::marketer}}) {
    for (const auto role : {Role::viewer, Role::agent, Role::marketer, Role::admin}) {
      FakeExchange exchange(method, target);
      exchange.key(new_key(role));
      EXPECT_EQ(send(exchange).status() == 403, !allows(role, least)) << target << " " << to_string(role);
      EXPECT_NE(exchange.status(), 404) << target;
    }
    FakeExchange nobody(method, target);
    EXPECT_EQ(send(nobody).status(), 401) << target;
  }
}

TEST(RoleMatrix, WhatAViewerMayNotCallDoesSomething) {
  // Secrets, settings of the server and links that work without a key are more than what people wrote.
  const std::set<std::string> more_than_reading = {"check_auto_menu",
                                                   "check_auto_welcome",
                                                   "check_keyword_trigger",
                                                   "download_media",
                                                   "get_media_url",
                                                   "get_notification_config",
                                                   "get_webhook_delivery",
                                                   "get_webhook_endpoint",
                                                   "list_audit",
                                                   "list_keys",
                                                   "list_webhook_deliveries",
                                                   "list_webhook_endpoints",
                                                   "verify_audit",
                                                   "doctor"};
  for (const auto& action : make_registry().actions()) {
    if (action.role == Role::viewer) {
      EXPECT_NE(action.effect, Effect::mutates) << action.name;
    } else if (action.effect == Effect::reads) {
      EXPECT_TRUE(more_than_reading.contains(action.name)) << action.name << " only reads";
    }
  }
}

}  // namespace
}  // namespace posthorn::api_testing
