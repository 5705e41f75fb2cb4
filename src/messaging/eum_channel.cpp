#include "messaging/eum_channel.h"

#include <algorithm>
#include <array>

#include "channels/whatsapp/template_message.h"
#include "core/json.h"

namespace posthorn {
namespace {

constexpr int kMostAttempts = 5;
constexpr Duration kThrottlePause = std::chrono::seconds(1);

// Errors of SendWhatsAppMessage that are not about this one message (API reference, "SendWhatsAppMessage").
struct Meaning {
  std::string_view code;
  AnswerKind kind;
  std::string_view reason;
};
constexpr auto kMeanings = std::to_array<Meaning>({
    {"AccessDeniedException", AnswerKind::account_stop,
     "AWS does not allow sending: give the role social-messaging:SendWhatsAppMessage."},
    {"AccessDeniedByMetaException", AnswerKind::account_stop,
     "Meta does not allow AWS to send for this number: look at the account in Meta's business manager."},
    {"ResourceNotFoundException", AnswerKind::account_stop,
     "AWS does not know this phone number: check the account's transport id and the Region."},
});

SendAnswer undecided(const HttpFailure& failure) {
  SendAnswer answer;
  answer.kind = failure.stage == HttpStage::sent ? AnswerKind::unknown : AnswerKind::not_sent;
  answer.answered = false;
  answer.detail = failure.error.message;
  return answer;
}

SendAnswer judge_success(const HttpResponse& response) {
  SendAnswer answer;
  const Result<json::value> body = parse_json(response.body);
  if (body) answer.message_id = JsonView(*body)["messageId"].string_or("");
  answer.kind = answer.message_id.empty() ? AnswerKind::unknown : AnswerKind::accepted;
  if (answer.message_id.empty()) answer.detail = "the answer of AWS has no messageId";
  return answer;
}

AnswerKind kind_of(int status, const aws::AwsError& error, int attempt) {
  switch (aws::judge(status, error)) {
    case aws::AwsTrouble::again:
      return status >= 500 ? AnswerKind::unknown : AnswerKind::throttled;
    case aws::AwsTrouble::clock:
    case aws::AwsTrouble::credentials:  // both may be mended by now
      return attempt < kMostAttempts ? AnswerKind::retry : AnswerKind::account_stop;
    case aws::AwsTrouble::refused:
      return status >= 500 ? AnswerKind::unknown : AnswerKind::rejected;
  }
  return AnswerKind::unknown;
}

}  // namespace

SendAnswer judge_eum_exchange(const std::expected<HttpResponse, HttpFailure>& exchange, int attempt) {
  if (!exchange) return undecided(exchange.error());
  if (exchange->status / 100 == 2) return judge_success(*exchange);
  const aws::AwsError error = aws::read_error(*exchange);
  SendAnswer answer;
  answer.detail = aws::to_error("social-messaging", exchange->status, error).message;
  answer.kind = kind_of(exchange->status, error, attempt);
  answer.reason = answer.detail;
  const auto meaning = std::ranges::find(kMeanings, error.code, &Meaning::code);
  if (meaning != kMeanings.end()) {
    answer.kind = meaning->kind;
    answer.reason = meaning->reason;
  }
  if (answer.kind == AnswerKind::throttled || answer.kind == AnswerKind::retry)
    answer.retry_after = kThrottlePause;
  return answer;
}

void EumChannel::append_body(std::string& out, std::string_view payload, std::string_view token) const {
  whatsapp::append_with_token(out, payload, token);
}

Task<SendAnswer> EumChannel::send(std::string body, int attempt, std::function<void()> on_last_byte) {
  const std::expected<HttpResponse, HttpFailure> exchange =
      co_await social_.send_message(phone_number_, std::move(body), std::move(on_last_byte));
  co_return judge_eum_exchange(exchange, attempt);
}

}  // namespace posthorn
