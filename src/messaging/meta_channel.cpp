#include "messaging/meta_channel.h"

#include <algorithm>
#include <charconv>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "channels/meta_messaging/error_table.h"
#include "channels/meta_messaging/message_bodies.h"
#include "channels/whatsapp/json_fields.h"
#include "channels/whatsapp/send_response.h"

namespace posthorn {
namespace {

using meta_messaging::ErrorClass;

constexpr std::size_t kMaxMid = 1024;

AnswerKind kind_of(ErrorClass error_class) {
  switch (error_class) {
    case ErrorClass::reconcile:
      return AnswerKind::unknown;
    case ErrorClass::retry_backoff:
    case ErrorClass::thread_held:
      return AnswerKind::retry;
    case ErrorClass::slow_account:
      return AnswerKind::throttled;
    case ErrorClass::configuration:
    case ErrorClass::account_paused:
      return AnswerKind::account_stop;
    case ErrorClass::window_closed:
    case ErrorClass::recipient_permanent:
    case ErrorClass::message_permanent:
    case ErrorClass::media_permanent:
    case ErrorClass::placeholder:
      return AnswerKind::rejected;
  }
  return AnswerKind::rejected;
}

// Retry-After in seconds, at most a day.
Duration retry_after(const HttpHeaders& headers) {
  const std::string_view text = headers.get("Retry-After");
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return Duration(0);
  return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, 86400));
}

SendAnswer judge_error(const whatsapp::GraphError& error, const HttpHeaders& headers, int attempt) {
  const meta_messaging::ErrorInfo& info = meta_messaging::classify(error);
  SendAnswer answer;
  answer.kind = kind_of(info.error_class);
  answer.block = info.error_class == ErrorClass::configuration ? BlockKind::token : BlockKind::messaging;
  answer.code = error.code >= 0 ? error.code : info.code;  // a pseudo code leads back to its row
  answer.detail = error.summary();
  answer.reason = fmt::format("{} {}", info.meaning, info.next_step);
  if (answer.kind == AnswerKind::retry || answer.kind == AnswerKind::throttled) {
    const std::optional<Duration> delay = meta_messaging::retry_delay(info, attempt);
    if (!delay) answer.kind = AnswerKind::rejected;
    answer.retry_after = std::max(delay.value_or(Duration(0)), retry_after(headers));
  }
  return answer;
}

// The id, or nothing if the body proves nothing. Sender actions have none.
std::optional<std::string> accepted_id(std::string_view body, bool action) {
  boost::system::error_code failure;
  const boost::json::value root = boost::json::parse(body, failure);
  const boost::json::object* object = failure ? nullptr : root.if_object();
  if (object == nullptr) return std::nullopt;
  std::string id = whatsapp::text_in(*object, "message_id");
  if (id.size() > kMaxMid) return std::nullopt;
  if (id.empty() && !(action && object->contains("recipient_id"))) return std::nullopt;
  return id;
}

SendAnswer judge_response(const HttpResponse& response, int attempt, bool action) {
  std::optional<whatsapp::GraphError> error = whatsapp::parse_graph_error(response.status, response.body);
  const bool success = response.status >= 200 && response.status <= 299;
  if (!error && !success && response.status != 408 && response.status != 499) {
    error = whatsapp::GraphError{.http_status = response.status};
    error->message = fmt::format("HTTP {} without an error object", response.status);
  }
  if (error) return judge_error(*error, response.headers, attempt);
  SendAnswer answer;
  if (std::optional<std::string> id = success ? accepted_id(response.body, action) : std::nullopt) {
    answer.kind = AnswerKind::accepted;
    answer.message_id = *std::move(id);
    return answer;
  }
  answer.detail = fmt::format("the answer (HTTP {}) has no message id and no error that Meta would send",
                              response.status);
  return answer;
}

}  // namespace

SendAnswer judge_meta_exchange(const std::expected<HttpResponse, HttpFailure>& exchange, int attempt,
                               bool sender_action) {
  if (exchange) return judge_response(*exchange, attempt, sender_action);
  const HttpFailure& failure = exchange.error();
  SendAnswer answer;
  answer.kind = failure.stage == HttpStage::sent ? AnswerKind::unknown : AnswerKind::not_sent;
  answer.answered = false;
  answer.detail = failure.error.message;
  return answer;
}

void MetaChannel::append_body(std::string& out, std::string_view payload, std::string_view token) const {
  const bool carried = client_.config().channel == channels::Channel::messenger;
  out += carried ? meta_messaging::with_metadata(std::string(payload), token) : std::string(payload);
}

Task<SendAnswer> MetaChannel::send(std::string body, int attempt, std::function<void()> on_last_byte) {
  const bool sender_action =
      body.find("\"sender_action\":") != std::string::npos;  // no text can spell this unescaped
  const std::expected<HttpResponse, HttpFailure> exchange =
      co_await client_.send(std::move(body), std::move(on_last_byte));
  co_return judge_meta_exchange(exchange, attempt, sender_action);
}

}  // namespace posthorn
