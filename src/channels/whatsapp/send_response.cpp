#include "channels/whatsapp/send_response.h"

#include <array>
#include <charconv>
#include <limits>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "channels/whatsapp/graph_error.h"
#include "channels/whatsapp/json_fields.h"

namespace posthorn::whatsapp {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxWamid = 512;

int narrow(std::int64_t value) {
  using Limits = std::numeric_limits<int>;
  return value < Limits::min() || value > Limits::max() ? kNoCode : static_cast<int>(value);
}

// An unreadable body gives null.
json::value parse_body(std::string_view body, json::storage_ptr storage) {
  if (body.empty() || body.size() > kMaxSendAnswer) return nullptr;
  boost::system::error_code failure;
  json::value root = json::parse(body, failure, std::move(storage));
  return failure ? json::value(nullptr) : root;
}

const json::object* error_object(const json::value& root) {
  const json::object* object = root.if_object();
  const json::object* error = object != nullptr ? object_in(*object, "error") : nullptr;
  const bool well_formed = error != nullptr && integer_in(*error, "code", kNoCode) >= 0;
  return well_formed ? error : nullptr;
}

Acceptance acceptance_of(std::string_view message_status) {
  if (message_status == "held_for_quality_assessment") return Acceptance::held;
  if (message_status == "paused") return Acceptance::paused;
  return Acceptance::accepted;
}

// Fills in the accepted fields; false if the body holds no wamid.
bool read_acceptance(const json::value& root, SendAnswer& answer) {
  const json::object* object = root.if_object();
  const json::object* message = object != nullptr ? first_object_in(*object, "messages") : nullptr;
  const std::string_view wamid = message != nullptr ? string_in(*message, "id") : std::string_view();
  if (wamid.empty() || wamid.size() > kMaxWamid) return false;
  answer.kind = SendAnswer::Kind::accepted;
  answer.wamid = wamid;
  answer.acceptance = acceptance_of(string_in(*message, "message_status"));
  if (const json::object* contact = first_object_in(*object, "contacts")) {
    answer.wa_id = string_in(*contact, "wa_id");
    answer.user_id = string_in(*contact, "user_id");
  }
  return true;
}

std::optional<Duration> read_retry_after(const HttpHeaders& headers) {
  const std::string_view text = headers.get("Retry-After");
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || seconds < 0)
    return std::nullopt;
  return std::min<Duration>(std::chrono::seconds(std::min<std::int64_t>(seconds, 86400)),
                            std::chrono::hours(24));
}

void judge_error(SendAnswer& answer) {
  answer.info = &find_error(answer.error);
  if (answer.info->definitive) {
    answer.kind = SendAnswer::Kind::failed;
  } else {
    answer.why = fmt::format("Meta answered with an error that leaves open whether the message went out: {}",
                             answer.error.summary());
  }
}

// The HTTP status alone has to do.
void judge_status(int status, SendAnswer& answer) {
  const bool refused = status >= 300 && status < 500 && status != 408 && status != 499;
  if (!refused) {
    answer.why =
        fmt::format("the answer (HTTP {}) has no message id and no error that Meta would send", status);
    return;
  }
  answer.kind = SendAnswer::Kind::failed;
  answer.error.http_status = status;
  answer.error.message = fmt::format("HTTP {} without an error object", status);
  answer.info = &find_error(answer.error);
  answer.error.code = answer.info->code;  // the pseudo code, so that a stored code leads back to this row
}

}  // namespace

GraphError read_graph_error(const json::object& error, int http_status) {
  GraphError out;
  out.code = narrow(integer_in(error, "code", kNoCode));
  out.subcode = narrow(integer_in(error, "error_subcode", 0));
  out.http_status = http_status;
  out.transient = flag_in(error, "is_transient");
  out.type = string_in(error, "type");
  out.title = string_in(error, "title");
  if (out.title.empty()) out.title = string_in(error, "error_user_title");
  out.message = string_in(error, "message");
  if (const json::object* data = object_in(error, "error_data")) out.details = string_in(*data, "details");
  if (out.details.empty()) out.details = string_in(error, "error_user_msg");
  out.trace_id = string_in(error, "fbtrace_id");
  return out;
}

std::vector<GraphError> read_graph_errors(const json::object& item) {
  std::vector<GraphError> out;
  const json::array* errors = array_in(item, "errors");
  if (errors == nullptr) return out;
  for (const json::value& entry : *errors) {
    if (const json::object* error = entry.if_object()) out.push_back(read_graph_error(*error, 0));
  }
  return out;
}

SendAnswer interpret_send_response(int status, const HttpHeaders& headers, std::string_view body) {
  std::array<unsigned char, 4096> buffer;
  json::monotonic_resource memory(buffer.data(), buffer.size());
  const json::value root = parse_body(body, &memory);
  SendAnswer answer;
  answer.retry_after = read_retry_after(headers);
  if (const json::object* error = error_object(root)) {
    answer.error = read_graph_error(*error, status);
    judge_error(answer);
  } else if (status < 200 || status > 299 || !read_acceptance(root, answer)) {
    judge_status(status, answer);
  }
  return answer;
}

std::optional<GraphError> parse_graph_error(int status, std::string_view body) {
  const json::value root = parse_body(body, {});
  const json::object* error = error_object(root);
  if (error == nullptr) return std::nullopt;
  return read_graph_error(*error, status);
}

}  // namespace posthorn::whatsapp
