#include "messaging/whatsapp_channel.h"

#include <algorithm>

#include <fmt/format.h>

#include "channels/whatsapp/template_message.h"

namespace posthorn {
namespace {

using whatsapp::ErrorClass;

AnswerKind kind_of(const whatsapp::ErrorInfo& info) {
  if (info.blocks_account) return AnswerKind::account_stop;
  if (info.pauses_campaign) return AnswerKind::campaign_stop;
  switch (info.error_class) {
    case ErrorClass::retry_backoff:
      return AnswerKind::retry;
    case ErrorClass::retry_pair:
      return AnswerKind::pair_limited;
    case ErrorClass::slow_number:
      return AnswerKind::throttled;
    case ErrorClass::pause_campaign:
    case ErrorClass::configuration:
      return AnswerKind::campaign_stop;
    case ErrorClass::recipient_permanent:
    case ErrorClass::template_permanent:
      return AnswerKind::rejected;
  }
  return AnswerKind::rejected;
}

// What lifts a block that this code causes. A token carries its permissions and the ids it may use.
BlockKind block_of(int code) {
  constexpr std::pair<int, int> kOfTokens[] = {{whatsapp::kHttpForbidden, whatsapp::kHttpUnauthorized},
                                               {0, 0},
                                               {3, 3},
                                               {10, 10},
                                               {33, 33},
                                               {100, 100},
                                               {104, 104},
                                               {190, 190},
                                               {200, 299},
                                               {803, 803},
                                               {131005, 131005}};
  constexpr int kOfBans[] = {368, 131031, 141014};
  if (std::ranges::find(kOfBans, code) != std::end(kOfBans)) return BlockKind::ban;
  const bool token =
      std::ranges::any_of(kOfTokens, [code](const auto& r) { return code >= r.first && code <= r.second; });
  return token ? BlockKind::token : BlockKind::other;
}

// 131057: the number is being upgraded; 133004: the server is out for a moment; 2494100: the number is in
// maintenance.
bool pauses_number(int code) {
  return code == 131057 || code == 133004 || code == 2494100;
}

SendAnswer judge_error(const whatsapp::SendAnswer& sent, int attempt) {
  const whatsapp::ErrorInfo& info = *sent.info;
  SendAnswer answer;
  answer.kind = kind_of(info);
  answer.code = sent.error.code;
  answer.block = block_of(info.code < 0 ? info.code : answer.code);
  answer.detail = sent.error.summary();
  answer.opted_out = info.opt_out;
  answer.reason = fmt::format("{} {}", info.meaning, info.next_step);
  if (pauses_number(answer.code)) answer.kind = AnswerKind::number_paused;
  if (answer.kind == AnswerKind::retry) {
    const std::optional<Duration> delay = whatsapp::retry_delay(info, attempt);
    if (!delay) answer.kind = AnswerKind::rejected;
    answer.retry_after = delay.value_or(Duration(0));
  }
  answer.retry_after = std::max(answer.retry_after, sent.retry_after.value_or(Duration(0)));
  return answer;
}

SendAnswer not_sent(const HttpFailure& failure) {
  SendAnswer answer;
  answer.kind = failure.stage == HttpStage::sent ? AnswerKind::unknown : AnswerKind::not_sent;
  answer.answered = false;
  answer.detail = failure.error.message;
  return answer;
}

}  // namespace

SendAnswer judge_exchange(const std::expected<HttpResponse, HttpFailure>& exchange, int attempt) {
  if (!exchange) return not_sent(exchange.error());
  whatsapp::SendAnswer sent =
      whatsapp::interpret_send_response(exchange->status, exchange->headers, exchange->body);
  if (sent.kind == whatsapp::SendAnswer::Kind::failed && sent.info != nullptr)
    return judge_error(sent, attempt);
  SendAnswer answer;
  if (sent.kind == whatsapp::SendAnswer::Kind::accepted) {
    answer.kind = AnswerKind::accepted;
    answer.message_id = std::move(sent.wamid);
    answer.held = sent.acceptance == whatsapp::Acceptance::held;
    return answer;
  }
  answer.kind = AnswerKind::unknown;
  answer.code = std::max(0, sent.error.code);
  answer.detail = std::move(sent.why);
  return answer;
}

void WhatsAppChannel::append_body(std::string& out, std::string_view payload, std::string_view token) const {
  whatsapp::append_with_token(out, payload, token);
}

Task<SendAnswer> WhatsAppChannel::send(std::string body, int attempt, std::function<void()> on_last_byte) {
  const std::expected<HttpResponse, HttpFailure> exchange =
      co_await graph_.send_message(phone_number_id_, std::move(body), std::move(on_last_byte));
  co_return judge_exchange(exchange, attempt);
}

}  // namespace posthorn
