#include "api/http_answers.h"

#include "core/json_text.h"

namespace posthorn {

int http_status(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid_argument:
      return error.field == "Idempotency-Key" ? 422 : 400;
    case ErrorCode::unauthenticated:
      return 401;
    case ErrorCode::permission_denied:
      return 403;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::conflict:
      return 409;
    case ErrorCode::too_large:
      return 413;
    case ErrorCode::resource_exhausted:
    case ErrorCode::unavailable:
    case ErrorCode::cancelled:
      return 503;
    case ErrorCode::deadline_exceeded:
      return 504;
    case ErrorCode::data_loss:
    case ErrorCode::internal:
      return 500;
  }
  return 500;
}

json::object error_body(const Error& error) {
  json::object inner;
  inner["code"] = to_string(error.code);
  inner["message"] = error.message;
  if (!error.field.empty()) inner["field"] = error.field;
  json::object out;
  out["error"] = std::move(inner);
  return out;
}

HttpResponse plain_response(int status, std::string body, std::string content_type) {
  HttpResponse response;
  response.status = status;
  response.headers.set("Content-Type", std::move(content_type));
  response.headers.set("X-Content-Type-Options", "nosniff");
  response.headers.set("Referrer-Policy", "no-referrer");
  response.headers.set("Cache-Control", "no-store");
  response.body = std::move(body);
  return response;
}

HttpResponse json_response(int status, const json::value& value) {
  return plain_response(status, json_text(value), "application/json");
}

HttpResponse error_response(const Error& error) {
  auto response = json_response(http_status(error), error_body(error));
  if (error.code == ErrorCode::unauthenticated)
    response.headers.set("WWW-Authenticate", "Bearer realm=\"posthorn\"");
  if (response.status == 503) response.headers.set("Retry-After", "5");
  return response;
}

}  // namespace posthorn
