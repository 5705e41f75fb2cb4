#include "channels/meta_messaging/error_table.h"

#include <filesystem>
#include <fstream>
#include <set>

#include <gmock/gmock.h>
#include <unistd.h>

namespace posthorn::meta_messaging {
namespace {

using namespace std::chrono_literals;
using enum ErrorClass;

struct Expected {
  int code, subcode, http;
  ErrorClass error_class;
  const char* name;
};

// Section by section of Meta's error references.
constexpr Expected kExpected[] = {
    {whatsapp::kNoCode, 0, 500, reconcile, "http_server_error"},
    {whatsapp::kNoCode, 0, 503, reconcile, "http_server_error"},
    {whatsapp::kNoCode, 0, 429, slow_account, "http_throttled"},
    {whatsapp::kNoCode, 0, 401, configuration, "http_unauthorized"},
    {whatsapp::kNoCode, 0, 302, configuration, "http_redirect"},
    {whatsapp::kNoCode, 0, 400, message_permanent, "not_listed"},
    {987654, 0, 400, message_permanent, "not_listed"},
    {987654, 0, 500, reconcile, "http_server_error"},
    {1, 0, 400, retry_backoff, "temporary"},
    {2, 0, 400, retry_backoff, "service_down"},
    {1, 0, 500, reconcile, "http_server_error"},
    {2, 0, 503, reconcile, "http_server_error"},
    {1, 1357046, 400, reconcile, "sent_with_error"},
    {1, 1357046, 500, reconcile, "sent_with_error"},
    {1, 99, 400, configuration, "access_level"},
    {4, 0, 400, slow_account, "app_throttled"},
    {17, 0, 400, slow_account, "user_throttled"},
    {32, 0, 400, slow_account, "page_throttled"},
    {613, 0, 400, slow_account, "calls_throttled"},
    {613, 2534040, 400, slow_account, "calls_throttled"},
    {80006, 0, 400, slow_account, "messenger_throttled"},
    {613, 2018338, 400, recipient_permanent, "tag_abuse"},
    {4, 2018354, 400, message_permanent, "opt_in_limit"},
    {10, 2534022, 403, window_closed, "outside_window_instagram"},
    {10, 2018278, 403, window_closed, "outside_window_messenger"},
    {10, 0, 403, configuration, "permission"},
    {10, 777, 403, message_permanent, "not_listed"},
    {10, 2018108, 400, recipient_permanent, "cannot_receive"},
    {10, 1893063, 400, account_paused, "account_restricted"},
    {100, 2534029, 400, account_paused, "instagram_blocked"},
    {368, 0, 400, account_paused, "policy_block"},
    {100, 0, 400, message_permanent, "bad_parameter"},
    {100, 424242, 400, message_permanent, "bad_parameter"},
    {100, 33, 400, recipient_permanent, "object_gone"},
    {100, 2018001, 400, recipient_permanent, "no_such_user"},
    {100, 2018008, 400, retry_backoff, "media_not_fetched"},
    {100, 2018109, 400, media_permanent, "media_too_large"},
    {100, 2018074, 400, media_permanent, "attachment_id"},
    {100, 2534037, 400, thread_held, "thread_owned"},
    {10, 2018300, 400, thread_held, "thread_owned_messenger"},
    {200, 2018300, 400, thread_held, "thread_owned_messenger"},
    {190, 0, 401, configuration, "token"},
    {190, 463, 400, configuration, "token"},
    {200, 0, 403, configuration, "app_not_allowed"},
    {200, 2534041, 403, configuration, "access_switched_off"},
    {200, 1545041, 403, recipient_permanent, "unavailable_200"},
    {551, 0, 400, recipient_permanent, "unavailable"},
    {551, 1545041, 400, recipient_permanent, "unavailable"},
    {100, 2018218, 400, placeholder, "no_profile"},
};

TEST(MetaErrorTable, FindsTheMostSpecialRow) {
  for (const Expected& e : kExpected) {
    const GraphError error{.code = e.code, .subcode = e.subcode, .http_status = e.http};
    EXPECT_EQ(classify(error).name, e.name) << e.code << "/" << e.subcode << " HTTP " << e.http;
    EXPECT_EQ(classify(error).error_class, e.error_class) << e.code << "/" << e.subcode << " HTTP " << e.http;
  }
}

TEST(MetaErrorTable, BelievesMetaAboutTransientErrors) {
  const GraphError error{.code = 987654, .http_status = 400, .transient = true};
  EXPECT_EQ(classify(error).error_class, retry_backoff);
}

TEST(MetaErrorTable, RowsAreComplete) {
  std::set<std::string_view> names;
  std::set<std::pair<int, int>> codes;
  for (const ErrorInfo& info : error_table()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_TRUE(codes.insert({info.code, info.subcode}).second) << info.name;
    EXPECT_TRUE(info.meaning.ends_with(".")) << info.name;
    EXPECT_TRUE(info.next_step.ends_with(".")) << info.name;
    const bool again = info.error_class == retry_backoff || info.error_class == slow_account ||
                       info.error_class == thread_held;
    EXPECT_EQ(info.min_delay.count() > 0, again) << info.name;
    if (info.error_class == retry_backoff || info.error_class == thread_held)
      EXPECT_EQ(info.max_tries, 3) << info.name;
    EXPECT_NE(to_string(info.error_class), "unknown");
  }
  EXPECT_GE(codes.size(), 60U);
}

TEST(MetaErrorTable, DelaysGrowAndEnd) {
  const ErrorInfo& fetch = classify(GraphError{.code = 100, .subcode = 2018008});
  EXPECT_EQ(retry_delay(fetch, 1), 10s);
  EXPECT_EQ(retry_delay(fetch, 2), 20s);
  EXPECT_EQ(retry_delay(fetch, 3), std::nullopt);
  EXPECT_EQ(retry_delay(fetch, 0), std::nullopt);
  const ErrorInfo& slow = classify(GraphError{.code = 4});
  EXPECT_EQ(retry_delay(slow, 50), 1min);
  EXPECT_EQ(retry_delay(classify(GraphError{.code = 190}), 1), std::nullopt);
  EXPECT_EQ(retry_delay(classify(GraphError{.code = 551}), 1), std::nullopt);
}

TEST(MetaErrorTable, IsTheDocument) {
  std::ifstream document(POSTHORN_SOURCE_DIR "/docs/errors-instagram-messenger.md", std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(document), {});
  const std::string wanted = render_error_document();
  if (text == wanted) return;
  const auto path =
      std::filesystem::temp_directory_path() / ("posthorn-errors-meta-" + std::to_string(::getpid()) + ".md");
  std::ofstream(path, std::ios::binary) << wanted;
  FAIL() << "docs/errors-instagram-messenger.md does not say what the table does; copy " << path
         << " over it";
}

}  // namespace
}  // namespace posthorn::meta_messaging
