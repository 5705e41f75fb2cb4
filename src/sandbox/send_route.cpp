#include "sandbox/send_route.h"

#include "sandbox/json_text.h"

namespace posthorn::sandbox {
namespace {

constexpr std::string_view kBadGateway =
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad "
    "Gateway</h1></center>\r\n</body>\r\n</html>\r\n";

HttpResponse plain(int status, std::string_view type, std::string_view body) {
  HttpResponse response;
  response.status = status;
  if (!type.empty()) response.headers.set("Content-Type", std::string(type));
  response.body = body;
  return response;
}

bool always_processed(FaultKind kind) {
  return kind == FaultKind::truncated_200 || kind == FaultKind::lost_reply || kind == FaultKind::slow;
}

bool never_processed(FaultKind kind) {
  return kind == FaultKind::error || kind == FaultKind::error_200 || kind == FaultKind::reset_before ||
         kind == FaultKind::retry_after;
}

}  // namespace

Answer SendRoute::failure(const GraphFailure& failure) {
  Answer answer;
  answer.response = error_response(failure, world_.dice.next());
  return answer;
}

Answer SendRoute::send(const Number& number, std::string_view body, bool marketing_only) {
  ++world_.requests;
  world_.limits.arrive(world_.index_of(number), world_.clock.now());
  if (const Fault* fault = world_.chaos.draw(world_.dice, number.config.id, false))
    return meet(*fault, [&] { return process(number, body, marketing_only); });
  return process(number, body, marketing_only);
}

bool SendRoute::management_fault(Answer& answer) {
  const Fault* fault = world_.chaos.draw(world_.dice, {}, true);
  if (fault == nullptr || fault->kind == FaultKind::slow) {
    if (fault != nullptr) answer.delay = world_.dice.between(fault->min_delay, fault->max_delay);
    return false;
  }
  answer = meet(*fault, {});
  return true;
}

Answer SendRoute::meet(const Fault& fault, const std::function<Answer()>& process) {
  Answer answer;
  const bool process_it =
      process && (always_processed(fault.kind) || (fault.processed && !never_processed(fault.kind)));
  if (process_it) answer = process();
  switch (fault.kind) {
    case FaultKind::error:
      answer = failure(GraphFailure{fault.code});
      break;
    case FaultKind::error_200:
      answer = failure(GraphFailure{fault.code});
      answer.response.status = 200;
      break;
    case FaultKind::retry_after:
      answer = failure(GraphFailure{130429});
      answer.response.headers.set("Retry-After", std::to_string(fault.code));
      break;
    case FaultKind::http_500_empty:
      answer.response = plain(500, {}, {});
      break;
    case FaultKind::http_502_html:
      answer.response = plain(502, "text/html", kBadGateway);
      break;
    case FaultKind::garbage_200:
      answer.response = plain(200, "application/json", "\x1F\x8B\x08{]not json\xFF");
      break;
    case FaultKind::truncated_200:
      answer.response.body.resize(answer.response.body.size() / 2);
      break;
    case FaultKind::lost_reply:
    case FaultKind::reset_before:
      answer.manner = Answer::Manner::reset;
      break;
    case FaultKind::hang:
      answer.manner = Answer::Manner::reset;
      answer.delay = fault.max_delay;
      break;
    case FaultKind::slow:
      answer.delay = world_.dice.between(fault.min_delay, fault.max_delay);
      break;
  }
  return answer;
}

Answer SendRoute::process(const Number& number, std::string_view body, bool marketing_only) {
  auto accepted = accept(number, body, marketing_only);
  if (!accepted) return failure(accepted.error());
  Answer answer;
  answer.response = json_response(*std::move(accepted));
  return answer;
}

Graph<> SendRoute::check_account(const Number& number, MonotonicTime now) {
  if (world_.chaos.account_restricted) return graph_fail(131031);
  if (now < number.maintenance_until) return graph_fail(131057);
  if (!world_.limits.allow_throughput(world_.index_of(number), number.config.messages_per_second, now))
    return graph_fail(130429);
  return {};
}

Graph<std::uint64_t> SendRoute::recipient_of(const CheckedMessage& message, const Number& number) const {
  if (!message.to.empty()) {
    const std::uint64_t phone = normalise_recipient(message.to, number.digits);
    if (phone == 0)
      return graph_fail(
          131009, "Recipient phone number '" + std::string(message.to) + "' is not a valid phone number.");
    return phone;
  }
  if (message.message_template != nullptr && message.message_template->category == "AUTHENTICATION")
    return graph_fail(131062);
  const std::uint64_t phone = world_.phone_of_user(message.recipient);
  if (phone == 0)
    return graph_fail(
        131009, "Recipient '" + std::string(message.recipient) + "' is not a known business-scoped user ID.");
  return phone;
}

Graph<> SendRoute::check_recipient(const CheckedMessage& message, const Number& number, std::uint64_t phone,
                                   MonotonicTime now) {
  const std::size_t index = world_.index_of(number);
  if (phone == number.digits) return graph_fail(131021);
  const bool open = world_.window_open(phone, index);
  if (message.kind == MessageKind::free_form && !open) return graph_fail(131047);
  if (!world_.limits.allow_pair(index, phone, now)) return graph_fail(131056);
  if (!open && !world_.limits.allow_user(phone, now))
    return graph_fail(world_.limits.config().portfolio_error_code,
                      "The messaging limit of unique users in 24 hours is reached.");
  const Journey journey = world_.phones.journey(phone, 0);
  if (journey.error != 0 && !error_info(journey.error).arrives_later) return graph_fail(journey.error);
  return {};
}

Graph<std::string> SendRoute::accept(const Number& number, std::string_view body, bool marketing_only) {
  const MonotonicTime now = world_.clock.now();
  if (auto good = check_account(number, now); !good) return std::unexpected(good.error());
  const auto message = world_.checker.check(body, world_.index_of(number), world_.clock.wall_now());
  if (!message) return std::unexpected(message.error());
  if (message->kind == MessageKind::mark_read) return R"({"success":true})";
  if (marketing_only &&
      (message->message_template == nullptr || message->message_template->category != "MARKETING"))
    return graph_fail(134100);
  const auto phone = recipient_of(*message, number);
  if (!phone) return std::unexpected(phone.error());
  if (auto good = check_recipient(*message, number, *phone, now); !good) return std::unexpected(good.error());
  return record(*message, number, *phone, body);
}

std::string SendRoute::record(const CheckedMessage& message, const Number& number, std::uint64_t phone,
                              std::string_view body) {
  const bool is_template = message.message_template != nullptr;
  const std::uint16_t subject =
      is_template ? message.message_template->subject : world_.subject(message.type, "service");
  const auto index = static_cast<std::uint8_t>(world_.index_of(number));
  const MessageId id = world_.ledger.append(phone, index, subject, message.token, world_.clock.wall_now());
  if (world_.config.keep_bodies || !is_template) world_.ledger.keep_body(id, std::string(body));
  const bool held = is_template && world_.dice.chance(world_.chaos.held);
  if (held) {
    world_.ledger.set_fate(id, Fate::held);
    world_.held.push_back(id);
  } else {
    deliveries_.begin(id);
  }
  std::string out;
  out.reserve(256);
  out += R"({"messaging_product":"whatsapp","contacts":[{"input":)";
  append_meta_string(out, message.to.empty() ? message.recipient : message.to);
  if (message.to.empty()) {
    out += R"(,"user_id":)";
    append_meta_string(out, message.recipient);
  } else {
    out += R"(,"wa_id":")";
    append_number(out, phone);
    out += '"';
  }
  out += R"(}],"messages":[{"id":")";
  out += world_.message_name(id);
  if (held)
    out += R"(","message_status":"held_for_quality_assessment"}]})";
  else
    out += is_template ? R"(","message_status":"accepted"}]})" : R"("}]})";
  return out;
}

}  // namespace posthorn::sandbox
