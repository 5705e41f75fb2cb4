// What the webhooks of conversations carry, for the tests of phones and of Instagram and Messenger users.
#pragma once
#include "sandbox/json_values.h"
#include "sandbox_fixture.h"

namespace posthorn::sandbox {

class ConversationTest : public SandboxTest {
 protected:
  static constexpr std::uint64_t kPhone = 14155550123;

  void SetUp() override {
    SandboxTest::SetUp();
    open_business();
  }

  js::value control(const std::string& method, const std::string& path, const std::string& body = {},
                    int status = 200) {
    const Reply reply = call(method, "/sandbox/" + path, body, "");
    EXPECT_EQ(reply.status, status) << path << " " << reply.text;
    return reply.body;
  }

  // Every `value` that came for a field of WhatsApp.
  std::vector<js::value> values(std::string_view field) const {
    std::vector<js::value> out;
    for (const ReceivedWebhook& w : webhooks)
      for (const js::value& entry : js::parse(w.body).at("entry").as_array())
        if (const js::value* changes = member(entry, "changes"))
          for (const js::value& change : changes->as_array())
            if (change.at("field").as_string() == field) out.push_back(change.at("value"));
    return out;
  }
  // The message that a phone sends with this control call, as the webhook shows it.
  js::value from_phone(const std::string& body, std::uint64_t phone = kPhone) {
    webhooks.clear();
    control("POST", "phones/" + std::to_string(phone) + "/send", body);
    EXPECT_TRUE(run_until_idle());
    const auto all = values("messages");
    if (all.empty()) return {};
    last_value = all.back();
    return all.back().at("messages").at(0);
  }
  // The elements of `messaging` or `standby` that came for Instagram or Messenger.
  std::vector<js::value> items(std::string_view list = "messaging") const {
    std::vector<js::value> out;
    for (const ReceivedWebhook& w : webhooks)
      for (const js::value& entry : js::parse(w.body).at("entry").as_array())
        if (const js::value* found = member(entry, list))
          for (const js::value& item : found->as_array()) out.push_back(item);
    return out;
  }
  js::value from_user(const std::string& account, const std::string& body,
                      const std::string& user = "6742312345678901") {
    webhooks.clear();
    control("POST", "users/" + user + "/send?account=" + account, body);
    EXPECT_TRUE(run_until_idle());
    const auto all = items();
    return all.empty() ? js::value() : all.back();
  }
  js::value last_value;
};

}  // namespace posthorn::sandbox
